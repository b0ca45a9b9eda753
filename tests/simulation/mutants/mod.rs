//! Planted bugs. Each is a whole idea of how a broker goes wrong, put in at a seam, so that
//! production code holds nothing for it. The simulation is worth its time only while it finds them.

mod approves_first;
mod breaks_any_glass;
mod changed_target;
mod counts_ids;
mod counts_old_votes;
mod counts_twice;
mod edits;
mod ends_what_warns;
mod fills_two_stages;
mod forgets_addresses;
mod forgets_receipts;
mod forgets_stages;
mod forgets_work;
mod gives_to_leavers;
mod goes_back;
mod grants_under_locks;
mod hears_the_locked;
mod ignores_leases;
mod ignores_versions;
mod keeps_addresses;
mod keeps_groups;
mod keeps_locks;
mod late_clock;
mod lets_leavers_be;
mod locks_ids;
mod loses_entries;
mod loses_notes;
mod misdeclares;
mod mistakes_access;
mod overlooks_touches;
mod replays;
mod signs_off;
mod skips;
mod stale_facts;
mod starts_under_locks;
mod takes_errors_for_success;
mod takes_ids_for_people;
mod takes_silence_for_no;
mod touches_nothing;
mod trusts_second_ids;

use std::sync::Arc;

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError},
    broker::{Ask, Broker, Error},
    clock::{Clock, SteadyClock},
    directory::PeopleSource,
    domain::{Catalogue, Departure, EndCause, Event, Request, RequestId, UserId},
    policy::Policy,
    store::{Commit, Delivered, DocumentWrites, Ledger},
};

use crate::store::Database;
use edits::Edits;
use misdeclares::Misdeclares;
use mistakes_access::MistakesAccess;
use replays::Replays;
use signs_off::SignsOff;
use takes_errors_for_success::TakesErrorsForSuccess;

/// Where a bug can be put in. What is not overridden is sound.
#[async_trait]
pub(crate) trait Mutant: Send + Sync {
    /// What the store is told to commit.
    fn commit(&self, _: &Database, commit: Commit) -> Commit {
        commit
    }

    /// The delivery that a replica tells the store a commit is for.
    fn delivered(&self, _: &str, delivered: Option<Delivered>) -> Option<Delivered> {
        delivered
    }

    /// Writes what a commit holds in another way than the store does; answers the head then.
    fn writes(&self, _: &Database, _: &Commit) -> Option<u64> {
        None
    }

    /// What can be asked for, as a replica takes it from its configuration.
    fn catalogue(&self, catalogue: Catalogue) -> Catalogue {
        catalogue
    }

    /// The rules that a replica asks, in the place of these.
    fn policy(&self, policy: &Policy) -> Policy {
        policy.clone()
    }

    /// Whether a commit may grant what is locked.
    fn ignores_locks(&self) -> bool {
        false
    }

    /// Whether claims keep nobody away.
    fn ignores_claims(&self) -> bool {
        false
    }

    /// Whether nobody looks whether people left who hold access.
    fn lets_leavers_be(&self) -> bool {
        false
    }

    /// Whether work that is due for this request is not found.
    fn forgets(&self, _: RequestId) -> bool {
        false
    }

    /// What the store is told to write of those who follow the log; nothing if it is lost.
    fn documents(&self, _: &Database, writes: DocumentWrites) -> Option<DocumentWrites> {
        Some(writes)
    }

    /// A target as the worker sees it.
    fn target(&self, target: Arc<dyn Backend>) -> Arc<dyn Backend> {
        target
    }

    /// Where facts about people come from.
    fn people(&self, people: Arc<dyn PeopleSource>) -> Arc<dyn PeopleSource> {
        people
    }

    /// The clock that a replica acts by, over the one of its machine.
    fn steady(&self, machine: Arc<dyn Clock>) -> Arc<dyn Clock> {
        Arc::new(SteadyClock::new(machine))
    }

