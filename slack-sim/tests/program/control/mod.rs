//! The control API and its client: what a page, or a test in another process, can see and do.

mod app;
mod entries;
mod guards;
mod operating;
mod sight;
mod story;
mod writing;

use slack_sim::{Client, MovableClock, Sim};

use app::App;

use crate::common::workspace;

/// A workspace whose time can be moved, an app in it, and a client as another process has it.
struct Fixture {
    sim: Sim,
    slack: Client,
    _app: App,
}

impl Fixture {
    async fn start() -> Self {
        let time = MovableClock::default();
        let sim = Sim::start_with_clock(workspace(), time.clock()).await;
        sim.let_time_be_moved(move |by| time.advance(by));
        let app = App::start(&sim).await;
        let slack = Client::new(sim.address());
        Self {
            sim,
            slack,
            _app: app,
        }
    }
}

/// The name of a refusal.
fn name(refused: Result<impl std::fmt::Debug, slack_sim::client::ClientError>) -> String {
    match refused {
        Err(slack_sim::client::ClientError::Refused { name, .. }) => name,
        other => panic!("not refused: {other:?}"),
    }
}
