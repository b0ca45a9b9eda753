//! How long something is to last, from what somebody wrote of it.

use std::time::Duration;

use chrono::NaiveTime;
use chrono_tz::Tz;

use crate::{
    domain::{Span, Time, UserId},
    slack::{Slack, arguments::HowLong, view::refusal},
};

/// How long the person's time zone is waited for: a trigger lives for three seconds.
const PATIENCE: Duration = Duration::from_millis(800);

/// The time from now on. An end is met to the minute, never later.
///
/// # Errors
///
/// What they are told if it is not clear, in plain text.
pub(in crate::slack) async fn from_now(
    slack: &Slack,
    person: &UserId,
    how_long: HowLong,
) -> Result<Span, String> {
    match how_long {
        HowLong::For(span) => Ok(span),
        HowLong::Until(time) => {
            let end = moment(slack, person, time).await?;
            let minutes = (end - slack.clock.now()).num_minutes();
            Ok(Span::minutes(u32::try_from(minutes).unwrap_or_default()))
        }
    }
}

/// When it is this time today where the person is.
///
/// # Errors
///
/// What they are told if that has passed or cannot be told, in plain text.
pub(in crate::slack) async fn moment(
    slack: &Slack,
    person: &UserId,
    time: NaiveTime,
) -> Result<Time, String> {
    let unknown = || refusal::unknown_time(time);
    let zone = zone(slack, person).await.ok_or_else(unknown)?;
    let now = slack.clock.now();
    let today = now.with_timezone(&zone).date_naive();
    // When clocks change, a time may be two moments or none.
    let moment = today.and_time(time).and_local_timezone(zone).single();
    let moment = moment.ok_or_else(unknown)?.to_utc();
    match moment > now {
        true => Ok(moment),
        false => Err(refusal::past_time(time, zone.name())),
    }
}

/// The person's time zone; nothing if it is not known in time.
pub(in crate::slack) async fn zone(slack: &Slack, person: &UserId) -> Option<Tz> {
    let zone = tokio::time::timeout(PATIENCE, slack.broker.time_zone(person));
    zone.await.ok().and_then(Result::ok).flatten()
}
