//! Sees to it that a clock that goes back lengthens nothing, and that somebody hears of a wrong one.
//!
//! While the process lives, [`SteadyClock`] goes on by the time that elapses. For the next start, the
//! store has a high-water mark: the greatest time that a replica has acted on, raised every ten seconds by
//! a replica at work and when it stops. So a restart under a clock that is behind goes on from the mark,
//! and takes back ten seconds at most.
//!
//! The mark is only a number in a table. One that is too early does no more than the clock could. One that
//! is too late ends access early, so it is believed up to a day: with a machine's clock further behind than
//! that, the service does not start, since nobody can tell which of the two is wrong, and a clock that has
//! lost its date would let everything go on for years. Between two starts no replica obeys the mark, but
//! says when it is ahead. Of the log's last entry only what a crash can have left counts: what is dated
//! more than a minute after the mark was not written by a Keylend that kept it.
//!
//! The time that was reached is given up, and the machine's clock followed back, when nothing can be
//! lengthened by it: nothing is open any more, or this replica is on standby and every other one acted on
//! earlier times.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    alerts::Alerts,
    clock::{Clock as _, SteadyClock},
    domain::{CLOCKS_DIFFER, Span, Time},
    store::{Database, Off, StoreError, TOLERANCE},
};

/// How often the clocks are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How often the mark is raised.
const EVERY: Span = Span::seconds(10);

/// How far the mark may be ahead of a clock that goes on from it.
const BELIEVED: TimeDelta = TimeDelta::days(1);

/// The alert that the machine's clock is behind the time that was reached.
const WENT_BACK: &str = "clock_went_back";

/// The alert that a clock is not the store's.
const DIFFERS: &str = "store_clock_differs";

/// The alert that the mark is ahead.
const MARK_AHEAD: &str = "high_water_ahead";

/// Has `clock` go on from where a replica has been.
///
/// # Errors
///
/// If the store does not answer, or its mark is more than a day ahead of the machine's clock.
pub(super) async fn go_on(store: &dyn Database, clock: &SteadyClock) -> anyhow::Result<()> {
    let mark = store.high_water().await;
    let mark = mark.context("failed to read the high-water mark")?;
    let last = last_entry(store).await.context("failed to read the log")?;
    let machine = clock.other();
    if let Some(mark) = mark.filter(|mark| *mark - machine > BELIEVED) {
        bail!(
            "this machine's clock shows {machine}, and the store says that Keylend was at work at {mark}, \
             which is more than a day later. If the clock is wrong, set it and start again. If the clock is \
             right, somebody changed the mark or the clock was ahead then: run `keylend audit verify`, end \
             what is still there from that time, delete the row in the table `high_water`, and start again"
        );
    }
    let reached = match mark {
        Some(mark) => last.filter(|at| *at > mark && *at <= CLOCKS_DIFFER.after(mark)),
        None => last.filter(|at| *at - machine <= BELIEVED),
    };
    if let Some(moment) = reached.or(mark) {
        clock.go_on_from(moment);
    }
    Ok(())
}

/// When the log's last entry is dated; nothing if that cannot be read.
async fn last_entry(store: &dyn Database) -> Result<Option<Time>, StoreError> {
    let head = *store.head().borrow();
    let entries = store.raw_entries(head.saturating_sub(1), 1).await?;
    Ok(entries.last().and_then(|entry| entry.at.parse().ok()))
}

/// What watches the clocks.
pub(super) struct ClockWatch {
    store: Arc<dyn Database>,
    clock: Arc<SteadyClock>,
    alerts: Arc<Alerts>,
    /// When the mark is raised next.
    next: Time,
    is_failing: bool,
    is_behind: bool,
}

impl ClockWatch {
    pub(super) fn new(
        store: Arc<dyn Database>,
        clock: Arc<SteadyClock>,
        alerts: Arc<Alerts>,
    ) -> Self {
        Self {
            next: clock.now(),
            store,
            clock,
            alerts,
            is_failing: false,
            is_behind: false,
        }
    }

