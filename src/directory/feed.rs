//! Who is on call by a calendar: the attendees of the events that take place now, in iCalendar (RFC 5545).
//!
//! Titles and names, which anybody may write there, are not read. A calendar that cannot be read in full
//! says nothing: whoever it leaves out might be the one on call.

use std::collections::BTreeSet;

use calcard::{
    Entry, Parser,
    common::timezone::Tz,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarParameterName,
        ICalendarParameterValue, ICalendarParticipationStatus, ICalendarProperty, ICalendarStatus,
        dates::TimeOrDelta,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

use super::FactsUnavailable;
use crate::{
    domain::{Email, Time},
    secret::Secret,
};

/// How far from UTC a time without a time zone may be.
const AWAY: TimeDelta = TimeDelta::hours(26);

/// A calendar whose attendees on call are the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The calendar's address, which may be a secret: `https://`, or `http://` to this machine.
    pub url: Secret,
}

/// The addresses of the people who attend an event of the calendar in `text` at `now`, in lower case.
pub(super) fn on_call(text: &str, now: Time) -> Result<BTreeSet<Email>, FactsUnavailable> {
    let mut parser = Parser::new(text);
    let Entry::ICalendar(calendar) = parser.entry() else {
        return Err(unavailable("what was read is not a calendar"));
    };
    if !is_whole(&calendar, &mut parser) {
        return Err(unavailable("what was read is not one whole calendar"));
    }
    // The rules of time zones repeat too.
    let mut events = calendar.components.iter().filter(|it| is_event(it));
    if events.any(ICalendarComponent::is_recurrent_or_override) {
        return Err(unavailable(
            "an event of the calendar repeats; use one that lists each shift by itself",
        ));
    }
    attendees(&calendar, now)
}

/// Whether this is a calendar, and nothing follows it.
fn is_whole(calendar: &ICalendar, parser: &mut Parser<'_>) -> bool {
    let first = calendar.components.first();
    first.is_some_and(|root| root.component_type == ICalendarComponentType::VCalendar)
        && parser.entry() == Entry::Eof
}

fn is_event(component: &ICalendarComponent) -> bool {
    component.component_type == ICalendarComponentType::VEvent
}

fn attendees(calendar: &ICalendar, now: Time) -> Result<BTreeSet<Email>, FactsUnavailable> {
    let dates = calendar.expand_dates(Tz::Floating, 0);
    if !dates.errors.is_empty() {
        return Err(unavailable("the time of an event cannot be read"));
    }
    let mut addresses = BTreeSet::new();
    for event in dates.events {
        let found = calendar.component_by_id(event.comp_id);
        let Some(component) = found.filter(|it| is_event(it)) else {
            continue;
        };
        let end = match event.end {
            TimeOrDelta::Time(end) => Some(end),
            TimeOrDelta::Delta(length) => event.start.checked_add_signed(length),
        };
        let Some(end) = end else {
            return Err(unavailable("the time of an event cannot be read"));
        };
        let has_zone = !event.start.timezone().is_floating() && !end.timezone().is_floating();
        let (start, end): (DateTime<Utc>, DateTime<Utc>) = (event.start.to_utc(), end.to_utc());
        if !has_zone {
            if start - AWAY <= now && now < end + AWAY {
                let why = "an event around now has no time zone, such as one that takes all day";
                return Err(unavailable(why));
            }
            continue;
        }
        if start > now || end <= now {
            continue;
        }
        if component.status() != Some(&ICalendarStatus::Cancelled) {
            addresses.extend(addresses_of(component));
        }
    }
    Ok(addresses)
}

/// Who attends an event and did not decline.
fn addresses_of(event: &ICalendarComponent) -> impl Iterator<Item = Email> {
    const DECLINED: ICalendarParameterValue =
        ICalendarParameterValue::Partstat(ICalendarParticipationStatus::Declined);

    let attendees = event.properties(&ICalendarProperty::Attendee);
    let coming = attendees.filter(|attendee| {
        attendee.parameter(&ICalendarParameterName::Partstat) != Some(&DECLINED)
    });
    let addresses = coming.filter_map(|attendee| attendee.calendar_address());
    addresses
        .map(|address| address.trim().to_ascii_lowercase())
        .filter(|address| address.contains('@'))
        .map(Email::new)
}

