//! `cargo run --example demo`: the whole of Keylend on this machine, with no account anywhere.
//!
//! A Slack, a console to protect and the broker run on loopback; the life of one request is told
//! by itself, with a clock that is moved ahead; then whoever watches can go on by typing.

#![allow(clippy::print_stdout, reason = "a demonstration talks")]

mod clock;
mod play;
mod say;
mod stage;
mod story;
mod target;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .init();
    println!("Keylend lends a key for a job and takes it back when the clock runs out.");
    let stage = stage::Stage::start().await?;
    tokio::select! {
        told = story::tell(&stage) => {
            told?;
            println!("\n{}\n\nThe check: {}\n", play::HELP, stage.url("/access/v1/evaluation"));
            play::on(&stage).await?;
        }
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    println!("\nStopping.");
    stage.stop().await;
    Ok(())
}
