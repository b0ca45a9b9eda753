//! Connections that become sessions at the worst moment.

use std::str::FromStr;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use super::{PASSWORD, relay::Relay};
use crate::part::{Part, backend, is_dead};
use crate::subject::Calls as _;

/// More than Keylend sends until it has looked at everything once.
const MESSAGES: usize = 28;

/// A connection that hides while it starts can become a session between any two of Keylend's
/// statements: whichever they are, it does not keep the role.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_appears_between_two_looks_does_not_keep_the_role() {
    let part = Part::start_alone("20s").await;
    let alice = part.person("alice", "").await;
    let order = part.named(&alice);
    let mut relay = Relay::to(part.postgres().port()).await;
    let keylend = relay.url(&part);
    let role = part.role();
    let options = PgConnectOptions::from_str(&part.postgres().url_for(&alice, PASSWORD))
        .expect("a URL")
        .options([("role", role.as_str()), ("post_auth_delay", "2000")]);
    let starting = "SELECT FROM pg_locks l WHERE l.locktype = 'object' AND l.classid = 1262 \
                    AND l.pid <> pg_backend_pid()";

    for moment in 0..MESSAGES {
        part.grant(&order).await.expect("granted");
        let options = options.clone();
        let hidden = tokio::spawn(async move { PgConnection::connect_with(&options).await });
        while part.postgres().query(starting).await.is_empty() {}

        // Of its own, so that each time the same messages are sent.
        let through_relay = backend(&keylend, "20s");
        let ending = through_relay.revoke(&order);
        let appearing = async {
            for _ in 0..moment {
                drop(relay.next().await);
            }
            let last = relay.next().await;
            // A signal ends the delay.
            part.postgres().execute("SELECT pg_reload_conf()").await;
            let hidden = hidden.await.expect("no panic");
            drop(last);
            hidden
        };
        tokio::pin!(ending);
        let hidden = tokio::select! {
            ended = &mut ending => panic!("{ended:?} before message {moment}"),
            hidden = appearing => hidden,
        };
        let ended = loop {
            tokio::select! {
                ended = &mut ending => break ended,
                message = relay.next() => drop(message),
            }
        };
        ended.expect("ended");
        if let Ok(mut session) = hidden {
            assert!(
                is_dead(&mut session).await,
                "it is in, with the role, since message {moment}"
            );
        }
    }
}
