//! Why something was not done. A refusal is an answer, not a failure.

use std::collections::BTreeSet;

use super::{
    Actor, GroupName, NoUsername, Question, RequestId, RuleId, ScopeId, Span, Stage, TicketProblem,
    Time, Username,
};

/// Why something was not done; nothing was changed.
///
/// The words that people see are the view's; `Display` is for the log of the process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such request.
    #[error("there is no request {0}")]
    NoSuchRequest(RequestId),
    /// There is no such scope in the catalogue.
    #[error("there is no scope {0}")]
    NoSuchScope(ScopeId),
    /// Nobody approves their own request.
    #[error("nobody approves their own request")]
    OwnRequest,
    /// The card shows terms that are no longer asked for.
    #[error("revision {shown} was shown, but {current} is asked for")]
    Outdated {
        /// What the click came from.
        shown: u32,
        /// What is asked now.
        current: u32,
    },
    /// It was decided already.
    #[error("the request is {state} already")]
    Settled {
        /// The state in one word.
        state: &'static str,
        /// Who decided, if somebody did.
        by: Option<Actor>,
    },
    /// The same person approved before, and another has to.
    #[error("this person has approved already")]
    ApprovedBefore,
    /// Only the requester may do this.
    #[error("only the requester may do this")]
    NotTheRequester,
    /// It is not active.
    #[error("the request is {state}, not active")]
    NotActive {
        /// The state in one word.
        state: &'static str,
    },
    /// More time was asked for before and is not decided yet.
    #[error("an extension waits for its decision already")]
    ExtensionWaits,
    /// The requester took back as many questions for more time as they may.
    #[error("too many extensions were withdrawn")]
    TooManyWithdrawn,
    /// The requester was shown the credentials as often as they may be.
    #[error("the credentials were shown too often")]
    ShownTooOften,
    /// No question for more time waits for an answer.
    #[error("no extension waits for an answer")]
    NoExtension,
    /// The command does not fit the state, or came too early: a stale piece of work.
    #[error("nothing of the kind is due")]
    NotDue,
    /// The policy says no.
    #[error("refused by {}", .0.iter().map(|ruling| ruling.rule.as_str()).collect::<Vec<_>>().join(", "))]
    Forbidden(Vec<Ruling>),
    /// A rule could not be evaluated, which means no.
    #[error("a rule could not be evaluated: {0}")]
    RuleError(String),
    /// The requester has no name in the targets.
    #[error("the requester has no login: {0}")]
    NoUsername(NoUsername),
    /// Slack gave no address for the requester that counts.
    #[error("the requester has no address that counts")]
    NoEmail,
    /// Slack tells nobody's address, because the app lacks the scope for it.
    #[error("the Slack app lacks the scope users:read.email")]
    EmailsUnreadable,
    /// Slack gave no usable address for the person who decides.
    #[error("the person who decides has no usable address")]
    NoDeciderEmail,
    /// The requester's name in the targets belongs to somebody else.
    #[error("the name {0} belongs to another person")]
    NameBound(Username),
    /// Several people have used the requester's name in the targets.
    #[error("the name {0} was used by more than one person")]
    NameContested(Username),
    /// The name in the targets is not bound to anybody.
    #[error("the name {0} is not bound to anybody")]
    NameFree(Username),
    /// The answer depends on these groups, and nobody knows who is in them.
    #[error("nobody knows who is in {}", names(.0))]
    GroupsUnavailable(BTreeSet<GroupName>),
    /// Shorter than the configuration allows.
    #[error("{asked} is shorter than {min}")]
    TooShort {
        /// What was asked.
        asked: Span,
        /// What may be asked at least.
        min: Span,
    },
    /// The scope allows less time than the extension asks for.
    #[error("{asked} more is longer than the scope allows")]
    ExtensionTooLong {
        /// How much more was asked.
        asked: Span,
        /// How much more may be asked now; nothing if nothing may.
        fits: Option<Span>,
    },
    /// The person has asked for the same before, and waits for the answer.
    #[error("{id} asks for the same and is pending")]
    PendingAlready {
        /// Their request.
        id: RequestId,
        /// What for.
        scope: ScopeId,
        /// How long until it lapses.
        left: Span,
    },
    /// The person has asked for the same before, and has it.
    #[error("{id} gives the same until its end")]
    GrantedAlready {
        /// Their grant.
        id: RequestId,
        /// What for.
        scope: ScopeId,
        /// How long until it ends.
        left: Span,
        /// How much more time they may ask for.
        more: More,
    },
    /// As many requests of the person are pending as may be at once.
    #[error("{} requests are pending already", .pending.len())]
    TooManyPending {
        /// The scope, if it is for this scope that no more may be.
        of: Option<ScopeId>,
        /// What is pending, oldest first.
        pending: Vec<(RequestId, ScopeId)>,
    },
    /// The person has made as many requests lately as they may.
    #[error("{most} requests were made within an hour")]
    TooManyRequests {
        /// How many one may make within an hour.
        most: u32,
        /// How long until they may make another.
        wait: Span,
    },
    /// A reason has to be given for this scope.
    #[error("a reason is required")]
    ReasonMissing,
    /// The log has lost texts of the request, so it can only end.
    #[error("the log has lost texts of the request")]
    TextsMissing,
    /// There are no credentials to show.
    #[error("there are no credentials to show")]
    NoCredential,
    /// A request of this name exists already, by somebody else.
    #[error("the request's name is taken")]
    NameTaken,
    /// No stage that is still open can be filled by this person.
    #[error("this person can fill none of the {} stages that are open", .open.len())]
    NoOpenStage {
        /// The stages that are still open.
        open: Vec<Stage>,
    },
    /// An approver can only shorten what is asked for.
    #[error("{chosen} is longer than the {asked} that was asked for")]
    LongerThanAsked {
        /// What the approver chose.
        chosen: Span,
        /// What was asked for.
        asked: Span,
    },
    /// The scope needs an open ticket.
    #[error("the ticket does not count: {0}")]
    Ticket(TicketProblem),
    /// The start that was asked for has passed.
    #[error("the start has passed")]
    StartPassed,
    /// The start that was asked for is further ahead than it may be.
    #[error("the start is more than {most} ahead")]
    StartTooFar {
        /// How far ahead it may be.
        most: Span,
    },
    /// The person has asked for the same before, with the same start, and it is approved.
    #[error("{id} is approved for the same and starts in {left}")]
    ScheduledAlready {
        /// Their request.
        id: RequestId,
        /// What for.
        scope: ScopeId,
        /// How long until it starts.
        left: Span,
    },
    /// This person can't use break-glass for this scope.
    #[error("no break-glass for {0}")]
    NoBreakGlass(ScopeId),
    /// An earlier break-glass of this person is still unreviewed, for longer than it may be.
    #[error("{id} is unreviewed since {since}")]
    ReviewOverdue {
        /// What they took by break-glass.
        id: RequestId,
        /// Since when its review is open.
        since: Time,
    },
    /// The request was not made by break-glass, so there is nothing to review.
    #[error("there is nothing to review")]
    NoReview,
    /// Nobody reviews their own use of break-glass.
    #[error("nobody reviews their own use of break-glass")]
    OwnReview,
    /// This person is in none of the reviewer groups.
    #[error("this person is no reviewer")]
    NotAReviewer,
    /// The same person signed off before, and another has to.
    #[error("this person has signed off already")]
    SignedOffBefore,
    /// As many people as needed have signed off.
    #[error("the review is closed")]
    ReviewClosed,
    /// A sign-off needs a note.
    #[error("a note is required")]
    NoteMissing,
    /// As many questions as there can be were asked about the request.
    #[error("{} questions were asked", Question::MOST)]
    TooManyQuestions,
    /// As many questions as can wait at once wait for an answer.
    #[error("{} questions wait for an answer", Question::MOST_OPEN)]
    TooManyOpenQuestions,
    /// The question was answered, or what it is about was decided.
    #[error("the question does not wait for an answer")]
    NoOpenQuestion,
    /// A question or an answer is empty or too long.
    #[error("a text needs 1 to {} characters", Question::LONGEST)]
    TextLength,
    /// As many tickets of the person were refused lately as may be, so no other is looked up.
    #[error("{most} tickets were refused within an hour")]
    TooManyTickets {
        /// How many may be refused within an hour.
        most: u32,
        /// How long until another is looked up.
        wait: Span,
    },
}

/// How much more time somebody may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// As much as this, now.
    Fits(Span),
    /// They have asked, and wait for the answer.
    IsPending,
    /// None before some of it is over.
    Later,
}

fn names(groups: &BTreeSet<GroupName>) -> String {
    let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
    names.join(", ")
}

/// One rule that said no, and its words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The rule's `@id`.
    pub rule: RuleId,
    /// The rule's `@reason`.
    pub reason: String,
}
