//! Alerts as the audit channel reads them.

use std::collections::BTreeMap;

use super::text;

/// How many alerts one message lists.
const LISTED: usize = 12;

/// How much of an alert's text a line takes.
const WORDS: usize = 200;

/// What has changed between two sets of alerts, each a name and its text: a line for each that was
/// raised or has cleared. Nothing if none was; a text that changed is not told again.
pub fn news(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Option<String> {
    let raised = now
        .iter()
        .filter(|(name, _)| !before.contains_key(*name))
        .map(|(name, words)| {
            let words = text::escape(words, WORDS);
            format!(":rotating_light: *Alert* {}: {words}", text::code(name))
        });
    let cleared = before
        .keys()
        .filter(|name| !now.contains_key(*name))
        .map(|name| format!(":white_check_mark: *Cleared* {}", text::code(name)));
    let mut lines: Vec<String> = raised.chain(cleared).collect();
    let more = lines.len().saturating_sub(LISTED);
    if more > 0 {
        lines.truncate(LISTED);
        lines.push(format!("and {more} more; `/readyz` lists what is raised"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
