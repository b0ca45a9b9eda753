//! Socket Mode: connections, envelopes, acknowledgements, and every way a connection ends.

mod connections;
mod envelopes;

use slack_sim::{Sim, Workspace};

use crate::common::{Hand, workspace};

async fn start() -> (Sim, Hand) {
    start_with(workspace()).await
}

async fn start_with(workspace: Workspace) -> (Sim, Hand) {
    let hand = Hand::new();
    let sim = Sim::start_with_clock(workspace, hand.clock()).await;
    (sim, hand)
}
