//! Which identities are one human's, as the log tells: those that were recorded together once, and
//! those that share one with them.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use super::{
    commit::run,
    db::{Connection, items},
    holders::keys,
};
use crate::domain::{Human, Humans};

/// People who are kept in mind at most.
const KNOWN: usize = 10_000;

/// The people whose identities this replica has recorded as one human's, which it need not do again:
/// nothing that Keylend does takes them apart. A row that somebody else deletes, `audit verify` names.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    known: HashSet<Human>,
    /// Those of the transaction that is under way.
    pending: Vec<Human>,
}

impl Recorded {
    /// A transaction begins; what an earlier one left undone does not count.
    pub(super) fn begin(&mut self) {
        self.pending.clear();
    }

    /// The transaction has been committed.
    pub(super) fn commit(&mut self) {
        if self.known.len() + self.pending.len() > KNOWN {
            self.known.clear();
        }
        self.known.extend(self.pending.drain(..));
    }
}

/// Every identity that is recorded of this human.
pub(super) async fn known(connection: &mut Connection, person: &Human) -> sqlx::Result<Human> {
    let found = found(connection, &keys(person)).await?;
    let all = found.iter();
    Ok(all.fold(Human::default(), |all, human| all.with(human)))
}

/// Records of each of these people that their identities are one human's.
pub(super) async fn record(
    connection: &mut Connection,
    recorded: &mut Recorded,
    mut people: Vec<Human>,
) -> sqlx::Result<()> {
    people.retain(|human| !recorded.known.contains(human));
    if people.is_empty() {
        return Ok(());
    }
    let all = people
        .iter()
        .fold(Human::default(), |all, one| all.with(one));
    let before = found(connection, &keys(&all)).await?;
    let mut humans = Humans::default();
    before
        .iter()
        .chain(&people)
        .for_each(|human| humans.add(human));
    let changed = humans.all().filter(|human| !before.contains(human));
    let rows: Vec<Value> = changed.flat_map(rows).collect();
    recorded.pending.append(&mut people);
    if rows.is_empty() {
        return Ok(());
    }
    let statement = concat!(
        "INSERT INTO humans (key, human) SELECT item.value->>0, item.value->>1 FROM ",
        items!(),
        " WHERE true ON CONFLICT (key) DO UPDATE SET human = excluded.human"
    );
    run(connection, statement, &Value::Array(rows))
        .await
        .map(drop)
}

/// The humans who have one of these identities.
async fn found(connection: &mut Connection, keys: &Value) -> sqlx::Result<BTreeSet<Human>> {
    let statement = concat!(
        "SELECT DISTINCT human FROM humans WHERE key IN (SELECT item.value->>0 FROM ",
        items!(),
        ")"
    );
    let rows: Vec<(String,)> = sqlx::query_as(statement)
        .bind(keys.to_string())
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|(human,)| {
            serde_json::from_str(human).map_err(|error| sqlx::Error::Decode(error.into()))
        })
        .collect()
}

/// A human's rows: one for each identity.
pub(in crate::store) fn rows(human: &Human) -> Vec<Value> {
    let written = serde_json::to_string(human).expect("a human can be written as JSON");
    let keys = human.keys();
    keys.map(|key| json!([key, written])).collect()
}
