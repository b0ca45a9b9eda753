//! `keylend check`: everything that is wrong with a configuration, before it is in force.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::Args;

use crate::config::{Config, Secrets};

/// Check the configuration and the policies, and that the secrets are where they should be.
///
/// Connects to nothing and shows no secret.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// Do not look for the secrets: they are on another machine.
    #[arg(long)]
    without_secrets: bool,
}

impl Check {
    /// Answers on `out` with everything that is wrong, and how much there is if nothing is.
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
                writeln!(out, "{problems}\n\nconfiguration is refused: {count}")?;
                return Ok(ExitCode::FAILURE);
            }
        };
        for warning in &config.warnings {
            writeln!(out, "warning: {warning}\n")?;
        }
        writeln!(
            out,
            "configuration is good: {}, {}, {}",
            counted(config.catalogue.len(), "scope"),
            counted(config.backends.len(), "backend"),
            counted(config.policy.rules().len(), "rule"),
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
