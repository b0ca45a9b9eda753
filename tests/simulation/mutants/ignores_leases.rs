//! A claim keeps nobody away: two replicas work on one request, and on one piece of access, and two
//! speak. Breaks promise 6: one effect for one intention with two replicas; what comes of it may
//! show first in access that stays (4), that goes too early (9), or in Slack (10).

use super::Mutant;

pub(super) struct IgnoresLeases;

impl Mutant for IgnoresLeases {
    fn ignores_claims(&self) -> bool {
        true
    }
}
