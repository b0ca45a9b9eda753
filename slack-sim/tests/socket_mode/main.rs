//! Socket Mode: connections, envelopes, acknowledgements, and every way a connection ends.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/recorded.rs"]
mod recorded;

mod connections;
mod envelopes;

use common::{Hand, workspace};
use slack_sim::{Sim, Workspace};

async fn start() -> (Sim, Hand) {
    start_with(workspace()).await
}

async fn start_with(workspace: Workspace) -> (Sim, Hand) {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace, hand.clock()).await;
    (sim, hand)
}
