//! The weekly digest: posted in the audit channel once for each week, by the replica that speaks.
//!
//! The store says which one was posted last. Where it says nothing, the last week is told unless the log began
//! after it: deleting the row repeats a digest, and suppresses none. Of weeks that passed while no replica ran,
//! the last one is told. A crash between Slack's answer and the note of it posts a digest twice.

use tokio_util::sync::CancellationToken;

use super::{
    DigestSettings, Messenger,
    feeds::{Batch, Destination},
};
use crate::{
    domain::{DigestFold, Time},
    slack::view::digest::digest,
    store::{Entry, Origin, StoreError},
};

/// Entries that are read together.
const BATCH: u32 = 1_000;

impl Messenger {
    /// Posts the digest of each week that is over, until told to stop; nothing if there is none to post.
    pub(super) async fn tell_digests(&self, shutdown: &CancellationToken) -> Option<()> {
        let settings = self.digest.as_ref()?;
        loop {
            let now = self.retry.clock.now();
            let told = || self.digest_record.told();
            let (told, version) = self.retry.retry_forever(shutdown, told).await?;
            let last = settings.schedule.last(now);
            match told {
                Some(told) if told >= last => {
                    let next = settings.schedule.next(now);
                    self.retry.wait_until(next, shutdown).await?;
                    continue;
                }
                Some(_) => self.tell_digest(settings, last, shutdown).await?,
                None => {
                    let began = || self.log_began_after(last);
                    if !self.retry.retry_forever(shutdown, began).await? {
                        self.tell_digest(settings, last, shutdown).await?;
                    }
                }
            }
            let note = || self.digest_record.note(last, version);
            self.retry.retry_forever(shutdown, note).await?;
        }
    }

    /// Whether the log has nothing to tell of the time before `until`. A first entry that Keylend did not write,
    /// or whose time cannot be read, may hide what there is to tell.
    async fn log_began_after(&self, until: Time) -> Result<bool, StoreError> {
        let entries = self.store.raw_entries(0, 1).await?;
        Ok(entries.first().is_none_or(|first| {
            let at = first.at.parse::<Time>();
            first.origin != Origin::Forged && at.is_ok_and(|at| at > until)
        }))
    }

    async fn tell_digest(
        &self,
        settings: &DigestSettings,
        until: Time,
        shutdown: &CancellationToken,
    ) -> Option<()> {
        let fold = || self.fold_week(until);
        let fold = self.retry.retry_forever(shutdown, fold).await?;
        let batch = Batch {
            request: None,
            text: digest(&fold.digest(&settings.maxima)),
            // People of another company read nothing of it.
            reduced: String::new(),
            is_loud: false,
            question: None,
            from: 0,
            through: 0,
        };
        let destination = Destination {
            channel: self.audit_channel.clone(),
            head: None,
        };
        self.deliver(&destination, &batch, shutdown).await
    }

    /// The log up to `until`. What Keylend did not write, or cannot read, is not counted.
    async fn fold_week(&self, until: Time) -> Result<DigestFold, StoreError> {
        let mut fold = DigestFold::until(until);
        let mut read = 0;
        loop {
            let entries = self.store.raw_entries(read, BATCH).await?;
            let Some(last) = entries.last() else {
                return Ok(fold);
            };
            read = last.seq;
            let ours = entries.iter().filter(|raw| raw.origin != Origin::Forged);
            // The follower says of an entry that it cannot be read.
            for entry in ours.filter_map(|raw| Entry::try_from(raw).ok()) {
                if let (Some(id), Some(occurred)) = (entry.request_id, entry.occurred()) {
                    fold.note(id, &occurred);
                }
            }
        }
    }
}
