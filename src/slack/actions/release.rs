//! Releasing a login.

use super::{Outcome, visit::Visit};
use crate::{domain::Username, slack::view::answer};

pub(super) async fn run(visit: &Visit, name: &str, reason: &str) -> Outcome {
    if name.is_empty() || reason.is_empty() {
        return Ok(Some(answer::usage("/jit release LOGIN REASON")));
    }
    let name = Username::new(name);
    let by = &visit.caller.user;
    visit.slack.broker.release_name(by, &name, reason).await?;
    Ok(Some(answer::released(&name)))
}