    /// The clock that a replica's checks are held against.
    fn clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        clock
    }

    /// What a replica writes to.
    fn ledger(&self, _: Arc<dyn Ledger>) {}

    /// How a request is taken.
    async fn ask(&self, broker: &Broker, ask: Ask) -> Result<Request, Error> {
        broker.ask(ask).await
    }

    /// How an approval is taken.
    async fn approve(
        &self,
        broker: &Broker,
        by: &UserId,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        broker
            .approve(&crate::intent::intent(by), id, revision)
            .await
    }

    /// How the word of a reviewer is taken.
    async fn sign_off(
        &self,
        broker: &Broker,
        by: &UserId,
        id: RequestId,
    ) -> Result<Request, Error> {
        let intent = crate::intent::intent(by);
        broker.sign_off(&intent, id, "looked at it").await
    }
}

/// Keylend as it is.
pub(crate) struct Sound;

impl Mutant for Sound {}

/// A planted bug: its name, the promises that it may break, and where it is put in.
pub(crate) type Planted = (&'static str, &'static [u8], Arc<dyn Mutant>);

/// The planted bugs in what is asked for and approved at once, and in what everything stands on.
pub(crate) fn in_the_usual_way() -> Vec<Planted> {
    vec![
        (
            "the approval is checked after it is committed",
            &[1, 7],
            Arc::<approves_first::ApprovesFirst>::default(),
        ),
        (
            "a revocation that fails counts as done",
            &[4, 6],
            Arc::new(TakesErrorsForSuccess { which: |_| true }),
        ),
        (
            "a revocation that is pending counts as done",
            &[4, 6],
            Arc::new(TakesErrorsForSuccess {
                which: |error| matches!(error, BackendError::Pending { .. }),
            }),
        ),
        (
            "what only a time limit ends is revoked",
            &[4],
            Arc::new(Misdeclares::TimeLimits),
        ),
        (
            "orders are not known to act late",
            &[4, 6],
            Arc::new(Misdeclares::LateEffects),
        ),
        (
            "a receipt is forgotten with a grant that failed",
            &[4],
            Arc::new(forgets_receipts::ForgetsReceipts),
        ),
        (
            "leases keep nobody away",
            &[4, 6, 9, 10],
            Arc::new(ignores_leases::IgnoresLeases),
        ),
        (
            "versions are not checked",
            &[1, 2, 3, 4, 5, 6, 7],
            Arc::new(ignores_versions::IgnoresVersions),
        ),
        (
            "two grants are decided on one count",
            &[7],
            Arc::new(counts_twice::CountsTwice::Grants),
        ),
        (
            "two requests are decided on one count",
            &[12],
            Arc::new(counts_twice::CountsTwice::Requests),
        ),
        (
            "locks are not read in the commit",
            &[1, 7],
            Arc::new(grants_under_locks::GrantsUnderLocks),
        ),
        (
            "a snapshot is written without its entries",
            &[5, 6],
            Arc::new(loses_entries::LosesEntries::default()),
        ),
        (
            "which message shows a card is lost",
            &[10],
            Arc::new(loses_notes::LosesNotes),
        ),
        (
            "what an entry makes old is not touched",
            &[10],
            Arc::new(touches_nothing::TouchesNothing),
        ),
        (
            "what was touched on its way rests all the same",
            &[10],
            Arc::new(overlooks_touches::OverlooksTouches),
        ),
        (
            "due work is lost",
            &[4, 6],
            Arc::new(forgets_work::ForgetsWork),
        ),
        (
            "facts about people are kept for ever",
            &[1, 7],
            Arc::new(stale_facts::StaleFacts),
        ),
        (
            "nobody looks whether people left",
            &[7],
            Arc::new(lets_leavers_be::LetsLeaversBe),
        ),
        (
            "guests keep what they hold",
            &[7],
            Arc::new(skips::Skips(|event| {
                matches!(
                    event,
                    Event::RevocationStarted {
                        cause: EndCause::Left {
                            departure: Departure::Guest,
                            ..
                        }
                    }
                )
            })),
        ),
        (
            "leaving ends what it only warns of",
            &[7],
            Arc::new(ends_what_warns::EndsWhatWarns),
        ),
        (
            "leaving neither ends nor warns",
            &[7],
            Arc::new(skips::Skips(|event| {
                matches!(event, Event::LeaveNoticed { .. })
            })),
        ),
        (
            "a request keeps the terms that it was asked for under",
            &[1],
            Arc::new(skips::Skips(|event| matches!(event, Event::Revised { .. }))),
        ),
        (
            "what Slack does not say is taken for a no",
            &[7],
            Arc::new(takes_silence_for_no::TakesSilenceForNo),
        ),
        (
            "an id is taken for a person",
            &[1, 6, 7, 12],
            Arc::new(takes_ids_for_people::TakesIdsForPeople),
        ),
        (
            "the address that somebody asked with is forgotten",
            &[1, 7, 12],
            Arc::new(forgets_addresses::ForgetsAddresses),
        ),
        (
            "the address that somebody has by now is not asked for",
            &[1],
            Arc::new(keeps_addresses::KeepsAddresses),
        ),
        (
            "an approval counts for ever",
            // Or two ids of one person count as two, since nobody asks who they are now.
            &[1, 6, 7],
            Arc::new(counts_old_votes::CountsOldVotes::default()),
        ),
        (
            "checks run on a clock that is late",
            &[3],
            Arc::new(late_clock::LateClock),
        ),
        (
            "a clock that is set back is followed",
            &[3],
            Arc::new(goes_back::GoesBack),
        ),
        (
            "access is revoked by the login's name",
            &[4],
            Arc::new(MistakesAccess::GoesByNames),
        ),
        (
            "what others gave is revoked with what Keylend gave",
            &[9],
            Arc::new(MistakesAccess::RevokesForeign),
        ),
        (
            "what others gave counts as there before",
            &[4],
            Arc::new(MistakesAccess::FindsForeign),
        ),
        (
            "what others gave is not given again",
            &[4, 6, 9],
            Arc::new(MistakesAccess::GrantsNothingForeign),
        ),
        (
            "what others gave keeps a grant from ending",
            &[4, 6, 9],
            Arc::new(MistakesAccess::SeesForeign),
        ),
        (
            "a delivery is carried out each time",
            &[6],
            Arc::new(Replays::Always),
        ),
        (
            "each replica carries a delivery out once",
            &[6],
            Arc::new(Replays::OnOtherReplicas),
        ),
        (
            "what is pending is counted by id",
            &[12],
            Arc::<counts_ids::CountsIds>::default(),
        ),
        (
            "a lock covers one id of a person",
            &[1, 7],
            Arc::new(locks_ids::LocksIds),
        ),
        (
            "an approver who is locked approves",
            &[1],
            Arc::<hears_the_locked::HearsTheLocked>::default(),
        ),
        (
            "more time is approved under a second id",
            &[1],
            Arc::<trusts_second_ids::TrustsSecondIds>::default(),
        ),
        (
            "who is in a group is asked every three minutes",
            &[1, 7],
            Arc::new(keeps_groups::KeepsGroups),
        ),
        (
            "who left after asking is given access",
            &[1, 7],
            Arc::<gives_to_leavers::GivesToLeavers>::default(),
        ),
    ]
}

