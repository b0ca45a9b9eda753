//! What happened to a request, in the past tense: the bodies of the log's entries.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Actor, AskKey, BackendName, ChannelId, Departure, Email, Entitlement, Environment, GroupName,
    GroupRead, Handle, Human, Leftovers, Params, Receipt, RequestId, RevocationMode, RuleId, Span,
    Stage, Terms, TicketRead, Time, UserId, Username,
};

/// An event with what the log says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurred {
    /// When.
    pub at: Time,
    /// By whose word.
    pub actor: Actor,
    /// Under which rules; empty where no rule was asked.
    pub rules: Vec<RuleId>,
    /// What.
    pub event: Event,
}

/// What can happen to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Event {
    /// Somebody asked. Everything that is known of them then is kept here, so that the log can be
    /// read without Slack.
    Requested {
        /// What makes asking twice one request.
        ask_key: AskKey,
        /// Who asked.
        requester: UserId,
        /// Their verified address.
        email: Email,
        /// Every identity of theirs.
        human: Human,
        /// Their name in the targets.
        username: Username,
        /// What for.
        terms: Terms,
        /// How many approvals it needs.
        approvals_needed: u8,
        /// Where it will be decided.
        approval_channel: ChannelId,
        /// The incident channels that follow it.
        mirrors: Vec<ChannelId>,
        /// When it lapses if nobody answers.
        lapses_at: Time,
        /// The stages that need one approval each; none if any of the approvers counts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stages: Vec<Stage>,
        /// When access is to start; nothing if that is at its approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        starts_at: Option<Time>,
    },
    /// One approval of several.
    ApprovalCounted {
        /// How many there are now.
        given: u8,
        /// How many it needs.
        needed: u8,
        /// Every identity of the approver.
        human: Human,
        /// The groups of the approver by which they may approve.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<GroupRead>,
        /// How long the approver allows, where that is less than what was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<Span>,
    },
    /// An earlier approval does not count any more.
    ApprovalVoided {
        /// Whose approval.
        approver: UserId,
        /// Why.
        reason: String,
    },
    /// The catalogue has changed while the request waited for its decision.
    Revised {
        /// The terms from now on.
        terms: Terms,
        /// How many approvals it needs from now on.
        approvals_needed: u8,
        /// The revision of the request from now on. A new one voids earlier approvals.
        revision: u32,
        /// The stages from now on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stages: Vec<Stage>,
    },
    /// The last approval: the intent, with everything that is needed to undo it.
    Approved {
        /// When it ends, whatever happens.
        expires_at: Time,
        /// What will be granted.
        layers: Vec<PlannedLayer>,
        /// The grants that have to be gone before this one is granted.
        after: Vec<RequestId>,
        /// Every identity of the approver; empty for a rule.
        human: Human,
        /// Every identity of the requester: their name in the targets is bound to it.
        requester: Human,
        /// What the approval depended on.
        facts: ApprovalFacts,
        /// The groups of the approver by which they may approve; of the requester, where a rule approves.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<GroupRead>,
        /// How long the approver allows, where that is less than what was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<Span>,
    },
    /// An approver said no.
    Denied {
        /// Why, in their words.
        reason: String,
    },
    /// The requester took it back.
    Withdrawn {},
    /// Nobody answered in time.
    Lapsed {},
    /// A target was inspected before anything was granted in it.
    LayerInspected {
        /// Which layer, from 0.
        layer: usize,
        /// Whether Keylend grants this access (it was not there before), and so revokes it.
        managed: bool,
        /// What the target recognises it by, if it says so before it grants it.
        receipt: Option<Receipt>,
    },
    /// A layer was granted, and its status read back. While the request is ending already, so that what
    /// the target answered is known when the layer is revoked.
    LayerGranted {
        /// Which layer, from 0.
        layer: usize,
        /// The end that the target was told.
        until: Time,
        /// When the access ends by itself, as the target says.
        ends_at: Option<Time>,
        /// What the target recognises it by from now on; as before if there is nothing.
        receipt: Option<Receipt>,
        /// Whether the target gave secrets for the requester.
        secrets: bool,
        /// What the target says of the access that holds when it has ended, as sentences.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caveat: Option<String>,
    },
    /// A target did not grant a layer, or its answer was not heard.
    LayerGrantFailed {
        /// Which layer, from 0.
        layer: usize,
        /// What the target said.
        error: String,
        /// When it is tried again; nothing if it is not.
        retry_at: Option<Time>,
        /// What the target recognises it by from now on, if it answered before it failed; as before if
        /// there is nothing.
        receipt: Option<Receipt>,
        /// How often in a row it has failed by now; nothing while the request is ending.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failures: Option<u32>,
    },
    /// All layers are granted: the access is there.
    Activated {},
    /// The requester was told that the end is near.
    Warned {},
    /// The requester left the groups by which they received the access, and the scope's `on_leave`
    /// lets it go on to its end.
    LeaveNoticed {
        /// What changed.
        departure: Departure,
    },
    /// From here on every check says no, and the layers are revoked.
    RevocationStarted {
        /// Why.
        cause: EndCause,
    },
    /// A layer is gone from its target: its status was read back.
    LayerRevoked {
        /// Which layer, from 0.
        layer: usize,
        /// How.
        removal: Removal,
        /// What the grantee left behind.
        #[serde(default, skip_serializing_if = "Leftovers::is_empty")]
        leftovers: Leftovers,
    },
    /// A later inspection found nothing of a layer that had been revoked, or another grant gives its
    /// access by now.
    LayerAbsenceConfirmed {
        /// Which layer, from 0.
        layer: usize,
    },
    /// The later inspection of a layer that had been revoked was given up, since the configuration has
    /// no such target any more, or the target takes other parameters.
    LayerInspectionAbandoned {
        /// Which layer, from 0.
        layer: usize,
        /// What is missing.
        error: String,
    },
    /// A later inspection found a layer that had been revoked: the grant is ending again.
    LayerReappeared {
        /// Which layer, from 0.
        layer: usize,
        /// Every identity of the requester, who holds the grant again.
        requester: Human,
    },
    /// A target did not revoke a layer.
    LayerRevokeFailed {
        /// Which layer, from 0.
        layer: usize,
        /// What the target said.
        error: String,
        /// When it is tried again.
        retry_at: Time,
    },
    /// Nothing of the grant is left in any target.
    Ended {},
    /// It never became active, and nothing of it is left in any target.
    Failed {
        /// What the target said.
        error: String,
    },
    /// The requester asked for more time.
    ExtensionRequested {
        /// Every identity of the person who asked.
        human: Human,
        /// How much.
        duration: Span,
        /// The revision of the request that asks for it.
        revision: u32,
        /// Until when it can be answered: the grant's end at the latest.
        lapses_at: Time,
        /// Why, in their words; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// The requester took the question for more time back; the grant goes on to its end.
    ExtensionWithdrawn {},
    /// The extension was approved; nothing was interrupted.
    Extended {
        /// The new end.
        expires_at: Time,
        /// Every identity of the approver; empty for a rule.
        human: Human,
        /// Every identity of the requester.
        requester: Human,
        /// The groups of the approver by which they may approve; of the requester, where a rule approves.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<GroupRead>,
        /// How long the approver allows, where that is less than what was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<Span>,
    },
    /// An approver said no to the extension; the grant goes on to its end.
    ExtensionDenied {
        /// Why, in their words.
        reason: String,
    },
    /// Nobody answered the extension in time; the grant goes on to its end.
    ExtensionLapsed {},
    /// The requester was shown the grant's credentials.
    CredentialShown {},
    /// The approvers were reminded of the request, or of the extension, that waits for their decision.
    Reminded {
        /// Which reminder, from 1.
        step: u8,
        /// The revision that waits.
        revision: u32,
    },
    /// The start of a request that was approved in advance came, and it still holds.
    Started {
        /// Every identity of the requester, who holds the grant from now on.
        requester: Human,
        /// The grants that have to be gone before this one is granted.
        after: Vec<RequestId>,
        /// What the decision at the start depended on.
        facts: ApprovalFacts,
    },
    /// The requester got the access by break-glass: a review is open from here on.
    GlassBroken {
        /// The groups whose members are to sign off.
        reviewers: BTreeSet<GroupName>,
        /// Where it is announced and reviewed.
        channel: ChannelId,
    },
    /// A reviewer signed off.
    ReviewSignedOff {
        /// Every identity of the reviewer.
        human: Human,
        /// What they found, in their words.
        reason: String,
    },
    /// The reviewers were reminded of the review that is open.
    ReviewReminded {
        /// Which reminder, from 1.
        step: u32,
    },
    /// An approver asked the requester a question before deciding.
    QuestionAsked {
        /// Which question about the request, from 1.
        number: u32,
        /// The question, in their words.
        reason: String,
    },
    /// The requester answered a question.
    QuestionAnswered {
        /// Which question about the request, from 1.
        number: u32,
        /// The answer, in their words.
        reason: String,
    },
}

