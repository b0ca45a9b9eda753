//! Prepared transactions that a grantee left.

use sqlx::{FromRow, postgres::types::Oid};

use super::{
    super::{
        error::Error,
        name::{Exact, RoleName},
        server::{self, run},
        session::Session,
    },
    database::MOST_ROWS,
    search::{Search, is_done},
    since::since,
};
use crate::{domain::Leftover, sanitize::escaped};

#[derive(FromRow)]
struct Transaction {
    gid: String,
    database: String,
    owner: Oid,
    owner_name: String,
    is_new: bool,
}

/// Lists the prepared transactions that were left.
pub(super) async fn left(
    search: &Search<'_>,
    session: &mut Session<'_>,
) -> Result<Vec<Leftover>, Error> {
    let prepared: Vec<Transaction> = sqlx::query_as(concat!(
        "SELECT p.gid AS gid, p.database::pg_catalog.text AS database, o.oid AS owner, \
                p.owner::pg_catalog.text AS owner_name, ",
        since!("p.transaction", "$3", "$4"),
        " AS is_new \
         FROM pg_catalog.pg_prepared_xacts p \
         JOIN pg_catalog.pg_roles o ON o.rolname OPERATOR(pg_catalog.=) p.owner \
         WHERE o.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) AND ",
        since!("p.transaction", "$2", "$4"),
        " LIMIT $5::pg_catalog.int8"
    ))
    .bind(&search.parties.makers)
    .bind(search.baseline.xmin)
    .bind(search.baseline.xmax)
    .bind(search.now)
    .bind(MOST_ROWS)
    .fetch_all(&mut session.connection)
    .await?;
    let mut left = Vec::new();
    for transaction in prepared {
        let is_own = search.is_own(transaction.owner);
        let may = is_own && search.may_drop(is_own, transaction.is_new);
        let dropped = may && roll_back(session, &transaction).await;
        let what = format!(
            "prepared transaction {:?} of {} in the database {}",
            transaction.gid, transaction.owner_name, transaction.database
        );
        let what = escaped(&search.marked(what, is_own, transaction.is_new));
        left.push(Leftover { what, dropped });
    }
    Ok(left)
}

/// Rolls back a transaction in its database, as its owner: nobody else may.
async fn roll_back(session: &Session<'_>, transaction: &Transaction) -> bool {
    let rolled_back = async {
        let owner = RoleName::try_from(transaction.owner_name.clone());
        let owner = owner.map_err(Error::NoSuchName)?;
        let mut connection = session.connect_to(&transaction.database).await?;
        let statements = [
            format!("SET ROLE {}", owner.quoted()),
            format!("ROLLBACK PREPARED {}", Exact(&transaction.gid)),
        ];
        let mut rolled_back = Ok(());
        for statement in statements {
            if rolled_back.is_ok() {
                rolled_back = run(&mut connection, statement).await.map(drop);
            }
        }
        server::close(connection).await;
        rolled_back
    };
    is_done(rolled_back.await)
}
