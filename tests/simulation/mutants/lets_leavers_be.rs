//! Nobody looks whether people left who hold access. Breaks promise 7: who is deactivated loses what
//! they hold.

use super::Mutant;

pub(super) struct LetsLeaversBe;

impl Mutant for LetsLeaversBe {
    fn lets_leavers_be(&self) -> bool {
        true
    }
}
