//! What a card knows beside its request, and what its buttons say of it.

use crate::{
    domain::{Lock, Login, Request},
    slack::client::ChannelTrouble,
};

/// What a button's click means: its `action_id`. Its value is [`value`].
pub mod action {
    /// Say yes.
    pub const APPROVE: &str = "approve";
    /// Say yes to less time: opens the form that asks for how long.
    pub const APPROVE_SHORTER: &str = "approve_shorter";
    /// Say no.
    pub const DENY: &str = "deny";
    /// Ask the requester: opens the form that asks for the question.
    pub const ASK_QUESTION: &str = "ask_question";
    /// Answer a question: opens the form that asks for the answer. Its value names the question.
    pub const ANSWER_QUESTION: &str = "answer_question";
    /// Take the request back.
    pub const WITHDRAW: &str = "withdraw";
    /// See the grant's credentials.
    pub const CREDENTIALS: &str = "credentials";
    /// End the grant.
    pub const DONE: &str = "done";
    /// Ask for more time.
    pub const EXTEND: &str = "extend";
    /// Takes the question for more time back.
    pub const WITHDRAW_EXTENSION: &str = "withdraw_extension";
    /// Take what is pending by break-glass.
    pub const BREAK_GLASS: &str = "break_glass";
    /// Sign off what was taken by break-glass: opens the form that asks for a note.
    pub const SIGN_OFF: &str = "sign_off";
    /// Open the form that asks for access; it has no request to name.
    pub const REQUEST: &str = "request";
    /// Open the form with what a past request asked for.
    pub const REQUEST_AGAIN: &str = "request_again";
}

/// What a card needs to know beside its request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// Whether the request comes with credentials to show.
    pub has_credentials: bool,
    /// Why those who are asked for a decision cannot be reached, if they cannot.
    pub unreachable: Option<ChannelTrouble>,
    /// The logins that receive the access.
    pub logins: Vec<Login>,
    /// The lock that keeps what is asked for from being approved, if one does.
    pub lock: Option<Lock>,
    /// Whether the requester is offered break-glass while the request waits.
    pub break_glass: bool,
}

/// The value of every button but those of questions: the request, and the revision that was on show.
pub fn value(request: &Request) -> String {
    format!("{}.{}", request.id, request.revision)
}

/// The value of the button that answers a question: the request, and the question's number.
pub(super) fn question_value(request: &Request, number: u32) -> String {
    format!("{}.{number}", request.id)
}
