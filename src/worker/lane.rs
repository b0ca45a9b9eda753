//! One queue of work: what is due, at most so much at a time, woken by commits and the clock.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Unfinished, Worker};
use crate::{
    domain::{Lane, Refusal, RequestId, Time},
    store::{Store, StoreError},
};

/// Pieces of work under way at once in a lane.
const WIDTH: usize = 64;

/// How long unfinished work waits before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs `lane` until `shutdown`, then waits for what is under way.
pub(super) async fn run(worker: Arc<Worker>, lane: Lane, shutdown: CancellationToken) {
    let store = worker.broker.store().clone();
    let mut head = store.head();
    let mut queue = Queue::default();
    while !shutdown.is_cancelled() {
        // Seen before the store is asked: a commit in between wakes the lane again.
        head.borrow_and_update();
        let now = worker.clock.now();
        queue.postponed.retain(|_, until| *until > now);
        let next = match queue.fill(&worker, &lane, &*store, now).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(%error, lane = lane.name(), "failed to ask the store for due work");
                Some(now + PAUSE)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = wait(&worker, next) => {}
            Ok(()) = head.changed() => queue.wake_waiting(),
            () = queue.some_done(&worker), if !queue.running.is_empty() => {}
        }
    }
    while !queue.running.is_empty() {
        queue.some_done(&worker).await;
    }
}

async fn wait(worker: &Worker, next: Option<Time>) {
    match next {
        Some(next) => worker.clock.until(next).await,
        None => std::future::pending().await,
    }
}

#[derive(Default)]
struct Queue {
    running: JoinSet<(RequestId, Result<(), Unfinished>)>,
    under_way: HashSet<RequestId>,
    /// Work that is due but could not be finished, and when it is tried again.
    postponed: HashMap<RequestId, Time>,
    /// Of these, the ones that wait for other grants to end.
    waiting: HashSet<RequestId>,
}

impl Queue {
    /// Starts what is due, as much as fits. Answers when to look again if nothing happens before.
    async fn fill(
        &mut self,
        worker: &Arc<Worker>,
        lane: &Lane,
        store: &dyn Store,
        now: Time,
    ) -> Result<Option<Time>, StoreError> {
        if self.under_way.len() * 2 > WIDTH {
            return Ok(None);
        }
        let known = self.under_way.len() + self.postponed.len();
        let limit = u32::try_from(WIDTH + known).unwrap_or(u32::MAX);
        for id in store.due(lane, now, limit).await? {
            let skip = self.postponed.contains_key(&id) || self.under_way.len() >= WIDTH;
            if skip || !self.under_way.insert(id) {
                continue;
            }
            let (worker, lane) = (worker.clone(), lane.clone());
            self.running
                .spawn(async move { (id, worker.sweep(&lane, id).await) });
        }
        let next = store.next_due(lane, now).await?;
        Ok(next
            .into_iter()
            .chain(self.postponed.values().copied())
            .min())
    }

    /// Waits until a piece of work is done, and takes all that are.
    async fn some_done(&mut self, worker: &Worker) {
        let mut next = self.running.join_next().await;
        while let Some(done) = next {
            match done {
                Ok((id, result)) => self.finished(worker, id, result),
                Err(error) => {
                    tracing::error!(%error, "a piece of work panicked");
                    // Which one is not known: let all of them be asked for anew.
                    self.under_way.clear();
                }
            }
            next = self.running.try_join_next();
        }
    }

    fn finished(&mut self, worker: &Worker, id: RequestId, result: Result<(), Unfinished>) {
        self.under_way.remove(&id);
        let Err(unfinished) = result else { return };
        match &unfinished {
            Unfinished::Waits => {
                self.waiting.insert(id);
            }
            Unfinished::Refused(Refusal::NoSuchRequest(_)) => {
                tracing::error!(request.id = %id, "work is due for a request that is not there");
            }
            Unfinished::Refused(refusal) => {
                tracing::warn!(request.id = %id, %refusal, "work could not be finished");
            }
        }
        self.postponed.insert(id, worker.clock.now() + PAUSE);
    }

    fn wake_waiting(&mut self) {
        for id in self.waiting.drain() {
            self.postponed.remove(&id);
        }
    }
}
