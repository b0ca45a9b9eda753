//! A request, and the grant that it becomes.

use serde::{Deserialize, Serialize};

use super::{
    Actor, ApprovalFacts, AskKey, ChannelId, Departure, Email, EndCause, GroupRead, Human,
    Leftovers, PlannedLayer, Question, Receipt, RequestId, Review, RuleId, Span, Stage, Terms,
    Time, UserId, Username,
};

/// The version of the format in which a request is kept: it moves when a field that was there before
/// means something else. What a later Keylend keeps is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Format(u32);

impl Format {
    /// What is written now.
    pub const CURRENT: Self = Self(1);
}

impl TryFrom<u32> for Format {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, Self::Error> {
        match version <= Self::CURRENT.0 {
            true => Ok(Self(version)),
            false => Err(format!(
                "it has version {version}, which a later Keylend wrote"
            )),
        }
    }
}

impl From<Format> for u32 {
    fn from(format: Format) -> Self {
        format.0
    }
}

/// A request as the log tells it: [`Request::apply`] makes nothing else of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The format in which it is kept.
    pub format: Format,
    /// Its name.
    pub id: RequestId,
    /// What makes asking twice one request.
    pub ask_key: AskKey,
    /// How many events made it: what a commit is checked against.
    pub version: u64,
    /// Which terms are on show: a click on a card that shows another revision is refused.
    pub revision: u32,
    /// Who asked.
    pub requester: UserId,
    /// Their verified address.
    pub email: Email,
    /// Every identity of theirs that was recorded.
    pub human: Human,
    /// Their name in the targets.
    pub username: Username,
    /// What for.
    pub terms: Terms,
    /// How many approvals it needs.
    pub approvals_needed: u8,
    /// The stages that need one approval each; none if any of the approvers counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Where it is decided.
    pub approval_channel: ChannelId,
    /// The incident channels that follow it.
    pub mirrors: Vec<ChannelId>,
    /// When it was asked for.
    pub asked_at: Time,
    /// When access is to start; nothing if that is at its approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
    /// Whether that start came, and the request still held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
    /// Who approved, denied or counted so far.
    pub approvals: Vec<Approval>,
    /// When access ends: set when the last approval is committed, and earlier from the moment when a
    /// target says that what it granted ends by itself before that.
    pub expires_at: Option<Time>,
    /// How long it was approved for, where an approver chose less than what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<Span>,
    /// When the requester is told that the end is near; set together with `expires_at`.
    pub warn_at: Option<Time>,
    /// What is made in the targets; empty before the last approval.
    pub layers: Vec<Layer>,
    /// The grants that have to be gone before this one is made.
    pub after: Vec<RequestId>,
    /// What the last approval depended on.
    pub facts: ApprovalFacts,
    /// More time, asked for and not decided yet.
    pub extension: Option<Extension>,
    /// Which reminder the approvers had last of the request, or of the extension that was asked for last,
    /// from 1; 0 before the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminded: u8,
    /// What came of the extension that was asked for last.
    pub last_extension: Option<SettledExtension>,
    /// How many questions for more time the requester took back or changed.
    #[serde(default)]
    pub extensions_withdrawn: u32,
    /// How often the requester was shown the credentials.
    #[serde(default)]
    pub credentials_shown: u32,
    /// What was noticed last of the requester's leaving, where that ends nothing.
    pub departure: Option<Departure>,
    /// The review of what was taken by break-glass; nothing for what was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// What approvers asked the requester, in its order: the first one has the number 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// Whether the log has lost a text of it: an address, the reason or the ticket, which stands here
    /// as its digest then. It can only end.
    pub texts_missing: bool,
    /// How far it has come.
    pub state: State,
}

fn is_zero(count: &u8) -> bool {
    *count == 0
}

/// One yes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// By whose word.
    pub by: Actor,
    /// When.
    pub at: Time,
    /// Under which rules.
    pub rules: Vec<RuleId>,
    /// Every identity of the approver that was recorded; empty for a rule.
    pub human: Human,
    /// The groups by which the rules allowed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRead>,
    /// How long the approver allows, where that is less than what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

/// More time, asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// How much.
    pub duration: Span,
    /// Why, in the requester's words; may be empty.
    #[serde(default)]
    pub reason: String,
    /// When it was asked for.
    #[serde(default)]
    pub asked_at: Time,
    /// Until when it can be answered: the grant's end at the latest.
    pub lapses_at: Time,
    /// The approvals so far.
    pub approvals: Vec<Approval>,
}

