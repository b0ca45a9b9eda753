//! `cargo run --example demo`: the whole of Keylend on this machine, with no account anywhere.
//!
//! A Slack with a face, a production console to protect and the broker between them run on
//! loopback and in a temporary folder. Whoever opens the address plays all parts; time can be
//! skipped on the page.

#![allow(clippy::print_stdout, reason = "a demonstration talks")]

mod clock;
mod company;
mod console;
mod stage;
mod tour;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
    let stage = stage::Stage::start().await?;
    println!("Keylend lends a key for a job and takes it back when the clock runs out.");
    println!(
        "Open {} in a browser; Ctrl-C ends the demo.",
        stage.address()
    );
    tokio::signal::ctrl_c().await?;
    stage.stop().await;
    Ok(())
}
