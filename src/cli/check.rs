//! `keylend check`: everything that is wrong with a configuration, before Keylend starts with it.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::Args;

use crate::config::{Config, Secrets, counted};

/// Check the configuration, the policies, and that the secrets are where they should be.
///
/// Reports every problem with its file, line, column and key. Connects to nothing, and shows no secret.
/// Exits with 0 if there is no problem, although there may be warnings, and with 1 if there is one.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// Do not look for the secrets and programs, because they are on another machine.
    #[arg(long)]
    without_secrets: bool,
}

impl Check {
    /// Writes everything that is wrong to `out`, or the warnings and how much is configured.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        let secrets = if self.without_secrets {
            Secrets::Unchecked
        } else {
            Secrets::Checked
        };
        let config = match Config::load(&self.config, secrets) {
            Ok(config) => config,
            Err(problems) => {
                let count = counted(problems.iter().len(), "problem");
                writeln!(out, "{problems}\n\nConfiguration is invalid: {count}")?;
                return Ok(ExitCode::FAILURE);
            }
        };
        for warning in &config.warnings {
            writeln!(out, "warning: {warning}\n")?;
        }
        writeln!(
            out,
            "Configuration is valid: {}, {}, {}",
            counted(config.catalogue.len(), "scope"),
            counted(config.backends.len(), "backend"),
            counted(config.policy.rules().len(), "rule"),
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