/// More time that was asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettledExtension {
    /// How much was asked for.
    pub duration: Span,
    /// Why, in the requester's words; may be empty.
    #[serde(default)]
    pub reason: String,
    /// The approvals that it had, the last one included.
    pub approvals: Vec<Approval>,
    /// By whose word it was settled.
    pub by: Actor,
    /// When.
    pub at: Time,
    /// How.
    pub outcome: ExtensionOutcome,
}

/// What came of an extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ExtensionOutcome {
    /// It was approved.
    Extended {
        /// The end that it gave.
        expires_at: Time,
    },
    /// An approver said no.
    Denied {
        /// Why, in their words.
        reason: String,
    },
    /// The requester took it back.
    Withdrawn,
    /// Nobody answered in time.
    Lapsed,
    /// The grant ended before anybody answered.
    Overtaken,
}

/// One piece of access in one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// What was planned.
    pub plan: PlannedLayer,
    /// How far it has come.
    pub progress: Progress,
    /// How often the target has failed since it last succeeded.
    pub failures: u32,
    /// When the target is tried next, after a failure.
    pub retry_at: Option<Time>,
    /// What the target said when it failed last; nothing since it succeeded.
    #[serde(default)]
    pub error: Option<String>,
    /// When Keylend last stopped waiting for an order to grant it, whether or not it was answered.
    pub ordered_at: Option<Time>,
    /// What the target recognises it by.
    pub receipt: Option<Receipt>,
    /// Whether the target gave secrets for the requester.
    pub secrets: bool,
    /// Whether the access was there before the grant: it is not Keylend's to revoke, and stays.
    #[serde(default)]
    pub preexisting: bool,
    /// What the target says of the access once it was revoked, as sentences; nothing where it stays.
    #[serde(default)]
    pub caveat: Option<String>,
    /// What the grantee left behind, as of the last revocation that found anything.
    #[serde(default, skip_serializing_if = "Leftovers::is_empty")]
    pub leftovers: Leftovers,
}

/// How far a layer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// Nothing has been done in the target.
    Planned,
    /// The target was inspected; from here on something may have been granted in it.
    Inspected {
        /// Whether Keylend grants the access.
        managed: bool,
    },
    /// It is there.
    Granted {
        /// Whether Keylend grants the access.
        managed: bool,
        /// The end that the target was told.
        until: Time,
        /// When the access ends by itself, as the target says.
        ends_at: Option<Time>,
    },
    /// It is not there, or not ours.
    Revoked {
        /// Since when, if the target is still to be inspected once more.
        inspect_since: Option<Time>,
    },
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// It waits for an answer.
    Pending {
        /// Until when.
        lapses_at: Time,
    },
    /// It was approved; its layers are being granted.
    Approved,
    /// The access is there.
    Active {
        /// Whether the requester was told that the end is near.
        warned: bool,
    },
    /// Every check says no; its layers are being revoked.
    Ending {
        /// Why.
        cause: EndCause,
        /// By whose word.
        by: Actor,
        /// Whether it ever became active.
        was_active: bool,
        /// Since when.
        since: Time,
        /// Whether it was over before, and its access was found again.
        again: bool,
    },
    /// It is over, and nothing of it is left.
    Ended {
        /// Why.
        cause: EndCause,
        /// By whose word.
        by: Actor,
        /// When the last target was read back.
        at: Time,
    },
    /// It never became active, and nothing of it is left.
    Failed {
        /// What the target said.
        error: String,
        /// When.
        at: Time,
    },
    /// An approver said no.
    Denied {
        /// Who.
        by: Actor,
        /// Why, in their words.
        reason: String,
        /// When.
        at: Time,
    },
    /// The requester took it back.
    Withdrawn {
        /// By whom: one of the requester's ids.
        by: Actor,
        /// When.
        at: Time,
    },
    /// Nobody answered in time.
    Lapsed {
        /// When.
        at: Time,
    },
}

impl State {
    /// The state in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Approved => "approved",
            Self::Active { .. } => "active",
            Self::Ending { .. } => "ending",
            Self::Ended { .. } => "ended",
            Self::Failed { .. } => "failed",
            Self::Denied { .. } => "denied",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Lapsed { .. } => "lapsed",
        }
    }
}