    /// Watches until `shutdown`, and then raises the mark once more.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.look().await
                && !std::mem::replace(&mut self.is_failing, true)
            {
                tracing::warn!(%error, "failed to store the high-water mark; Keylend retries");
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.clock.until(self.next) => {}
                () = sleep(LOOK) => {}
            }
        }
        if self.store.standby_reason().is_none()
            && let Err(error) = self.store.raise_high_water(self.clock.own()).await
        {
            tracing::warn!(%error, "failed to store the high-water mark; Keylend retries");
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        self.compare();
        let ahead = self.clock.own() - self.clock.other();
        self.tell_behind(ahead);
        let now = self.clock.now();
        // Also where the clock has gone back.
        let has_moved = self.next > EVERY.after(now);
        if now >= self.next || has_moved {
            // Before the store is asked, which may not answer.
            self.next = EVERY.after(now);
            self.keep().await?;
        }
        if ahead > TOLERANCE && self.may_follow().await? {
            tracing::warn!(
                "the machine's clock went back, and nothing depends on the later time; following it"
            );
            self.clock.follow();
        }
        self.is_failing = false;
        Ok(())
    }

    /// Raises the mark, unless this replica does not act by its own time.
    async fn keep(&self) -> Result<(), StoreError> {
        if self.store.standby_reason().is_some() {
            return Ok(());
        }
        let now = self.clock.own();
        self.store.raise_high_water(now).await?;
        let latest = CLOCKS_DIFFER.after(now);
        match self.store.high_water().await?.filter(|mark| *mark > latest) {
            Some(mark) => self.alerts.raise(
                MARK_AHEAD,
                format!(
                    "The store's high-water mark is {mark}, which is ahead of every clock. Somebody changed \
                     it, or a clock was ahead. Keylend ends access early, or doesn't start, if it restarts \
                     like this. Stop it, delete the row in the table `high_water`, and start it again."
                ),
            ),
            None => self.alerts.clear(MARK_AHEAD),
        }
        Ok(())
    }

    /// Whether the machine's clock can be followed back and nothing is lengthened by it.
    async fn may_follow(&self) -> Result<bool, StoreError> {
        let machine = self.clock.other();
        let mark = self.store.high_water().await?;
        let is_on_standby = self.store.standby_reason().is_some();
        if is_on_standby && mark.is_none_or(|mark| mark <= machine) {
            return Ok(true);
        }
        if self.store.open_after(None, 1).await?.next.is_some() {
            return Ok(false);
        }
        self.store.lower_high_water(machine).await?;
        Ok(true)
    }

    fn tell_behind(&mut self, ahead: TimeDelta) {
        if ahead <= TOLERANCE {
            self.is_behind = false;
            self.alerts.clear(WENT_BACK);
            return;
        }
        // Once, and not again with each second.
        if !std::mem::replace(&mut self.is_behind, true) {
            let seconds = ahead.num_seconds();
            tracing::error!(
                seconds,
                "the machine's clock is behind the latest time that Keylend used; Keylend \
                 continues from there: check the clock"
            );
            let text = format!(
                "This machine's clock is {seconds}s behind the latest time that Keylend used, so it was set \
                 back. Keylend continues from there: no access lasts longer, and some may end early. Check the \
                 clock's synchronisation. Keylend follows the clock again when it has caught up, or when no \
                 request and no grant is open."
            );
            self.alerts.raise(WENT_BACK, text);
        }
    }

    fn compare(&self) {
        let clocks = self.store.clocks();
        let text = match (clocks.own, clocks.is_another_right) {
            (None, _) if !clocks.is_another_wrong => return self.alerts.clear(DIFFERS),
            (None, _) => {
                "The clock of another replica differs from the store's by more than 2 s, so that replica is on \
                 standby. Its `/readyz` says so. Check its clock's synchronisation."
            }
            (Some(Off::Ahead), true) => {
                "This replica's clock is more than 2 s ahead of the store's, so it is on standby, and the \
                 others do the work. Check its clock's synchronisation."
            }
            (Some(Off::Behind), true) => {
                "This replica's clock is more than 2 s behind the store's, so it is on standby, and the \
                 others do the work. Check its clock's synchronisation."
            }
            (Some(_), false) => {
                "No replica's clock agrees with the store's to 2 s, so nobody can request or approve. What \
                 is due still ends, by the later of both clocks. Check the synchronisation of the database \
                 server's clock and of the replicas'."
            }
        };
        self.alerts.raise(DIFFERS, text);
    }
}
