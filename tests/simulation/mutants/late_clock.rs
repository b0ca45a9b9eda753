//! Checks believe that it is half a minute earlier than it is. Breaks promise 3: from `expires_at`
//! on, every check answers no.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use keylend::{clock::Clock, domain::Time};

use super::Mutant;

const LATE: Duration = Duration::from_secs(30);

pub(super) struct LateClock;

impl Mutant for LateClock {
    fn clock(&self, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        Arc::new(Late(clock))
    }
}

struct Late(Arc<dyn Clock>);

impl Clock for Late {
    fn now(&self) -> Time {
        self.0.now() - LATE
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.until(moment + LATE)
    }
}