impl Event {
    /// Whether a request is over behind an event of this kind.
    pub fn is_last(kind: &str) -> bool {
        matches!(
            kind,
            "denied"
                | "withdrawn"
                | "lapsed"
                | "ended"
                | "failed"
                | "layer_absence_confirmed"
                | "layer_inspection_abandoned"
        )
    }
}

/// What the last approval depended on, besides the terms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ApprovalFacts {
    /// The moment for which it was decided. The log may date the approval later.
    pub at: Time,
    /// How many other grants the requester held.
    pub held: u32,
    /// The environments they held that exclude this scope's.
    pub excluded_by: BTreeSet<Environment>,
    /// The groups they were in, of those that the decision asked about.
    pub groups: BTreeSet<GroupName>,
    /// What was read of the ticket; nothing if the scope needed no open one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_read: Option<TicketRead>,
}

/// A layer as it was planned when the approval was committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedLayer {
    /// The target.
    pub backend: BackendName,
    /// What is asked of it.
    pub params: Params,
    /// What it is called there.
    pub handle: Handle,
    /// What it gives there.
    pub entitlement: Entitlement,
    /// What people call that, such as a role; nothing where the target does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How it ends there.
    pub revocation: RevocationMode,
    /// How long an order may still take effect there after Keylend gave up waiting for its answer.
    pub late_effects: Span,
}

