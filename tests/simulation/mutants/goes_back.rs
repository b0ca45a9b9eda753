//! A replica acts by its machine's clock as it is, also when that is set back. Breaks promise 3: what was
//! over is open again.

use std::sync::Arc;

use keylend::clock::Clock;

use super::Mutant;

pub(super) struct GoesBack;

impl Mutant for GoesBack {
    fn steady(&self, machine: Arc<dyn Clock>) -> Arc<dyn Clock> {
        machine
    }
}
