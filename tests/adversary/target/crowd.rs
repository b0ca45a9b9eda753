//! Much at the same moment: Keylend's own sessions, and an administrator's, are in each other's way,
//! and nobody hears of it.

use std::time::Duration;

use keylend::backend::{BackendError, Presence};
use sqlx::Connection as _;
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{GENERATED, does, relay::Relay};
use crate::part::{Part, backend};
use crate::subject::{Calls as _, Order};

/// As many as may be at work at once, three times over.
const LOGINS: usize = 24;

/// How long something may take that has to come about.
const PATIENCE: Duration = Duration::from_secs(30);

type Outcome = Result<(), BackendError>;

/// Since PostgreSQL 16 a grant keeps the lent role locked until it is committed, and one that takes
/// its time has the others' statements time out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_logins_are_granted_and_revoked_on_one_role_while_another_grant_takes_its_time() {
    let part = Part::start_alone("60s").await;
    let orders: Vec<Order> = (0..LOGINS).map(|_| part.generated()).collect();
    let mut relay = Relay::to(part.postgres().port()).await;

    let slow = SlowGrant::start(&part, &mut relay).await;
    let mut granting = JoinSet::new();
    for order in orders.clone() {
        let backend = part.backend.clone();
        granting.spawn(async move {
            backend
                .grant(&order, Some(&GENERATED.into()))
                .await
                .map(drop)
        });
    }
    let first = slow.finish(&part, &mut relay).await;
    all_well(granting.join_all().await);
    for order in orders.iter().chain([&first]) {
        assert!(part.can_write(order.handle.as_str(), GENERATED).await);
    }

    let slow = SlowGrant::start(&part, &mut relay).await;
    let mut revoking = JoinSet::new();
    for order in orders.clone() {
        let backend = part.backend.clone();
        revoking.spawn(async move { backend.revoke(&order).await });
    }
    let second = slow.finish(&part, &mut relay).await;
    all_well(revoking.join_all().await);
    for order in &orders {
        assert_eq!(part.status(order).await, Presence::Absent);
        assert!(!part.has_role(order.handle.as_str()).await);
    }
    for order in [&first, &second] {
        assert!(part.can_write(order.handle.as_str(), GENERATED).await);
    }
}

fn all_well(outcomes: Vec<Outcome>) {
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// A grant of Keylend's that has done everything but commit.
struct SlowGrant {
    order: Order,
    granting: JoinHandle<Outcome>,
    commit: oneshot::Sender<()>,
    time_outs: usize,
}

impl SlowGrant {
    async fn start(part: &Part, relay: &mut Relay) -> Self {
        let order = part.generated();
        let keylend = relay.url(part);
        let (target, ordered) = (backend(&keylend, "60s"), order.clone());
        let granting = tokio::spawn(async move {
            target
                .grant(&ordered, Some(&GENERATED.into()))
                .await
                .map(drop)
        });
        let has_done_all = format!(
            "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'
             AND query = 'GRANT \"{}\" TO SESSION_USER'",
            order.handle
        );
        let commit = loop {
            let message = relay.next().await;
            if !part.postgres().query(&has_done_all).await.is_empty() {
                break message;
            }
            drop(message);
        };
        Self {
            order,
            granting,
            commit,
            time_outs: time_outs(part).await,
        }
    }

    /// Commits once it has been in somebody's way, where it can be.
    async fn finish(mut self, part: &Part, relay: &mut Relay) -> Order {
        let is_in_the_way = part.postgres().version().await >= 16;
        let waiting = async { while is_in_the_way && time_outs(part).await == self.time_outs {} };
        timeout(PATIENCE, waiting).await.expect("a time-out");
        drop(self.commit);
        let granted = loop {
            tokio::select! {
                granted = &mut self.granting => break granted,
                message = relay.next() => drop(message),
            }
        };
        granted.expect("no panic").expect("granted");
        self.order
    }
}

/// How often a statement has waited for a lock in vain.
async fn time_outs(part: &Part) -> usize {
    let log = part.postgres().log().await;
    log.matches("canceling statement due to lock timeout")
        .count()
}

/// PostgreSQL refuses the statement that waited for the other's, although nothing is wrong with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_who_changes_a_login_at_the_same_moment_does_not_fail_its_end() {
    const COLLISION: &str = "tuple concurrently updated";
    let part = Part::start_alone("20s").await;
    let mut administrator = part.postgres().superuser().await;
    let meeting = async {
        while !part.postgres().log().await.contains(COLLISION) {
            let order = part.generated();
            part.grant(&order).await.expect("granted");
            let change = format!("BEGIN; ALTER ROLE {} CONNECTION LIMIT 3", order.handle);
            does(&mut administrator, &change).await;
            let committing = async {
                let waits = "SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted";
                while sqlx::query(waits)
                    .fetch_all(&mut administrator)
                    .await
                    .expect("an answer")
                    .is_empty()
                {}
                does(&mut administrator, "COMMIT").await;
            };
            tokio::join!(part.end(&order), committing);
            assert!(!part.has_role(order.handle.as_str()).await);
        }
    };
    timeout(3 * PATIENCE, meeting).await.expect("a collision");
    administrator.close().await.expect("closed");
}
