//! Whoever may ask may use break-glass. Breaks promise 1: nobody gets access that nobody gave them.

use std::sync::LazyLock;

use keylend::policy::Policy;

use super::Mutant;
use crate::world::policy;

pub(super) struct BreaksAnyGlass;

impl Mutant for BreaksAnyGlass {
    fn policy(&self, _: &Policy) -> Policy {
        static ANYBODY: LazyLock<Policy> = LazyLock::new(|| {
            policy(
                r#"
@id("anybody-breaks-glass")
permit (principal in Group::"engineers", action == Action::"break_glass", resource);
"#,
            )
        });
        ANYBODY.clone()
    }
}
