//! One right: which it is, how people read it, and the statement that revokes it.

use sha2::{Digest, Sha256};
use sqlx::{FromRow, postgres::types::Oid};

use super::{
    super::{error::Error, name::RoleName},
    database::Database,
};

/// The number of `pg_default_acl`.
const DEFAULT_ACL: i64 = 826;

/// One or more rights of one role on one thing, given by one role.
#[derive(FromRow)]
pub(super) struct Right {
    pub(super) class: i64,
    pub(super) objid: i64,
    pub(super) subid: i32,
    /// What it is on, as a statement takes it: `table app.orders`.
    object: String,
    /// The column, for a statement; nothing for the whole.
    column_name: Option<String>,
    /// Of default privileges for one schema: the schema, for a statement.
    schema: Option<String>,
    pub(super) grantor: Oid,
    pub(super) grantor_name: String,
    pub(super) grantee: Oid,
    /// Nothing for everybody.
    grantee_name: Option<String>,
    privileges: Vec<String>,
    is_grantable: bool,
}

/// What an access privilege is called, by its bit.
const PRIVILEGES: [&str; 15] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "MAINTAIN",
    "USAGE",
    "EXECUTE",
    "CREATE",
    "CONNECT",
    "TEMPORARY",
    "SET",
    "ALTER SYSTEM",
];

/// The bit of the right to give on.
const GRANTABLE: u16 = 1 << 15;

impl Right {
    /// Which right it is, whatever it allows.
    pub(super) fn key(&self, database: &Database) -> [u8; 6] {
        let mut digest = Sha256::new();
        for number in [
            database.oid.0.into(),
            self.class,
            self.objid,
            self.subid.into(),
            self.grantor.0.into(),
            self.grantee.0.into(),
        ] {
            digest.update(number.to_le_bytes());
        }
        let digest: [u8; 32] = digest.finalize().into();
        [
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5],
        ]
    }

    pub(super) fn allowed(&self) -> u16 {
        let bits = PRIVILEGES.iter().enumerate();
        let bits = bits.filter(|(_, name)| self.privileges.iter().any(|has| has == *name));
        let grantable = if self.is_grantable { GRANTABLE } else { 0 };
        bits.fold(grantable, |bits, (bit, _)| bits | (1 << bit))
    }

    fn is_default(&self) -> bool {
        self.class == DEFAULT_ACL
    }

    /// It, as people read it, as far as it is in `new`.
    pub(super) fn told(&self, new: u16) -> String {
        let mut privileges = names(new).join(", ");
        if new == GRANTABLE {
            privileges = names(self.allowed()).join(", ");
        }
        let option = match new & GRANTABLE {
            0 => "",
            _ => " WITH GRANT OPTION",
        };
        let to = self.grantee_name.as_deref().unwrap_or("everybody");
        let (object, by) = (&self.object, &self.grantor_name);
        if self.is_default() {
            let schema = self.schema.as_ref();
            let schema = schema.map_or_else(String::new, |schema| format!(" in schema {schema}"));
            return format!(
                "default privileges of {by}{schema}: {privileges} on {object} to {to}{option}"
            );
        }
        let column = self.column_name.as_ref();
        let column = column.map_or_else(String::new, |column| format!(" column {column}"));
        format!("{privileges} on {object}{column} to {to}{option}, granted by {by}")
    }

    /// The statement that revokes what is in `new`.
    pub(super) fn revocation(&self, new: u16) -> Result<String, Error> {
        let role = |name: &str| {
            let name = RoleName::try_from(name.to_owned()).map_err(Error::NoSuchName)?;
            Ok::<_, Error>(name.quoted().to_string())
        };
        let from = match &self.grantee_name {
            Some(name) => role(name)?,
            None => "PUBLIC".to_owned(),
        };
        let (option, names) = match new {
            GRANTABLE => ("GRANT OPTION FOR ", names(self.allowed())),
            _ => ("", names(new)),
        };
        let column = self.column_name.as_ref();
        let column = column.map_or_else(String::new, |column| format!(" ({column})"));
        let privileges: Vec<String> = names
            .into_iter()
            .map(|name| format!("{name}{column}"))
            .collect();
        let privileges = privileges.join(", ");
        // PostgreSQL has quoted the object. What was given on by the right cannot stand without it.
        let revoke = format!(
            "REVOKE {option}{privileges} ON {} FROM {from} CASCADE",
            self.object
        );
        if !self.is_default() {
            return Ok(revoke);
        }
        let schema = self.schema.as_ref();
        let schema = schema.map_or_else(String::new, |schema| format!("IN SCHEMA {schema} "));
        let by = role(&self.grantor_name)?;
        Ok(format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {by} {schema}{revoke}"
        ))
    }
}