impl Progress {
    /// Whether nothing of the layer is left, or nothing of ours.
    pub fn is_revoked(self) -> bool {
        matches!(self, Self::Revoked { .. })
    }

    /// Since when nothing of the layer is left, if its target is still to be inspected once more.
    pub fn inspect_since(self) -> Option<Time> {
        match self {
            Self::Revoked { inspect_since } => inspect_since,
            _ => None,
        }
    }
}

impl Request {
    /// How many questions for more time a requester may take back or change: behind each one is a message
    /// that approvers read.
    pub const MOST_EXTENSIONS_WITHDRAWN: u32 = 10;

    /// How often a requester may be shown the credentials of one grant: each time is an entry of the log, and
    /// a line in the audit channel.
    pub const MOST_CREDENTIALS_SHOWN: u32 = 50;

    /// Whether anything can still happen to it.
    pub fn is_open(&self) -> bool {
        !matches!(
            self.state,
            State::Ended { .. }
                | State::Failed { .. }
                | State::Denied { .. }
                | State::Withdrawn { .. }
                | State::Lapsed { .. }
        )
    }

    /// Whether it counts against what its requester may hold: from the committed approval, or the start
    /// if that is later, until the last target was read back.
    pub fn is_held(&self) -> bool {
        let is_approved = matches!(
            self.state,
            State::Approved | State::Active { .. } | State::Ending { .. }
        );
        is_approved && !self.waits_for_start()
    }

    /// Whether it was made in an incident channel, or names one.
    pub fn is_for_incident(&self) -> bool {
        !self.mirrors.is_empty()
    }

    /// Whether its requester has access, or is about to have it, and nothing ends it yet.
    pub fn goes_on(&self) -> bool {
        matches!(self.state, State::Approved | State::Active { .. })
    }

    /// Whether a check says yes at `now`: the access is there and its time is not over.
    pub fn is_usable(&self, now: Time) -> bool {
        matches!(self.state, State::Active { .. }) && self.expires_at.is_some_and(|end| now < end)
    }

    /// Until when a target that failed to grant a layer is tried again: while at least half of the time is
    /// left. Nothing before the end is known.
    pub fn retries_until(&self) -> Option<Time> {
        let half = Span::seconds(self.approved_duration().as_seconds() / 2);
        self.expires_at.map(|end| half.before(end))
    }

    /// Whether it still asks for `revision`: the first approval, or an extension.
    pub fn awaits_decision(&self) -> bool {
        matches!(self.state, State::Pending { .. }) || self.extension.is_some()
    }

    /// When the question for more time lapses; nothing if none was asked, or if the grant ends before
    /// that or at the same moment, since its end settles the question.
    pub fn extension_lapses_at(&self) -> Option<Time> {
        let lapses_at = self.extension.as_ref()?.lapses_at;
        let is_settled_by_end = self.expires_at.is_some_and(|end| end <= lapses_at);
        (!is_settled_by_end).then_some(lapses_at)
    }

    /// How long the requester asks for now: the extension's time if there is one.
    pub fn asked_duration(&self) -> Span {
        self.extension
            .as_ref()
            .map_or(self.terms.duration, |extension| extension.duration)
    }

    /// How long the grant was approved for: what was asked for, or less where an approver chose less.
    pub fn approved_duration(&self) -> Span {
        self.shortened.unwrap_or(self.terms.duration)
    }

    /// The approvals of what waits for its decision: the request, or more time for it.
    pub fn waiting_approvals(&self) -> &[Approval] {
        match &self.extension {
            Some(extension) => &extension.approvals,
            None => &self.approvals,
        }
    }

    /// Since when it is over at `now`, although its access is not proven gone; nothing while it is
    /// in force, and once nothing of it is left.
    pub fn being_revoked_since(&self, now: Time) -> Option<Time> {
        match self.state {
            State::Ending { since, .. } => Some(since),
            // The sweeper is only late.
            State::Approved | State::Active { .. } => self.expires_at.filter(|end| now >= *end),
            _ => None,
        }
    }

    /// The failures in a row of the layer that fails most while the request is ending.
    pub fn stuck_failures(&self) -> u32 {
        match self.state {
            State::Ending { .. } => self
                .layers
                .iter()
                .map(|layer| layer.failures)
                .max()
                .unwrap_or(0),
            _ => 0,
        }
    }
}