/// The planted bugs in stages, shorter times, later starts, break-glass and locks that end by themselves.
pub(crate) fn in_other_ways() -> Vec<Planted> {
    vec![
        (
            "one human signs break-glass off twice",
            &[1],
            Arc::new(SignsOff::twice()),
        ),
        (
            "any of the approvers fill the stages",
            &[1],
            Arc::new(forgets_stages::ForgetsStages),
        ),
        (
            "one human fills two stages",
            &[1, 6],
            Arc::<fills_two_stages::FillsTwoStages>::default(),
        ),
        (
            "an approver's shorter time is ignored",
            &[3],
            Arc::new(Edits(edits::ignores_what_was_chosen)),
        ),
        (
            "what is approved for later starts at once",
            &[3],
            Arc::new(Edits(edits::starts_at_once)),
        ),
        (
            "a start is not decided on once more",
            &[1, 7],
            Arc::new(Edits(edits::starts_anyway)),
        ),
        (
            "locks do not count at a start",
            &[7],
            Arc::new(starts_under_locks::StartsUnderLocks),
        ),
        (
            "a lock whose time is over stays",
            &[6],
            Arc::new(keeps_locks::KeepsLocks),
        ),
        (
            "anybody may use break-glass",
            &[1],
            Arc::new(breaks_any_glass::BreaksAnyGlass),
        ),
        (
            "nobody reviews break-glass",
            &[1],
            Arc::new(Edits(edits::opens_no_review)),
        ),
        (
            "whoever used break-glass signs it off",
            &[1],
            Arc::new(SignsOff::for_themselves()),
        ),
    ]
}
