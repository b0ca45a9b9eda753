//! A replica of the service without Slack: a store of its own connections, a sweeper, the memory that
//! checks are answered from, and one of them with the follower that says which messages are old. Several share the process, and so the cores, with the measurement.

use std::{sync::Arc, time::Duration};

use keylend::{
    clock::{SystemClock, SystemEntropy},
    domain::{ChannelId, Time},
    grants::Grants,
    presentation::{CURSOR, Follower},
    store::{Address, Comparisons, Database},
    worker::Worker,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::InMemory;

pub struct Replica {
    pub store: Arc<dyn Database>,
    grants: Arc<Grants>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Replica {
    pub async fn start(address: &Address, target: Arc<InMemory>, leads: bool) -> Self {
        let store = address
            .open(
                "the same for all",
                &keylend::store::StoreKey::derive(&[0; 32]),
            )
            .await
            .unwrap();
        let comparisons = Arc::new(Comparisons::default());
        let (broker, backends) = super::broker(store.clone(), target, comparisons.clone());
        let worker = Worker::new(
            broker,
            backends,
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        );
        let grants = Arc::new(Grants::load(store.clone(), comparisons).await.unwrap());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(Arc::new(worker).run(shutdown.clone()));
        let (following, stop) = (grants.clone(), shutdown.clone());
        tasks.spawn(async move { following.follow(stop).await });
        if leads {
            let follower = Follower::new(
                store.clone(),
                store.clone(),
                ChannelId::new("C0AUDIT"),
                Arc::new(SystemClock),
                Arc::new(SystemEntropy),
            );
            let stop = shutdown.clone();
            tasks.spawn(async move { follower.follow(&stop, || {}).await });
        }
        Self {
            store,
            grants,
            shutdown,
            tasks,
        }
    }

    /// Waits until it is known which messages show what the log tells.
    pub async fn followed(&self) {
        let head = *self.store.head().borrow();
        while self.store.cursor(CURSOR).await.unwrap() < head {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many of `people` a check admits at `now`. A memory that is behind admits nobody.
    pub async fn admits(&self, people: usize, now: impl Fn() -> Time) -> usize {
        let scope = super::scope_id();
        match self.grants.caught_up_within(Duration::from_secs(1)).await {
            Ok(known) => (0..people)
                .filter(|number| known.check(&super::email(*number), &scope, now()).is_some())
                .count(),
            Err(_) => 0,
        }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}
