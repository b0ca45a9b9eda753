//! What a grantee leaves behind: direct grants, functions with `SECURITY DEFINER`, default privileges and
//! prepared transactions of theirs, and of the role that they were lent; and what they made their own.
//!
//! PostgreSQL records as whom something was made, not by whom. So before the grant Keylend keeps a
//! [`Baseline`]: which transactions were over by then, which PostgreSQL writes into each row of its
//! catalogues, and which rights there were. What is not newer is not looked at. What others made as the same
//! role in the meantime cannot be told apart; where others have the role, the list says so, and nothing that
//! may be theirs is dropped.
//!
//! Access has ended before anything is searched, and nothing waits for the search.

mod baseline;
mod database;
mod granted;
mod ownership;
mod parties;
mod prepared;
mod right;
mod rights;
mod routines;
mod search;
mod since;

use std::time::Duration;

use sqlx::PgConnection;

pub(super) use self::{
    baseline::{Baseline, baseline},
    search::Grant,
};
use self::{
    database::{Database, connect, transactions},
    parties::{MOST_DATABASES, Parties},
    search::Search,
};
use super::{error::Error, server, session::Session};
use crate::{
    domain::{Leftover, Leftovers},
    sanitize::escaped,
};

/// How long the search may take in all.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Lists what the grantee left behind, and drops what is certainly theirs where that is asked for. What
/// could not be searched is said in the list.
pub(super) async fn find(session: &mut Session<'_>, grant: &Grant<'_>) -> Result<Leftovers, Error> {
    let Some(baseline) = grant.baseline else {
        return Ok(unknown_before());
    };
    let (_, now) = transactions(&mut session.connection).await?;
    let parties = Parties::find(&mut session.connection, grant.login, grant.role).await?;
    let search = Search {
        grant,
        parties,
        baseline,
        rights: baseline.rights(),
        now,
    };
    let (databases, is_whole) = search.parties.databases(&mut session.connection).await?;
    let mut found = Vec::new();
    let mut unsearched = None;
    if !is_whole {
        unsearched = Some(format!("more than {MOST_DATABASES} databases"));
    }
    for database in databases {
        let searched = match connect(session, &database).await {
            Ok(mut connection) => {
                let searched = search_database(&search, &mut connection, &database).await;
                server::close(connection).await;
                searched.map_err(|error| error.within(&database.name))
            }
            Err(error) => Err(error),
        };
        match searched {
            Ok(some) => found.extend(some),
            Err(error) => unsearched = unsearched.or(Some(error.to_string())),
        }
    }
    found.extend(prepared::left(&search, session).await?);
    found.sort_unstable_by(|one, other| one.what.cmp(&other.what));
    for leftover in found.iter().filter(|leftover| leftover.dropped) {
        // The answer with the list may be lost.
        tracing::info!(what = %leftover.what, "dropped what a grantee left behind");
    }
    let leftovers = Leftovers::new(found);
    Ok(match unsearched {
        Some(why) => leftovers.but_unsearched(&escaped(&why)),
        None => leftovers,
    })
}

/// Lists what was left in one database.
async fn search_database(
    search: &Search<'_>,
    connection: &mut PgConnection,
    database: &Database,
) -> Result<Vec<Leftover>, Error> {
    let mut found = granted::left(search, connection, database).await?;
    found.extend(routines::left(search, connection, database).await?);
    found.extend(ownership::left(search, connection, database).await?);
    Ok(found)
}

/// What is said if there is nothing to compare with.
pub(super) fn unknown_before() -> Leftovers {
    Leftovers::default().but_unsearched(
        "there is no list of what was there before the grant, so nothing can be compared",
    )
}