fn names(allowed: u16) -> Vec<&'static str> {
    let names = PRIVILEGES.iter().enumerate();
    let names = names.filter(|(bit, _)| allowed & (1 << bit) != 0);
    names.map(|(_, name)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(privileges: &[&str]) -> Right {
        Right {
            class: 1259,
            objid: 20_000,
            subid: 0,
            object: r#"table app."odd ""one""#.to_owned() + "\"",
            column_name: None,
            schema: None,
            grantor: Oid(16_400),
            grantor_name: "app_writer".to_owned(),
            grantee: Oid(16_401),
            grantee_name: Some(r#"alice" CASCADE; --"#.to_owned()),
            privileges: privileges.iter().map(|name| (*name).to_owned()).collect(),
            is_grantable: false,
        }
    }

    #[test]
    fn rights_of_different_people_are_told_apart() {
        let home = Database {
            oid: Oid(5),
            name: "app".to_owned(),
            is_home: true,
        };
        let (one, mut other) = (right(&["SELECT"]), right(&["SELECT", "INSERT"]));
        assert_eq!(one.key(&home), other.key(&home));
        other.grantee = Oid(0);
        assert_ne!(one.key(&home), other.key(&home));
    }

    #[test]
    fn only_what_is_new_of_a_right_is_told_and_revoked() {
        let before = right(&["SELECT"]).allowed();
        let mut now = right(&["INSERT", "SELECT", "UPDATE"]);
        let new = now.allowed() & !before;
        let told = now.told(new);
        assert!(told.starts_with("INSERT, UPDATE on table app."), "{told}");
        assert!(told.ends_with(", granted by app_writer"), "{told}");
        let revoke = now.revocation(new).unwrap();
        assert!(
            revoke.starts_with("REVOKE INSERT, UPDATE ON table app."),
            "{revoke}"
        );
        assert!(
            revoke.ends_with(r#" FROM "alice"" CASCADE; --" CASCADE"#),
            "{revoke}"
        );

        now.is_grantable = true;
        let new = now.allowed() & !right(&["INSERT", "SELECT", "UPDATE"]).allowed();
        let revoke = now.revocation(new).unwrap();
        let begins = "REVOKE GRANT OPTION FOR SELECT, INSERT, UPDATE ON ";
        assert!(revoke.starts_with(begins), "{revoke}");
    }

    #[test]
    fn default_privileges_and_columns_are_revoked_where_they_are() {
        let mut default = right(&["SELECT"]);
        default.class = DEFAULT_ACL;
        default.object = "tables".to_owned();
        default.schema = Some("app".to_owned());
        default.grantee_name = None;
        let all = default.allowed();
        assert_eq!(
            default.revocation(all).unwrap(),
            "ALTER DEFAULT PRIVILEGES FOR ROLE \"app_writer\" IN SCHEMA app \
             REVOKE SELECT ON tables FROM PUBLIC CASCADE"
        );
        assert_eq!(
            default.told(all),
            "default privileges of app_writer in schema app: SELECT on tables to everybody"
        );
        let mut column = right(&["SELECT", "UPDATE"]);
        column.object = "table app.orders".to_owned();
        column.column_name = Some("note".to_owned());
        column.grantee_name = Some("alice".to_owned());
        let all = column.allowed();
        assert_eq!(
            column.revocation(all).unwrap(),
            "REVOKE SELECT (note), UPDATE (note) ON table app.orders FROM \"alice\" CASCADE"
        );
    }
}
