//! The rules of a request's life, pure: no I/O, no clock, no randomness, no async.
//!
//! [`decide()`] says what a command does to a request, or why it may not; [`Request::apply`] folds
//! the events that it answers; [`due`](Request::due) says what has to be done next, and when.
//! Everything else in the crate only feeds these three and carries out what they say.

mod actor;
mod apply;
mod asking;
mod attempt;
mod command;
mod decide;
mod departure;
mod digest;
mod due;
mod event;
mod group;
pub mod holding;
mod human;
mod id;
mod leftovers;
mod limits;
mod lock;
mod login;
mod name;
mod notify;
mod person;
mod question;
mod refusal;
mod reminder;
mod request;
mod review;
mod revocation;
mod scope;
mod span;
mod stages;
mod start;
mod terms;
mod ticket;
mod unexplained;
mod weekly;

pub use actor::Actor;
pub use attempt::{AttemptEvent, Attempted, AttemptedOn, NotAllowed};
pub use command::{Command, Parties, PlannedGrant, PlannedReview, Vote};
pub use decide::{decide, open};
pub use departure::Departure;
pub use digest::{DigestFold, Hasty, Names, Oversized, Stuck, Waited, WeeklyDigest};
pub use due::{
    CLOCKS_DIFFER, Due, INSPECT_AGAIN, LONGEST_CALL, LONGEST_RETRY, Lane, Work, backoff,
};
pub use event::{ApprovalFacts, EndCause, Event, Occurred, PlannedLayer, Removal};
pub use group::{GroupEvent, GroupListedIn, GroupMembers, GroupRead, Moved};
pub use human::{Human, Humans, IdentityKey};
pub use id::{
    AskKey, BackendName, ChannelId, DeliveryKey, Email, Entitlement, Environment, GroupName,
    Handle, InstanceId, InvalidRequestId, RequestId, RuleId, TeamId, UserId, Username,
};
pub use leftovers::{Leftover, Leftovers};
pub use limits::{Catalogue, Limits, OnLimit, maxima};
pub use lock::{Lock, LockEvent, LockTarget};
pub use login::{Login, LoginName};
pub use name::{NameEvent, NameOwners};
pub use notify::{Notifications, Notify, ScopeNotify};
pub use person::{NoUsername, Person, Standing};
pub use question::Question;
pub use refusal::{More, Refusal, Ruling};
pub use request::{
    Approval, Extension, ExtensionOutcome, Format, Layer, Progress, Request, SettledExtension,
    State,
};
pub use review::{BreakGlass, Review, SignOff};
pub use revocation::{InvalidReceipt, Receipt, RevocationMode};
pub use scope::{
    InvalidScopeId, LayerSpec, OnLeave, Params, ReasonRule, Risk, Scope, ScopeId, TicketRule,
};
pub use span::{InvalidSpan, Length, Span};
pub use stages::{Assignment, MOST_STAGES, Stage, able, stricter};
pub use terms::Terms;
pub use ticket::{TicketProblem, TicketRead};
pub use unexplained::{UnexplainedAccess, UnexplainedEvent};
pub use weekly::Weekly;

/// Time as the whole crate counts it: UTC, cut to the millisecond so that the log, the store and
/// memory agree on it to the digit.
pub type Time = chrono::DateTime<chrono::Utc>;
