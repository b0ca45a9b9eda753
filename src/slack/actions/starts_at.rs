//! When access is to start, from what somebody wrote of it.

use std::time::Duration;

use crate::{
    domain::{Time, UserId},
    slack::{Slack, arguments::Moment, view::start},
};

/// How long the person's time zone is waited for: a trigger lives for three seconds.
const PATIENCE: Duration = Duration::from_millis(800);

/// The moment that is meant: on the day that was written, or the next time that it is this time of the day.
/// It is read in the time zone that the person set in Slack or, without one, in that of the rules.
///
/// # Errors
///
/// What they are told if that has passed or cannot be told, in plain text.
pub(in crate::slack) async fn starts_at(
    slack: &Slack,
    person: &UserId,
    written: Moment,
) -> Result<Time, String> {
    let unknown = || start::unknown(written);
    let asked = tokio::time::timeout(PATIENCE, slack.broker.time_zone(person)).await;
    let own = asked.ok().and_then(Result::ok).ok_or_else(unknown)?;
    let zone = own.unwrap_or_else(|| slack.broker.policy_zone());
    let now = slack.clock.now();
    let on = |day: chrono::NaiveDate| {
        // When clocks change, a time may be two moments or none.
        let moment = day.and_time(written.time).and_local_timezone(zone).single();
        moment.map(|moment| moment.to_utc())
    };
    let today = now.with_timezone(&zone).date_naive();
    let moment = match written.day {
        Some(day) => on(day),
        None => match on(today) {
            Some(past) if past <= now => today.succ_opt().and_then(on),
            today => today,
        },
    };
    let moment = moment.ok_or_else(unknown)?;
    match moment > now {
        true => Ok(moment),
        false => Err(start::past(written, zone.name())),
    }
}
