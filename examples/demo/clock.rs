//! A clock that runs like the machine's, and that a visitor can move ahead.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use keylend::{
    clock::{Clock, SystemClock},
    domain::Time,
};
use tokio::sync::watch;

#[derive(Clone)]
pub struct DemoClock {
    ahead: Arc<watch::Sender<Duration>>,
}

impl DemoClock {
    pub fn new() -> Self {
        Self {
            ahead: Arc::new(watch::Sender::new(Duration::ZERO)),
        }
    }

    pub fn move_ahead(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += by);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Time {
        SystemClock.now() + *self.ahead.borrow()
    }

    fn until(&self, moment: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut ahead = self.ahead.subscribe();
            loop {
                let left = moment - *ahead.borrow_and_update();
                tokio::select! {
                    () = SystemClock.until(left) => return,
                    moved = ahead.changed() => if moved.is_err() { return },
                }
            }
        })
    }
}
