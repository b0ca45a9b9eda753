//! The `keylend` program.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use keylend::cli::Cli;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    start_tracing();
    #[cfg(target_os = "linux")]
    if let Err(error) = hide_memory() {
        let _ = writeln!(
            io::stderr(),
            "keylend: failed to keep other programs from reading secrets: {error}"
        );
        return ExitCode::FAILURE;
    }
    match cli.run(&mut io::stdout()).await {
        Ok(code) => code,
        // Whoever read the answer has seen enough of it.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the last resort: if it is gone, there is nobody to tell.
            let _ = writeln!(io::stderr(), "keylend: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Keeps programs under the same account, such as those of `[backends.NAME.exec]`, from reading this
/// program's memory and the variables that it was started with. Only root can.
#[cfg(target_os = "linux")]
fn hide_memory() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Logs to standard error, so that answers on standard output stay clean: as text for people and
/// as JSON for collectors. `RUST_LOG` filters, default `info`; `KEYLEND_LOG_FORMAT`, `text` or
/// `json`, decides where a terminal does not.
fn start_tracing() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let json = match env::var("KEYLEND_LOG_FORMAT").as_deref() {
        Ok("json") => true,
        Ok("text") => false,
        _ => !io::stderr().is_terminal(),
    };
    if json {
        builder.json().flatten_event(true).init();
    } else {
        builder.init();
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
