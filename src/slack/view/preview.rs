//! What becomes of the request on a form: who is asked, which rule approves it at once, or why it would be
//! refused.

use serde_json::Value;

use super::{
    modal::{mrkdwn, plain},
    refusal, text,
};
use crate::{
    broker::{Error, Preview},
    domain::{Refusal, Scope, Span},
};

/// The longest refusal that the form shows, in characters.
const LONGEST: usize = 2000;

const UNKNOWN: &str = ":warning: Keylend couldn't check whether you can request this, or whether a rule \
                       approves it at once. You can still submit it; Keylend checks again then.";

/// What becomes of the request on a form.
#[derive(Debug)]
pub struct Previewed {
    /// The duration that it holds for.
    pub duration: Span,
    /// What the broker answered.
    pub outcome: Result<Preview, Error>,
}

/// What becomes of a request for `scope`, as an element of a context. `asked` says in `mrkdwn` who is asked;
/// without a preview, it is not known whether that is so.
pub(super) fn element(scope: &Scope, preview: Option<&Previewed>, asked: &str) -> Value {
    let unknown = || mrkdwn(&format!("{asked}\n{UNKNOWN}"));
    let Some(Previewed { duration, outcome }) = preview else {
        return unknown();
    };
    match outcome {
        Ok(Preview::Asked) => mrkdwn(asked),
        Ok(Preview::Approved(rule)) => mrkdwn(&format!(
            "The rule {} approves this at once, for {duration}. Nobody has to approve it.",
            text::code(rule)
        )),
        Err(Error::Refused(Refusal::GroupsUnavailable(_) | Refusal::RuleError(_))) => unknown(),
        Err(error @ Error::Refused(_)) => {
            let (_, why) = refusal::on_field(error, scope, *duration);
            plain(&format!("You can't request this now. {why}"), LONGEST)
        }
        Err(_) => unknown(),
    }
}
