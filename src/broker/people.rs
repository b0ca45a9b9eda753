//! What the log says of people, for every decision: see [`People`].

use std::{convert::Infallible, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Broker, Error};
use crate::{
    domain::{CLOCKS_DIFFER, Human, Refusal, Time, Username},
    store::{Broken, Chain, DecidedOn, OpenRequest, People, StoreError, Uncertain, Why},
};

/// How often the log is read to its end while nobody asks.
const EVERY: Duration = Duration::from_secs(30);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Entries by which the log grows until what is known of people is kept again. That many are read in a
/// fraction of a second.
const KEEP_AFTER: u64 = 10_000;

/// The alert that the log's chain is broken.
const CHAIN_BROKEN: &str = "chain_broken";

/// The alert that what was kept of people does not open.
const WRONG_KEY: &str = "wrong_key";

/// The alert that clocks differ.
const CLOCKS: &str = "clocks_differ";

impl Broker {
    /// Reads the log and follows it, until `shutdown`: an alert comes although nobody asks anything.
    pub async fn follow_people(&self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.keep_following()).await;
    }

    /// Reads the log for the first time, from where a replica last kept what it knew. Until then nothing
    /// that people ask can be decided.
    pub async fn read_log(&self) {
        let mut is_failing = false;
        while let Err(error) = self.try_to_read_log().await {
            if !std::mem::replace(&mut is_failing, true) {
                tracing::warn!(%error, "failed to read the log; until then, nobody can request or approve");
            }
            sleep(PAUSE).await;
        }
    }

    async fn try_to_read_log(&self) -> Result<(), StoreError> {
        self.people_restored
            .get_or_try_init(|| self.restore_people())
            .await?;
        self.people.load(&*self.store).await
    }

    async fn keep_following(&self) -> Infallible {
        self.read_log().await;
        self.verify_before_restored().await;
        loop {
            if let Err(error) = self.ask_people(|_| ()).await {
                tracing::warn!(%error, "failed to read the log to its end; Keylend retries");
            }
            self.keep_people().await;
            sleep(EVERY).await;
        }
    }

    /// Takes on what a replica kept of people.
    async fn restore_people(&self) -> Result<(), StoreError> {
        let Some(sealed) = self.store.kept_people().await? else {
            return Ok(());
        };
        let Ok(text) = self.parts.vault.open_people(&sealed) else {
            let text = "Keylend can't decrypt its data about people with the key in `secrets.key`. Somebody \
                        changed the key, or the row in the table `kept_people`. Nothing is lost: Keylend \
                        reads the whole log instead. If the key was changed by mistake, restore the old \
                        one, because the credentials of active grants and the log's authentication codes \
                        need it.";
            self.alert(WRONG_KEY, text);
            return Ok(());
        };
        match self.people.restore(&text).await {
            Some(seq) => {
                tracing::debug!(
                    seq,
                    "restored the data about people; reading the log from there on"
                );
            }
            None => tracing::info!(
                "another version stored the data about people; reading the whole log"
            ),
        }
        Ok(())
    }

    /// Verifies the entries of the log that were not read because what they say of people was kept.
    async fn verify_before_restored(&self) {
        let mut chain = Chain::default();
        loop {
            match self.people.verify_before(&*self.store, &mut chain).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to verify the log; Keylend retries");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Keeps what is known of people, if the log has grown enough.
    async fn keep_people(&self) {
        let Some((seq, text)) = self.people.to_keep(KEEP_AFTER).await else {
            return;
        };
        let sealed = self.parts.vault.seal_people(&text, &*self.parts.entropy);
        match self.parts.ledger.keep_people(sealed).await {
            Ok(()) => {
                self.people.note_kept(seq);
                self.parts.alerts.clear(WRONG_KEY);
            }
            Err(error) => {
                tracing::warn!(%error, "failed to store the data about people; Keylend retries")
            }
        }
    }

    /// Asks what the log says of people by now. Behind a break in the chain, nothing counts.
    pub(super) async fn ask_people<T>(&self, ask: impl FnOnce(&People) -> T) -> Result<T, Error> {
        let read = self.people.read(&*self.store, |people| {
            (ask(people), people.check().err(), people.last_at())
        });
        let (answer, broken, last_at) = read.await?;
        let broken = broken.or_else(|| self.lost());
        self.note_clocks(last_at);
        match broken {
            None => self.parts.alerts.clear(CHAIN_BROKEN),
            Some(why) => {
                let advice = match &why {
                    Uncertain::Broken(Broken {
                        seq: 1,
                        why: Why::Forged,
                    }) => {
                        "It is the first entry, so the key was probably replaced. If you did that, stop \
                         Keylend, run `keylend store rekey`, and start it. Otherwise bring the old key \
                         back."
                    }
                    Uncertain::Broken(Broken {
                        why: Why::Forged, ..
                    }) => {
                        "Somebody who can write to the store appended or changed it, or a replica has \
                         another `secrets.key`. Find out who can write to the store, and restore it from a \
                         backup."
                    }
                    _ => {
                        "Run `keylend audit verify`. If that finds nothing wrong and you put the log back \
                         from a backup, delete the row in the table `kept_people` and restart."
                    }
                };
                let text = format!(
                    "{why}. Keylend approves nothing until the log is intact again. Locks and \
                     revocations continue. {advice}"
                );
                self.alert(CHAIN_BROKEN, &text);
            }
        }
        Ok(answer)
    }

    /// Raises an alert while the log is dated ahead of this replica's clock.
    fn note_clocks(&self, last_at: Option<Time>) {
        let latest = CLOCKS_DIFFER.after(self.now());
        match last_at.filter(|at| *at > latest) {
            None => self.parts.alerts.clear(CLOCKS),
            Some(_) => {
                let text = format!(
                    "The log is dated more than {CLOCKS_DIFFER} ahead of this replica's clock, so one \
                     replica's clock is wrong. Grants may end early or late by as much. Check that all \
                     replicas synchronise their clocks."
                );
                self.alert(CLOCKS, &text);
            }
        }
    }

    /// The same human with every identity that the log has of them: one who changes their address
    /// stays who they are.
    pub(super) async fn known(&self, human: Human) -> Result<Human, Error> {
        self.ask_people(|people| people.known(&human)).await
    }

    /// What a human has open, oldest first.
    pub(super) async fn open_requests(&self, human: &Human) -> Result<Vec<OpenRequest>, Error> {
        self.ask_people(|people| people.open_of(human)).await
    }

    /// Begins a decision that brings somebody closer to access: answers the log's last entry.
    ///
    /// # Errors
    ///
    /// [`Error::Uncertain`] if the log is broken.
    pub(super) async fn begin_decision(&self) -> Result<u64, Error> {
        let head = |people: &People| people.check().map(|()| people.seq());
        let head = self.ask_people(head).await??;
        self.lost().map_or(Ok(head), |lost| Err(lost.into()))
    }

    /// An entry that was in the log and that the store found missing.
    fn lost(&self) -> Option<Uncertain> {
        let seq = self.store.lost_entry()?;
        let why = Why::Rewritten;
        Some(Broken { seq, why }.into())
    }

    /// Refuses to grant what a broken log tells: behind the break, anybody may have written it.
    ///
    /// # Errors
    ///
    /// [`Error::Uncertain`] if the log is broken.
    pub(crate) async fn check_log(&self) -> Result<(), Error> {
        self.begin_decision().await.map(drop)
    }

    /// Refuses to decide about people of whom the log has lost an identity.
    ///
    /// # Errors
    ///
    /// [`Error::Uncertain`].
    pub(super) async fn check_people(&self, people: &[Human]) -> Result<(), Error> {
        let check = |logged: &People| logged.check_people(people);
        Ok(self.ask_people(check).await??)
    }

    /// Refuses a name in the targets to everybody but the person it belongs to.
    pub(super) async fn admit(&self, name: &Username, human: &Human) -> Result<(), Error> {
        let owners = self.ask_people(|people| people.owners(name)).await?;
        Ok(owners.admit(name, human)?)
    }

    /// The last entry, unless the name belongs to nobody.
    pub(super) async fn bound_name(&self, name: &Username) -> Result<DecidedOn, Error> {
        let seq = self.begin_decision().await?;
        let owners = self.ask_people(|people| people.owners(name)).await?;
        match owners.is_free() {
            true => Err(Refusal::NameFree(name.clone()).into()),
            false => Ok(DecidedOn {
                seq,
                name: Some(name.folded()),
                ..DecidedOn::default()
            }),
        }
    }
}
