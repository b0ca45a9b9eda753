//! Rights that a grantee gave to themselves or to everybody.

use sqlx::{Connection as _, PgConnection};

use super::{
    super::{error::Error, name::RoleName, server::run},
    baseline::Rights,
    database::{Database, within},
    right::Right,
    rights,
    search::{Search, is_done},
    since::Since,
};
use crate::domain::Leftover;

/// Lists the rights that were left, and revokes what is to be revoked.
pub(super) async fn left(
    search: &Search<'_>,
    connection: &mut PgConnection,
    database: &Database,
) -> Result<Vec<Leftover>, Error> {
    let since = Since {
        xmin: search.baseline.xmin,
        now: search.now,
    };
    let rights = rights::list(&search.parties, connection, database, Some(since));
    let rights = rights.await?;
    let all = match search.grant.drop || search.grant.is_generated {
        true => rights::list(&search.parties, connection, database, None).await?,
        false => Vec::new(),
    };
    let mut left = Vec::new();
    let mut has_revoked = false;
    for right in rights {
        let key = right.key(database);
        let before = search.rights.as_ref().map(|rights| rights.get(&key));
        let before = before.flatten().copied().unwrap_or_default();
        let new = right.allowed() & !before;
        if new == 0 {
            continue;
        }
        let is_own = search.is_own(right.grantee);
        // A login that Keylend made has no rights to keep.
        let is_lost = is_own && search.grant.is_generated;
        let may_drop = search.may_drop(is_own, search.rights.is_some())
            && !reaches_older(search, &right, &all, database);
        if is_lost || may_drop {
            has_revoked |= revoke(connection, &right, new).await;
        }
        left.push((key, right, new));
    }
    let now: Rights = match has_revoked {
        true => {
            let now = rights::list(&search.parties, connection, database, None).await?;
            let now = now.iter();
            now.map(|right| (right.key(database), right.allowed()))
                .collect()
        }
        false => left
            .iter()
            .map(|(key, right, _)| (*key, right.allowed()))
            .collect(),
    };
    let told = left.into_iter().filter_map(|(key, right, new)| {
        let is_own = search.is_own(right.grantee);
        let dropped = now.get(&key).is_none_or(|now| now & new == 0);
        if dropped && is_own && search.grant.is_generated {
            return None;
        }
        let what = search.marked(right.told(new), is_own, search.rights.is_some());
        let what = within(database, &what);
        Some(Leftover { what, dropped })
    });
    Ok(told.collect())
}

/// Whether revoking a right on a whole table would also revoke one on a column of it that was there
/// before.
fn reaches_older(search: &Search<'_>, right: &Right, all: &[Right], database: &Database) -> bool {
    let is_part = |other: &&Right| {
        (other.class, other.objid, other.grantor, other.grantee)
            == (right.class, right.objid, right.grantor, right.grantee)
            && right.subid == 0
            && other.subid != 0
    };
    let is_older = |part: &Right| {
        let rights = search.rights.as_ref();
        rights.is_none_or(|rights| rights.contains_key(&part.key(database)))
    };
    all.iter().filter(is_part).any(is_older)
}

/// Revokes a right as who gave it, and says whether the statement worked.
async fn revoke(connection: &mut PgConnection, right: &Right, new: u16) -> bool {
    let revoked = async {
        let grantor = RoleName::try_from(right.grantor_name.clone()).map_err(Error::NoSuchName)?;
        let mut transaction = connection.begin().await?;
        let role = format!("SET LOCAL ROLE {}", grantor.quoted());
        run(&mut transaction, role).await?;
        run(&mut transaction, right.revocation(new)?).await?;
        transaction.commit().await?;
        Ok::<(), Error>(())
    };
    is_done(revoked.await)
}
