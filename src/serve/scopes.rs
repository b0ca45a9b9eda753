//! The scopes of the Slack app: each that it lacks is an alert, on every replica.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    alerts::Alerts,
    clock::Clock,
    domain::Span,
    slack::{client::Client, view::alert},
};

/// How often Slack is asked again until nothing is missing.
const EVERY: Span = Span::minutes(1);

/// Asks Slack which scopes the app has until it has them all: somebody adds what is missing.
pub(super) async fn watch(client: Client, alerts: Arc<Alerts>, clock: Arc<dyn Clock>) {
    let mut before = BTreeSet::new();
    loop {
        match client.missing_scopes().await {
            Ok(missing) => {
                for scope in missing.difference(&before) {
                    tracing::error!(
                        slack.scope = scope,
                        "the Slack app lacks a scope: add it, and reinstall the app"
                    );
                    alerts.raise(alert::scope_name(scope), alert::scope_text(scope));
                }
                for scope in before.difference(&missing) {
                    alerts.clear(&alert::scope_name(scope));
                }
                if missing.is_empty() {
                    return;
                }
                before = missing;
            }
            Err(error) => tracing::debug!(%error, "failed to read the scopes of the Slack app"),
        }
        clock.until(EVERY.after(clock.now())).await;
    }
}
