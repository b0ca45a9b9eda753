//! `[digest]`.

use chrono::Weekday;
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use super::document::{Document, at};
use crate::domain::Weekly;

/// The hour without `hour`.
const HOUR: u32 = 9;

/// `[digest]`: when the weekly digest is posted.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// The day on which Keylend posts a digest of the last seven days in the audit channel.
    #[schemars(title = "day of the week", example = &"monday")]
    #[schemars(extend("x-default" = "no digest"))]
    day: Option<String>,
    /// The hour at which it does so, in `policy.timezone`.
    #[schemars(title = "integer, 0 to 23", range(max = 23), example = 9)]
    #[schemars(extend("default" = HOUR))]
    hour: Option<u32>,
}

/// When the digest is posted in `zone`. The outer answer is nothing if the section is wrong, the inner one if no
/// digest is posted.
pub(super) fn read(document: &mut Document<'_>, zone: Tz) -> Option<Option<Weekly>> {
    let raw: Raw = document.optional("digest")?;
    let hour = raw.hour.unwrap_or(HOUR);
    if hour > 23 {
        let problem = format!("{hour} is not an hour; write 0 to 23");
        document.problem(at!["digest", "hour"], problem);
        return None;
    }
    let Some(day) = raw.day else {
        return Some(None);
    };
    let Ok(day) = day.parse::<Weekday>() else {
        let problem = format!("{day:?} is not a day of the week; write one such as `monday`");
        document.problem(at!["digest", "day"], problem);
        return None;
    };
    Some(Some(Weekly { day, hour, zone }))
}
