//! `keylend serve`: the service, until it is told to stop.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{Config, Secrets},
    serve::{self, Outside},
};

/// Run the service until SIGTERM or Ctrl-C.
///
/// Refuses to start on what `keylend check` calls a problem. When it is told to stop, what is under
/// way has ten seconds to finish; a second signal stops it at once. Either way the next start does
/// what was left.
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
}

impl Serve {
    /// Serves.
    ///
    /// # Errors
    ///
    /// If the service cannot start: see [`serve::start`].
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let config = match Config::load(&self.config, Secrets::Checked) {
            Ok(config) => config,
            Err(problems) => anyhow::bail!("the configuration is refused\n\n{problems}"),
        };
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        // Listened to before anything starts: a signal during the start counts too.
        let mut terminate = signal(SignalKind::terminate()).context("failed to hear SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("failed to hear SIGINT")?;
        let service = serve::start(config, Outside::default()).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        tokio::select! {
            () = service.stop() => {}
            _ = terminate.recv() => tracing::warn!("stopped at once"),
            _ = interrupt.recv() => tracing::warn!("stopped at once"),
        }
        Ok(ExitCode::SUCCESS)
    }
}