/// Why a grant ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum EndCause {
    /// Its time is over.
    Expired,
    /// The requester is done.
    Done,
    /// An approver revoked it.
    Revoked {
        /// Why, in their words; may be empty.
        reason: String,
    },
    /// A lock covers it.
    Locked {
        /// Why, in the words of who locked.
        reason: String,
    },
    /// It made room for a newer grant of the same person.
    Displaced {
        /// The newer grant.
        by: RequestId,
    },
    /// The requester left.
    Left {
        /// Who.
        person: UserId,
        /// What changed.
        departure: Departure,
    },
    /// Keylend has lost its credentials: a password that it made, or secrets that a target gave.
    CredentialLost,
    /// A layer could not be granted for good.
    GrantFailed {
        /// What the target said.
        error: String,
    },
    /// Its ticket was closed.
    TicketClosed {
        /// Whether the ticket is not there any more, instead.
        #[serde(default)]
        deleted: bool,
    },
    /// The requester withdrew it after its approval and before its start.
    Withdrawn,
    /// It was approved in advance, and at its start it did not hold any more.
    StartRefused {
        /// Why not.
        reason: String,
    },
}

/// How a layer was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Removal {
    /// It was revoked, and the target's status read back.
    Removed,
    /// Its time limit was over, and the target's status read back.
    Expired,
    /// Only a time limit ends it, and nothing of it was there before that: it was never granted as far
    /// as Keylend knows, and the target's status was read back.
    Absent,
    /// Another grant depends on the same entitlement, which stays until that grant ends.
    RetainedByGrant {
        /// The other grant.
        request: RequestId,
    },
    /// The access was there before the grant, so it is not Keylend's to revoke.
    Preexisting,
    /// Nothing had been granted yet.
    NotGranted,
}

impl Removal {
    /// Whether the access was Keylend's and is gone, so that the target is inspected once more later.
    pub fn is_inspected_later(&self) -> bool {
        matches!(self, Self::Removed | Self::Expired | Self::Absent)
    }
}
