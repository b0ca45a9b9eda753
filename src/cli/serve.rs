//! `keylend serve`: runs the service until it gets a signal to stop.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::address::configuration;
use crate::{
    config::Secrets,
    serve::{self, Outside},
};

/// The log message for a second signal.
const AT_ONCE: &str = "stopping immediately; the next start does the remaining work";

/// Run the service until SIGTERM or Ctrl-C.
///
/// Does not start if `keylend check` reports a problem; then the exit code is 1. On SIGTERM or Ctrl-C,
/// work that is under way has ten seconds to finish. A second signal stops the service immediately.
/// Either way, Keylend does the remaining work at the next start.
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
}

impl Serve {
    /// Runs the service.
    ///
    /// # Errors
    ///
    /// If the service cannot start: see [`serve::start`].
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let config = configuration(&self.config, Secrets::Checked)?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        // Registered before anything starts, so that a signal during the start is not lost.
        let mut terminate =
            signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
        let mut interrupt =
            signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
        let service = serve::start(config, Outside::default()).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        tokio::select! {
            () = service.stop() => {}
            _ = terminate.recv() => tracing::warn!("{AT_ONCE}"),
            _ = interrupt.recv() => tracing::warn!("{AT_ONCE}"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
