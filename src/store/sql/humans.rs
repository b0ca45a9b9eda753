//! Which identities are one human's, as the log tells: those that were recorded together once, and
//! those that share one with them.

use serde_json::{Value, json};

use super::{
    commit::run,
    db::{Connection, items},
    holders::keys,
};
use crate::domain::Human;

/// Every identity that is recorded of this human.
pub(super) async fn known(connection: &mut Connection, person: &Human) -> sqlx::Result<Human> {
    let statement = concat!(
        "SELECT DISTINCT human FROM humans WHERE key IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    let rows: Vec<(String,)> = sqlx::query_as(statement)
        .bind(keys(person).to_string())
        .fetch_all(connection)
        .await?;
    let mut humans = rows.iter().map(|(human,)| {
        serde_json::from_str::<Human>(human).map_err(|error| sqlx::Error::Decode(error.into()))
    });
    humans.try_fold(Human::default(), |all, human| Ok(all.with(&human?)))
}

/// Records that these identities are one human's.
pub(super) async fn record(connection: &mut Connection, person: &Human) -> sqlx::Result<()> {
    let before = known(connection, person).await?;
    let after = before.clone().with(person);
    if after == before {
        return Ok(());
    }
    let statement = concat!(
        "INSERT INTO humans (key, human) SELECT item.value->>0, item.value->>1 FROM ",
        items!(),
        " WHERE true ON CONFLICT (key) DO UPDATE SET human = excluded.human"
    );
    run(connection, statement, &Value::Array(rows(&after)))
        .await
        .map(drop)
}

/// A human's rows: one for each identity.
pub(in crate::store) fn rows(human: &Human) -> Vec<Value> {
    let written = serde_json::to_string(human).expect("a human can be written as JSON");
    let keys = human.keys();
    keys.map(|key| json!([key, written])).collect()
}
