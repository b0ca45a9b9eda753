//! The roles that a search is about.

use sqlx::{PgConnection, postgres::types::Oid};

use super::{
    super::{error::Error, leftovers_role},
    database::Database,
};

/// The most databases that are searched.
pub(super) const MOST_DATABASES: usize = 20;

/// The roles that a search is about.
pub(super) struct Parties {
    pub(super) login: Option<Oid>,
    /// The login, the role that was lent, and the roles that it is in: whoever has the role acts as any of
    /// them.
    pub(super) makers: Vec<Oid>,
    /// Whom rights would be left to: the login, everybody, and the role that owns what others left behind.
    pub(super) receivers: Vec<Oid>,
    /// The role that owns what others left behind, if there is one.
    pub(super) keeper: Option<Oid>,
    /// Whether others have the role too.
    pub(super) is_shared: bool,
}

impl Parties {
    pub(super) async fn find(
        connection: &mut PgConnection,
        login: Option<Oid>,
        role: Oid,
    ) -> Result<Self, Error> {
        let makers: Vec<Oid> = sqlx::query_scalar(
            "SELECT r.oid FROM pg_catalog.pg_roles r \
             WHERE r.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid \
                OR NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) session_user \
                   AND pg_catalog.pg_has_role($2::pg_catalog.oid, r.oid, 'MEMBER')",
        )
        .bind(login)
        .bind(role)
        .fetch_all(&mut *connection)
        .await?;
        let is_shared = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles l \
                            WHERE l.rolcanlogin AND NOT l.rolsuper \
                              AND l.rolname OPERATOR(pg_catalog.<>) session_user \
                              AND l.oid IS DISTINCT FROM $1::pg_catalog.oid \
                              AND pg_catalog.pg_has_role(l.oid, $2::pg_catalog.oid, 'MEMBER'))",
        )
        .bind(login)
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
        let everybody = Oid(0);
        let keeper = leftovers_role::number(connection).await?;
        let receivers = login.into_iter().chain([everybody]).chain(keeper);
        Ok(Self {
            login,
            makers,
            receivers: receivers.collect(),
            keeper,
            is_shared,
        })
    }

    /// The databases in which one of them has anything, and whether these are all.
    pub(super) async fn databases(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(Vec<Database>, bool), Error> {
        let parties: Vec<Oid> = self.makers.iter().copied().chain(self.keeper).collect();
        let mut databases: Vec<Database> = sqlx::query_as(
            "SELECT d.oid AS oid, d.datname::pg_catalog.text AS name, \
                    d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AS is_home \
             FROM pg_catalog.pg_database d \
             WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
                OR d.datallowconn \
                   AND EXISTS (SELECT FROM pg_catalog.pg_shdepend s \
                        WHERE s.dbid OPERATOR(pg_catalog.=) d.oid \
                          AND s.refclassid OPERATOR(pg_catalog.=) 1260::pg_catalog.oid \
                          AND s.refobjid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])) \
             ORDER BY 3 DESC, 2 LIMIT $2::pg_catalog.int8",
        )
        .bind(&parties)
        .bind(i64::try_from(MOST_DATABASES).unwrap_or(i64::MAX) + 1)
        .fetch_all(connection)
        .await?;
        let is_whole = databases.len() <= MOST_DATABASES;
        databases.truncate(MOST_DATABASES);
        Ok((databases, is_whole))
    }
}
