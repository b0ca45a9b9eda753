//! Notices when the process may open no more files. Connections are files too: without one, Keylend
//! reaches neither Slack nor a target that it is not connected to already.

use std::{fs::File, io, sync::Arc, time::Duration};

use rustix::io::Errno;
use tokio::time::{MissedTickBehavior, interval};

use crate::alerts::Alerts;

/// The alert.
const NO_FILES: &str = "too_many_open_files";

/// How often it is tried to open one.
const CHECK: Duration = Duration::from_secs(5);

/// Keeps an alert for as long as no file can be opened.
pub(super) async fn watch(alerts: Arc<Alerts>) {
    let mut checks = interval(CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        checks.tick().await;
        match File::open("/dev/null") {
            Err(error) if is_too_many(&error) => alerts.raise(
                NO_FILES,
                "Keylend has as many files and connections open as the system allows, so it may not \
                 reach Slack and its targets, and revocations may fail until it does. Raise the limit \
                 (`LimitNOFILE` with systemd) or lower `server.max_connections`.",
            ),
            Ok(_) | Err(_) => alerts.clear(NO_FILES),
        }
    }
}

/// Whether the process (`EMFILE`) or the machine (`ENFILE`) has too many files open.
fn is_too_many(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}
