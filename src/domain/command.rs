//! What can be asked of a request, in the imperative.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Actor, ApprovalFacts, ChannelId, Departure, EndCause, GroupName, GroupRead, Human, Leftovers,
    PlannedLayer, Receipt, Removal, RequestId, RuleId, Span, Stage, Terms, Time, UserId,
};

/// What can be asked of a request. The sender has asked the policy first: what the domain
/// refuses again by itself is only what must hold under every policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Say yes to the request, or to the extension that it asks for.
    Approve {
        /// A person, or the rule that stands in for one.
        by: Actor,
        /// The rules that allowed it.
        rules: Vec<RuleId>,
        /// The revision that they were shown.
        revision: u32,
        /// Who is who, on today's facts.
        parties: Parties,
        /// What is granted if this is the last approval.
        grant: PlannedGrant,
    },
    /// Bring a request that waits for its decision up to date with the catalogue.
    Revise {
        /// The terms that the catalogue gives today.
        terms: Terms,
        /// How many approvals it needs today.
        approvals_needed: u8,
        /// The stages that need one approval each today.
        stages: Vec<Stage>,
    },
    /// Say no.
    Deny {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
        /// The rules that allowed it.
        rules: Vec<RuleId>,
        /// The revision that they were shown.
        revision: u32,
        /// Why, in their words.
        reason: String,
    },
    /// Take the request back before it is decided.
    Withdraw {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
    },
    /// End it before its time, since the requester is done.
    Done {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
    },
    /// Ask for more time.
    RequestExtension {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
        /// The rules that allowed it.
        rules: Vec<RuleId>,
        /// How much more.
        duration: Span,
        /// When the question lapses, unless the grant ends before that.
        lapses_at: Time,
        /// Why, in their words; may be empty.
        reason: String,
    },
    /// Take the question for more time back.
    WithdrawExtension {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
    },
    /// End it before its time.
    End {
        /// By whose word.
        by: Actor,
        /// The rules that allowed it.
        rules: Vec<RuleId>,
        /// Why.
        cause: EndCause,
    },
    /// Note that the requester has left groups, which does not end it.
    NoticeLeave {
        /// The rules by which they would not receive it now.
        rules: Vec<RuleId>,
        /// What changed.
        departure: Departure,
    },
    /// Note that the requester sees the credentials now.
    ShowCredential {
        /// Who asks to see them.
        by: UserId,
    },
    /// Let it go, since nobody answered in time.
    Lapse,
    /// Note that the requester is told of the end.
    Warn,
    /// Note that the approvers are reminded of what waits for their decision.
    Remind,
    /// End it, since its time is over.
    Expire,
    /// Let what was approved in advance start, since its start has come.
    Start {
        /// The terms that the catalogue gives today.
        terms: Terms,
        /// How many approvals it needs today.
        approvals_needed: u8,
        /// The stages that need one approval each today.
        stages: Vec<Stage>,
        /// Who is who, and which approvals still count, on today's facts.
        parties: Parties,
        /// The grants that have to be gone first.
        after: Vec<RequestId>,
        /// What the decision depended on.
        facts: ApprovalFacts,
    },
    /// End what was approved in advance at its start, since it does not hold any more.
    RefuseStart {
        /// The rules that refuse it.
        rules: Vec<RuleId>,
        /// Why.
        reason: String,
    },
    /// Note what the target had before anything was granted.
    Inspected {
        /// Which layer, from 0.
        layer: usize,
        /// Whether Keylend grants the access.
        managed: bool,
        /// What the target recognises it by, if it says so before it grants it.
        receipt: Option<Receipt>,
    },
    /// Note that a layer was granted and its status read back.
    Granted {
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
        caveat: Option<String>,
    },
    /// Note that a layer could not be granted.
    GrantFailed {
        /// Which layer, from 0.
        layer: usize,
        /// What the target said.
        error: String,
        /// When it is tried again; nothing gives up.
        retry_at: Option<Time>,
        /// What the target recognises it by from now on, if it answered before it failed.
        receipt: Option<Receipt>,
    },
    /// Note that a layer is gone.
    Revoked {
        /// Which layer, from 0.
        layer: usize,
        /// How.
        removal: Removal,
        /// What the grantee left behind.
        leftovers: Leftovers,
    },
    /// Note that a layer that was revoked was inspected later, and what was found.
    InspectedLater {
        /// Which layer, from 0.
        layer: usize,
        /// Whether its access is there.
        present: bool,
    },
    /// Note that a layer that was revoked cannot be inspected later.
    AbandonInspection {
        /// Which layer, from 0.
        layer: usize,
        /// What is missing.
        error: String,
    },
    /// Note that a layer could not be revoked.
    RevokeFailed {
        /// Which layer, from 0.
        layer: usize,
        /// What the target said.
        error: String,
        /// When it is tried again.
        retry_at: Time,
    },
    /// Sign off a grant that was taken by break-glass.
    SignOff {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
        /// Every identity of the requester, on today's facts.
        requester: Human,
        /// Every identity of those who signed off before, on today's facts.
        earlier: BTreeMap<UserId, Human>,
        /// What they found, in their words.
        note: String,
    },
    /// Note that the reviewers are reminded of the review that is open.
    RemindReview,
    /// Ask the requester a question before deciding.
    AskQuestion {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
        /// The rules that allow them to decide.
        rules: Vec<RuleId>,
        /// The revision that they were shown.
        revision: u32,
        /// The question, in their words.
        text: String,
    },
    /// Answer a question as the requester.
    AnswerQuestion {
        /// Who.
        by: UserId,
        /// Every identity of theirs.
        human: Human,
        /// Which question, from 1.
        number: u32,
        /// The answer, in their words.
        text: String,
    },
}

/// Who is who when somebody approves, on today's facts. What was recorded before counts too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parties {
    /// Every identity of the person who approves; empty for a rule.
    pub approver: Human,
    /// Every identity of the requester.
    pub requester: Human,
    /// Whether the earlier approvals still count. One that is not listed does not.
    pub votes: BTreeMap<UserId, Vote>,
    /// The groups of the person who approves, or of the requester where a rule does, by which the rules
    /// allow it.
    pub groups: Vec<GroupRead>,
    /// Which of the request's stages each approver can fill, by their number; none if not listed.
    pub stages: BTreeMap<UserId, BTreeSet<usize>>,
}

impl Parties {
    /// The stages that this approver can fill, by their number.
    pub fn fills(&self, approver: &UserId) -> BTreeSet<usize> {
        self.stages.get(approver).cloned().unwrap_or_default()
    }
}

/// Whether an earlier approval still counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Vote {
    /// The approver still has the authority.
    Counts {
        /// Every identity of theirs.
        human: Human,
    },
    /// The approver has lost the authority.
    Void {
        /// Why.
        reason: String,
    },
}

/// What is granted with the last approval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlannedGrant {
    /// What is made in the targets.
    pub layers: Vec<PlannedLayer>,
    /// The grants that have to be gone first.
    pub after: Vec<RequestId>,
    /// What the approval depended on.
    pub facts: ApprovalFacts,
    /// How long the approver allows at most; nothing if as long as what is asked for.
    pub at_most: Option<Span>,
    /// Who reviews it afterwards; nothing unless it is granted by break-glass.
    pub review: Option<PlannedReview>,
}

/// Who reviews what is granted by break-glass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReview {
    /// The groups whose members are to sign off.
    pub reviewers: BTreeSet<GroupName>,
    /// Where it is announced and reviewed.
    pub channel: ChannelId,
}
