//! Why the broker did not do something: it was refused, or something failed.

use crate::{
    directory::FactsUnavailable,
    domain::{Refusal, RequestId, UserId},
    store::{CommitError, StoreError, Uncertain},
};

/// How often a command is decided again after a conflict. Each conflict means that somebody else
/// was done, so this many in a row mean that something is wrong.
pub(super) const ATTEMPTS: u32 = 64;

/// Why something was not done.
///
/// Only [`Refused`](Self::Refused) is a decision. Any other error means that something failed before
/// there was one, so the answer is no for now. The words that people see are the view's; `Display`
/// is for the log of the process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was decided that it is not done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store does not answer.
    #[error("the store is unavailable: {0}")]
    Store(#[from] StoreError),
    /// Each commit came too late.
    #[error(
        "the store is unavailable: somebody else was faster {} times in a row",
        ATTEMPTS
    )]
    TooManyConflicts,
    /// It was delivered before, and done then.
    #[error("it was delivered before, and done then")]
    AlreadyDone,
    /// What is known of a person is too old and could not be had again.
    #[error("the facts are not to be had: {0}")]
    Facts(#[from] FactsUnavailable),
    /// The facts about an earlier approver are not to be had, so nobody knows whether their
    /// approval still counts.
    #[error("the facts about the earlier approver {approver} are not to be had: {source}")]
    EarlierApprover {
        /// Who approved before.
        approver: UserId,
        /// Why the facts are not to be had.
        source: FactsUnavailable,
    },
    /// What the log says of people is not known for certain, so nobody comes closer to access.
    #[error(transparent)]
    Uncertain(#[from] Uncertain),
    /// The key of the configuration is not the one that sealed the credentials of this request, or
    /// somebody changed what was sealed.
    #[error("the key in `secrets.key` does not open the credentials of request {0}")]
    WrongKey(RequestId),
    /// The tables say something else of the request than the log: nothing rests on either.
    #[error("the tables contradict the log on request {0}")]
    Contradicted(RequestId),
}

/// Somebody else was faster each time, where a conflict is not decided again.
impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::TooManyConflicts,
            CommitError::AlreadyDone => Self::AlreadyDone,
            CommitError::Unavailable(error) => Self::Store(error),
        }
    }
}
