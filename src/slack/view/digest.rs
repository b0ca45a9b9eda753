//! The weekly digest, in `mrkdwn`.

use super::{answer::clipped, text};
use crate::domain::{Names, WeeklyDigest};

/// What a week brought.
pub fn digest(digest: &WeeklyDigest) -> String {
    let names = Names {
        scope: &|scope| text::code(scope),
        person: &text::person,
        time: &text::time,
    };
    let mut lines = vec![format!(
        ":bar_chart: *Weekly digest*, {} to {}",
        text::time(digest.from),
        text::time(digest.until)
    )];
    let sentences = digest.sentences(&names);
    lines.extend(sentences.iter().map(|sentence| format!("• {sentence}")));
    clipped(&lines)
}
