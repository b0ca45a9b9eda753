//! `keylend schema`: the configuration, described for editors.

use std::{io::Write, process::ExitCode};

use clap::Args;

use crate::config;

/// Print the JSON Schema of the configuration, with which editors complete and check it.
#[derive(Debug, Args)]
pub struct Schema;

impl Schema {
    /// Answers on `out`.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        writeln!(out, "{:#}", config::schema())?;
        Ok(ExitCode::SUCCESS)
    }
}
