//! What one transaction writes.

use std::borrow::Cow;

use super::{Chain, DecidedOn, Note, Record, SealedCredential};
use crate::domain::{
    DeliveryKey, Event, Lock, LockTarget, Occurred, Request, RequestId, Time, open,
};

/// A transaction on the store: all of it is stored, or nothing.
#[derive(Debug, Default)]
pub struct Commit {
    /// The requests that change, each with its events.
    pub changes: Vec<Change>,
    /// The data about people that the decision depends on, if any.
    pub decided_on: Option<DecidedOn>,
    /// The entry for a released login, if any.
    pub release: Option<Record>,
    /// The entry about access that no request explains, if any.
    pub unexplained: Option<Record>,
    /// A lock to set or lift.
    pub lock: Option<LockChange>,
    /// An entry that changes nothing else.
    pub note: Option<Note>,
    /// Encrypted credentials to store.
    pub credentials: Vec<SealedCredential>,
    /// The delivery that caused it. A second commit for the same delivery is refused.
    pub delivered: Option<Delivered>,
}

impl Commit {
    /// Whether it only changes requests.
    pub fn does_nothing_else(&self) -> bool {
        self.release.is_none()
            && self.unexplained.is_none()
            && self.lock.is_none()
            && self.note.is_none()
            && self.credentials.is_empty()
            && self.delivered.is_none()
    }

    /// Whether it requests access, or brings somebody closer to access or to more time. A replica on standby
    /// does not commit it.
    pub fn leads_to_access(&self) -> bool {
        self.release.is_some()
            || matches!(
                self.lock,
                Some(LockChange::Lift(..) | LockChange::LiftOver(..))
            )
            || self
                .changes
                .iter()
                .any(|change| change.begins() || change.grants())
    }
}

/// A delivery from Slack that caused a commit.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The key of the delivery.
    pub key: DeliveryKey,
    /// The time of the commit.
    pub at: Time,
}

/// A change of one request.
#[derive(Debug, Clone)]
pub struct Change {
    before: Option<Request>,
    after: Request,
    events: Vec<Occurred>,
    /// The number of the last entry about the request that the change was decided on, since somebody
    /// may put an old row back; nothing if the version has to do.
    pub last_seq: Option<u64>,
}

impl Change {
    /// A new request, which `first` opens.
    ///
    /// # Panics
    ///
    /// If `first` is not [`Event::Requested`].
    pub fn first(id: RequestId, first: Occurred, more: Vec<Occurred>) -> Self {
        let after = fold(open(id, &first), &more);
        let mut events = vec![first];
        events.extend(more);
        Self::new(None, after, events)
    }

    /// What `events` make of `before`. A commit conflicts if somebody changed it meanwhile.
    pub fn of(before: Request, events: Vec<Occurred>) -> Self {
        let after = fold(before.clone(), &events);
        Self::new(Some(before), after, events)
    }

    fn new(before: Option<Request>, after: Request, events: Vec<Occurred>) -> Self {
        Self {
            before,
            after,
            events,
            last_seq: None,
        }
    }

    /// The request with `events` folded in.
    pub fn after(&self) -> &Request {
        &self.after
    }

    /// The version that the change was decided on; nothing for a new request.
    pub fn before(&self) -> Option<u64> {
        self.before.as_ref().map(|before| before.version)
    }

    /// What happened to the request, in order.
    pub fn events(&self) -> &[Occurred] {
        &self.events
    }

    /// The same change with nothing dated before the end of `chain`.
    pub fn not_before(&self, chain: &Chain) -> Cow<'_, Self> {
        if self
            .events
            .iter()
            .all(|it| chain.not_before(it.at) == it.at)
        {
            return Cow::Borrowed(self);
        }
        let mut events = self.events.clone();
        for event in &mut events {
            event.at = chain.not_before(event.at);
        }
        let dated = match &self.before {
            Some(before) => Self::of(before.clone(), events),
            None => {
                let more = events.split_off(1);
                Self::first(self.after.id, events.remove(0), more)
            }
        };
        Cow::Owned(Self {
            last_seq: self.last_seq,
            ..dated
        })
    }

    /// Whether somebody requests, gets or keeps access by it: what is refused first when the disk is
    /// full. What is approved already may begin.
    pub fn begins(&self) -> bool {
        self.events.iter().any(|occurred| {
            matches!(
                occurred.event,
                Event::Requested { .. }
                    | Event::ApprovalCounted { .. }
                    | Event::Approved { .. }
                    | Event::ExtensionRequested { .. }
                    | Event::Extended { .. }
            )
        })
    }

    /// Whether somebody comes closer to access by it, or gets or keeps it longer: what no lock lets
    /// through.
    pub fn grants(&self) -> bool {
        self.events.iter().any(|occurred| {
            matches!(
                occurred.event,
                Event::ApprovalCounted { .. }
                    | Event::Approved { .. }
                    | Event::Started { .. }
                    | Event::Activated {}
                    | Event::Extended { .. }
            )
        })
    }
}

fn fold(mut request: Request, events: &[Occurred]) -> Request {
    events.iter().for_each(|event| request.apply(event));
    request
}

/// A lock to be set or lifted, with what the log will say.
#[derive(Debug)]
pub enum LockChange {
    /// Set it. Setting a lock that is there replaces its reason; it ends no earlier than before.
    Set(Lock, Record),
    /// Lift it. Fails as a conflict if it is not there.
    Lift(LockTarget, Record),
    /// Lift it because its time was over when the record was made. Fails as a conflict if it is not
    /// there, or stays for longer.
    LiftOver(LockTarget, Record),
}