fn unavailable(why: impl Into<String>) -> FactsUnavailable {
    FactsUnavailable(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses without their domain of a calendar with these events, at 10:00 UTC on a Monday.
    fn at_ten(events: &str) -> Result<Vec<String>, String> {
        read(&format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x\n{events}END:VCALENDAR\n"
        ))
    }

    fn read(text: &str) -> Result<Vec<String>, String> {
        let text = text.replace('\n', "\r\n");
        let found = on_call(&text, "2026-11-02T10:00:00Z".parse().unwrap());
        let found = found.map_err(|unavailable| unavailable.0)?;
        let name = |email: &Email| email.as_str().replace("@example.com", "");
        Ok(found.iter().map(name).collect())
    }

    /// An event of one person.
    fn event(uid: &str, who: &str, lines: &str) -> String {
        format!(
            "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20260101T000000Z\n{lines}\n\
             ATTENDEE;CN=\"bob@example.com\":mailto:{who}@example.com\n\
             SUMMARY:On call: bob@example.com\nEND:VEVENT\n"
        )
    }

    fn names(names: &[&str]) -> Result<Vec<String>, String> {
        Ok(names.iter().copied().map(ToOwned::to_owned).collect())
    }

    #[test]
    fn an_address_with_the_kelvin_sign_is_not_one_with_a_k() {
        let event = event("1", "\u{212a}IM", "DTSTART:20261102T090000Z\nDURATION:PT2H");
        assert_eq!(at_ten(&event), names(&["\u{212a}im"]));
    }

    #[test]
    fn the_attendees_of_what_takes_place_now_are_on_call() {
        for (lines, takes_place) in [
            ("DTSTART:20261102T100000Z\nDTEND:20261102T110000Z", true),
            ("DTSTART:20261102T090000Z\nDTEND:20261102T100000Z", false),
            ("DTSTART:20261102T100001Z\nDTEND:20261102T110000Z", false),
            ("DTSTART:20261102T090000Z\nDURATION:PT2H", true),
            ("DTSTART:20261102T080000Z\nDURATION:PT2H", false),
            (
                "DTSTART;TZID=Europe/Berlin:20261102T110000\nDTEND;TZID=Europe/Berlin:20261102T120000",
                true,
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20261102T100000\nDTEND;TZID=Europe/Berlin:20261102T110000",
                false,
            ),
            (
                "DTSTART:20261102T090000Z\nDTEND:20261102T110000Z\nSTATUS:CANCELLED",
                false,
            ),
        ] {
            let expected = if takes_place { &["alice"][..] } else { &[] };
            assert_eq!(
                at_ten(&event("1", "Alice", lines)),
                names(expected),
                "{lines}"
            );
        }
        let now = "DTSTART:20261102T090000Z\nDTEND:20261102T110000Z";
        let both = event("1", "alice", now) + &event("2", "carol", now);
        assert_eq!(at_ten(&both), names(&["alice", "carol"]));
        let declined = event("1", "alice", now).replace("CN=", "PARTSTAT=DECLINED;CN=");
        assert_eq!(at_ten(&declined), names(&[]));
        let task = event("1", "alice", now).replace("VEVENT", "VTODO");
        assert_eq!(at_ten(&task), names(&[]));
        assert_eq!(at_ten(""), names(&[]));

        let rules = |kind: &str, offsets: &str, begin: &str| {
            format!("BEGIN:{kind}\nDTSTART:{begin}\n{offsets}\nRRULE:FREQ=YEARLY\nEND:{kind}\n")
        };
        let zone = rules(
            "STANDARD",
            "TZOFFSETFROM:+0200\nTZOFFSETTO:+0100",
            "19701025T030000",
        ) + &rules(
            "DAYLIGHT",
            "TZOFFSETFROM:+0100\nTZOFFSETTO:+0200",
            "19700329T020000",
        );
        let zone = format!("BEGIN:VTIMEZONE\nTZID:Europe/Berlin\n{zone}END:VTIMEZONE\n");
        let local = "DTSTART;TZID=Europe/Berlin:20261102T110000\nDURATION:PT1H";
        let calendar = zone + &event("1", "alice", local);
        assert_eq!(at_ten(&calendar), names(&["alice"]));
    }

    #[test]
    fn a_calendar_that_cannot_be_read_in_full_says_nothing() {
        let unreadable = |events: &str, why: &str| {
            assert_eq!(at_ten(events), Err(why.to_owned()), "{events}");
        };
        let no_zone = "an event around now has no time zone, such as one that takes all day";
        for lines in [
            "DTSTART:20261102T090000\nDTEND:20261102T110000",
            "DTSTART;VALUE=DATE:20261102\nDTEND;VALUE=DATE:20261103",
            "DTSTART;TZID=Mars:20261102T090000\nDTEND;TZID=Mars:20261102T110000",
        ] {
            unreadable(&event("1", "alice", lines), no_zone);
        }
        // Long ago it does not matter.
        let old = "DTSTART;VALUE=DATE:20260102\nDTEND;VALUE=DATE:20260103";
        assert_eq!(at_ten(&event("1", "alice", old)), names(&[]));
        let why = "the time of an event cannot be read";
        unreadable(&event("1", "alice", "DTEND:20261102T110000Z"), why);
        let why = "an event of the calendar repeats; use one that lists each shift by itself";
        let now = "DTSTART:20261102T090000Z\nDTEND:20261102T110000Z";
        for line in [
            "RRULE:FREQ=WEEKLY",
            "RDATE:20261109T090000Z",
            "RECURRENCE-ID:20261102T090000Z",
        ] {
            let repeating = event("1", "alice", &format!("{now}\n{line}"));
            unreadable(&(event("2", "carol", now) + &repeating), why);
        }

        for text in [
            "",
            "<html>",
            "BEGIN:VCARD\nVERSION:4.0\nFN:Alice\nEND:VCARD\n",
        ] {
            let why = "what was read is not a calendar".to_owned();
            assert_eq!(read(text), Err(why), "{text}");
        }
        let two = format!(
            "BEGIN:VCALENDAR\nEND:VCALENDAR\nBEGIN:VCALENDAR\n{}END:VCALENDAR\n",
            event("1", "alice", now)
        );
        for text in [two, event("1", "alice", now)] {
            let why = "what was read is not one whole calendar".to_owned();
            assert_eq!(read(&text), Err(why), "{text}");
        }
    }
}
