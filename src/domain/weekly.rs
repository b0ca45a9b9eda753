//! A moment of every week, by a time zone's clock.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Weekday};
use chrono_tz::Tz;

use super::Time;

/// A day of the week and an hour in a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekly {
    /// The day.
    pub day: Weekday,
    /// The hour, 0 to 23.
    pub hour: u32,
    /// Where.
    pub zone: Tz,
}

impl Weekly {
    /// The last such moment that is not later than `now`.
    pub fn last(&self, now: Time) -> Time {
        let today = now.with_timezone(&self.zone).date_naive();
        let days = (0..14).filter_map(|days| today.checked_sub_days(Days::new(days)));
        let mut moments = days.filter_map(|date| self.on(date));
        moments.find(|moment| *moment <= now).unwrap_or(now)
    }

    /// The first such moment that is later than `now`.
    pub fn next(&self, now: Time) -> Time {
        let today = now.with_timezone(&self.zone).date_naive();
        let days = (0..14).filter_map(|days| today.checked_add_days(Days::new(days)));
        let mut moments = days.filter_map(|date| self.on(date));
        let next = moments.find(|moment| *moment > now);
        next.unwrap_or(Time::MAX_UTC)
    }

    /// The moment on this date, if it is the day. An hour that the clocks leave out comes one later; of one
    /// that they repeat, the first counts.
    fn on(&self, date: NaiveDate) -> Option<Time> {
        use chrono::Datelike as _;

        if date.weekday() != self.day {
            return None;
        }
        let local = date.and_time(NaiveTime::from_hms_opt(self.hour, 0, 0)?);
        let later = || {
            let later = local.checked_add_signed(TimeDelta::hours(1))?;
            self.zone.from_local_datetime(&later).earliest()
        };
        let moment = self.zone.from_local_datetime(&local).earliest();
        Some(moment.or_else(later)?.to_utc())
    }
}
