//! `cargo run --example demo`: all of Keylend on this machine, without an account anywhere.
//!
//! A small Slack, a production console, a PostgreSQL if this machine has one, and the broker between
//! them run on loopback and in temporary folders. A visitor acts as everybody, and can skip time.

#![allow(clippy::print_stdout, reason = "a demonstration talks")]

mod clock;
mod company;
mod console;
mod database;
mod overview;
mod postgres;
mod receiver;
mod stage;
mod tour;

use std::{io, pin::pin};

use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(io::stderr)
        .init();
    let mut interrupted = pin!(interrupted());
    let stage = tokio::select! {
        interrupted = &mut interrupted => return Ok(interrupted?),
        stage = stage::Stage::start() => stage?,
    };
    println!("Keylend grants access for a limited time, and revokes it when it expires.\n");
    println!("{}\n", stage.database());
    println!(
        "Open {} in a browser. Ctrl-C ends the demo.",
        stage.address()
    );
    let interrupted = interrupted.await;
    stage.stop().await;
    Ok(interrupted?)
}

/// Waits until somebody ends the demo.
async fn interrupted() -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::select! {
        interrupted = ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
        _ = hung_up.recv() => Ok(()),
    }
}
