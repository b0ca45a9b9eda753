//! The App Homes, and what each asks its person to decide.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::FromRow;

use super::{
    commit::{Failure, exactly_one},
    db::{Connection, Pool, items},
    work::{read_count, read_time},
};
use crate::{
    domain::{Time, UserId},
    store::{Home, Published, Whose},
};

#[derive(FromRow)]
struct Row {
    person: String,
    shown: Option<String>,
    touched: i64,
    failures: i64,
}

/// The Home whose turn it is: one of which nothing is known to be shown first, then longest
/// waiting.
pub(super) async fn due(reads: &Pool, now: Time) -> sqlx::Result<Option<Home>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT person, shown, touched, failures FROM homes WHERE due_at <= $1
         ORDER BY shown IS NOT NULL, due_at, person LIMIT 1",
    )
    .bind(now.timestamp_millis())
    .fetch_optional(reads)
    .await?;
    row.map(|row| {
        Ok(Home {
            person: UserId::new(row.person),
            shown: row.shown,
            touched: row.touched.cast_unsigned(),
            failures: read_count(row.failures)?,
        })
    })
    .transpose()
}

/// When the next Home after `now` has its turn.
pub(super) async fn next(reads: &Pool, now: Time) -> sqlx::Result<Option<Time>> {
    let (next,): (Option<i64>,) = sqlx::query_as("SELECT min(due_at) FROM homes WHERE due_at > $1")
        .bind(now.timestamp_millis())
        .fetch_one(reads)
        .await?;
    next.map(read_time).transpose()
}

/// Keeps a person's Home from now on, and knows nothing of what it shows.
pub(super) async fn opened(
    connection: &mut Connection,
    person: &UserId,
    now: Time,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "INSERT INTO homes (person, touched, failures, due_at) VALUES ($1, 1, 0, $2)
         ON CONFLICT (person) DO UPDATE SET shown = NULL, touched = homes.touched + 1,
             due_at = CASE WHEN homes.due_at < excluded.due_at THEN homes.due_at
                 ELSE excluded.due_at END",
    )
    .bind(person.as_str())
    .bind(now.timestamp_millis())
    .execute(connection)
    .await?;
    exactly_one(&done)
}

/// Gives Homes their turn at `at`, if they have none before.
pub(super) async fn touch(
    connection: &mut Connection,
    whose: &Whose,
    at: Time,
) -> Result<(), Failure> {
    match whose {
        Whose::Of(people) => {
            for person in people {
                sqlx::query(
                    "UPDATE homes SET touched = touched + 1, due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END
                     WHERE person = $1",
                )
                .bind(person.as_str())
                .bind(at.timestamp_millis())
                .execute(&mut *connection)
                .await?;
            }
        }
        Whose::Showing { person, shown } => {
            sqlx::query(
                "UPDATE homes SET touched = touched + 1, due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END
                 WHERE person = $1 AND shown = $2",
            )
            .bind(person.as_str())
            .bind(shown)
            .bind(at.timestamp_millis())
            .execute(connection)
            .await?;
        }
        Whose::Asked => {
            sqlx::query(
                "UPDATE homes SET touched = touched + 1, due_at = CASE WHEN due_at < $1 THEN due_at ELSE $1 END
                 WHERE person IN (SELECT person FROM home_questions)",
            )
            .bind(at.timestamp_millis())
            .execute(connection)
            .await?;
        }
    }
    Ok(())
}

/// Gives their turn to the Homes of the requesters, and to those that ask to decide these requests,
/// or others of the same requesters: what somebody holds decides what else they may get.
pub(super) async fn touch_by(
    connection: &mut Connection,
    changed: &Value,
    at: Time,
) -> sqlx::Result<()> {
    let statement = concat!(
        "WITH changed AS (
             SELECT item.value->>0 AS id, item.value->>2 AS requester FROM ",
        items!(),
        ")
         UPDATE homes SET touched = touched + 1, due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END
         WHERE person IN (
             SELECT requester FROM changed
             UNION SELECT person FROM home_questions WHERE request_id IN (SELECT id FROM changed)
             UNION SELECT person FROM home_questions
                 JOIN requests ON requests.id = home_questions.request_id
                 WHERE requests.requester IN (SELECT requester FROM changed) AND requests.open = 1)"
    );
    sqlx::query(statement)
        .bind(changed.to_string())
        .bind(at.timestamp_millis())
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes what Slack shows. The Home rests if nothing has touched it meanwhile. A question that is
/// new may have been answered while the store did not know that it was asked, so then the log
/// (now at `head`) must not have moved either.
pub(super) async fn shown(
    connection: &mut Connection,
    head: u64,
    home: &Home,
    published: &Published,
) -> Result<(), Failure> {
    let person = home.person.as_str();
    let asked: Vec<(String,)> =
        sqlx::query_as("SELECT request_id FROM home_questions WHERE person = $1")
            .bind(person)
            .fetch_all(&mut *connection)
            .await?;
    let asked: BTreeSet<String> = asked.into_iter().map(|(request,)| request).collect();
    let asks: BTreeSet<String> = published.asks.iter().map(ToString::to_string).collect();
    let may_rest = asks.is_subset(&asked) || head == published.seen;
    let again = published.again.map(|at| at.timestamp_millis());
    let done = sqlx::query(
        "UPDATE homes
         SET shown = CASE WHEN shown IS NOT DISTINCT FROM $2 THEN $3 ELSE shown END,
             failures = CASE WHEN $4 IS NULL THEN 0 ELSE failures + 1 END,
             due_at = CASE WHEN $5 AND touched = $6 THEN $4 ELSE due_at END
         WHERE person = $1",
    )
    .bind(person)
    .bind(&home.shown)
    .bind(&published.shown)
    .bind(again)
    .bind(may_rest)
    .bind(home.touched.cast_signed())
    .execute(&mut *connection)
    .await?;
    exactly_one(&done)?;
    for answered in asked.difference(&asks) {
        let done = sqlx::query("DELETE FROM home_questions WHERE request_id = $1 AND person = $2")
            .bind(answered)
            .bind(person)
            .execute(&mut *connection)
            .await?;
        exactly_one(&done)?;
    }
    for new in asks.difference(&asked) {
        let done = sqlx::query("INSERT INTO home_questions (request_id, person) VALUES ($1, $2)")
            .bind(new)
            .bind(person)
            .execute(&mut *connection)
            .await?;
        exactly_one(&done)?;
    }
    Ok(())
}

/// Notes a failure, and when the Home has its next turn. Without one it rests until something
/// touches it, which may have happened already.
pub(super) async fn failed(
    connection: &mut Connection,
    home: &Home,
    retry_at: Option<Time>,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "UPDATE homes SET failures = failures + 1,
             due_at = CASE WHEN $2 IS NULL AND touched <> $3 THEN due_at ELSE $2 END
         WHERE person = $1",
    )
    .bind(home.person.as_str())
    .bind(retry_at.map(|at| at.timestamp_millis()))
    .bind(home.touched.cast_signed())
    .execute(connection)
    .await?;
    exactly_one(&done)
}
