//! Nothing decides that the log does not say: somebody who can write to the tables, but not to the
//! log, gains nothing by it, and `keylend audit verify` names what they did. Each story happens in a
//! real service on a real store, SQLite and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    reason = "each test program uses its own part of the fixture"
)]
mod support;

mod appended;
mod deciding;
mod deleted;
mod edited;
mod ending;
mod history;
mod people;
mod rebuilding;
mod scene;
mod shown;
mod signing;
mod unreadable;
mod verifying;

/// Makes a test of every story named, for both databases.
macro_rules! on_both {
    ($($(#[$attribute:meta])* $story:ident),+ $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                $(#[$attribute])*
                async fn $story() {
                    super::$story(crate::scene::Scene::on_sqlite().await).await;
                }
            )+
        }

        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                $(#[$attribute])*
                async fn $story() {
                    super::$story(crate::scene::Scene::on_postgres().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;
