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

/// How many events of a calendar may repeat.
const REPEATING: usize = 100;

/// How often one of them may have taken place.
const TIMES: usize = 5_000;

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
    let repeating: BTreeSet<&str> = events(&calendar)
        .filter(|event| event.is_recurrent_or_override())
        .map(uid)
        .collect();
    if repeating.len() > REPEATING {
        return Err(unavailable(format!(
            "more than {REPEATING} events of the calendar repeat"
        )));
    }
    let single = only(&calendar, |event| !repeating.contains(uid(event)));
    let mut addresses = attendees(&single, now)?;
    for one in &repeating {
        // The library tells the exceptions of one event from those of another by their time alone.
        let calendar = only(&calendar, |event| uid(event) == *one);
        addresses.extend(attendees(&calendar, now)?);
    }
    Ok(addresses)
}

/// Whether this is a calendar, and nothing follows it.
fn is_whole(calendar: &ICalendar, parser: &mut Parser<'_>) -> bool {
    let first = calendar.components.first();
    first.is_some_and(|root| root.component_type == ICalendarComponentType::VCalendar)
        && parser.entry() == Entry::Eof
}

fn events(calendar: &ICalendar) -> impl Iterator<Item = &ICalendarComponent> {
    let components = calendar.components.iter();
    components.filter(|component| component.component_type == ICalendarComponentType::VEvent)
}

fn uid(event: &ICalendarComponent) -> &str {
    event.uid().unwrap_or_default()
}

/// The calendar with some of its events alone. Components are known by their place, so the others stay
/// as something that never takes place. The library takes an exception for one only where its
/// `SEQUENCE` is that of its event, and calendars count it up.
fn only(calendar: &ICalendar, wanted: impl Fn(&ICalendarComponent) -> bool) -> ICalendar {
    let mut calendar = calendar.clone();
    for component in &mut calendar.components {
        match component.component_type {
            ICalendarComponentType::VEvent if wanted(component) => component
                .entries
                .retain(|entry| entry.name != ICalendarProperty::Sequence),
            ICalendarComponentType::VEvent
            | ICalendarComponentType::VTodo
            | ICalendarComponentType::VJournal
            | ICalendarComponentType::VFreebusy => {
                component.component_type = ICalendarComponentType::Other(String::new());
            }
            _ => {}
        }
    }
    calendar
}

fn attendees(calendar: &ICalendar, now: Time) -> Result<BTreeSet<Email>, FactsUnavailable> {
    let dates = calendar.expand_dates(Tz::Floating, TIMES);
    if !dates.errors.is_empty() {
        return Err(unavailable("the time of an event cannot be read"));
    }
    // The library stops after so many times. Most events go on without end, so that matters only if it
    // has not come to the present.
    let left_out = events(calendar)
        .flat_map(|event| event.properties(&ICalendarProperty::Exdate))
        .map(|entry| entry.values.len())
        .sum::<usize>();
    let has_stopped = dates.events.len() + left_out >= TIMES;
    if has_stopped && dates.events.iter().all(|event| event.start.to_utc() <= now) {
        return Err(unavailable(format!(
            "an event of the calendar took place more than {TIMES} times"
        )));
    }
    let mut addresses = BTreeSet::new();
    for event in dates.events {
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
        if let Some(event) = calendar.component_by_id(event.comp_id)
            && event.status() != Some(&ICalendarStatus::Cancelled)
        {
            addresses.extend(addresses_of(event));
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
        .map(|address| address.trim().to_lowercase())
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
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x\n{events}\nEND:VCALENDAR\n"
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
        assert_eq!(at_ten(""), names(&[]));
    }

    #[test]
    fn an_event_repeats_but_for_its_exceptions() {
        let weekly = "DTSTART:20260907T080000Z\nDTEND:20260907T160000Z\nRRULE:FREQ=WEEKLY";
        assert_eq!(at_ten(&event("1", "alice", weekly)), names(&["alice"]));
        let left_out = format!("{weekly}\nEXDATE:20261102T080000Z");
        assert_eq!(at_ten(&event("1", "alice", &left_out)), names(&[]));
        let over = format!("{weekly};UNTIL=20261101T000000Z");
        assert_eq!(at_ten(&event("1", "alice", &over)), names(&[]));

        // Carol takes Alice's shift of today. Dave's, at the same time, stays his.
        let swapped = "RECURRENCE-ID:20261102T080000Z\nSEQUENCE:1\n\
                       DTSTART:20261102T080000Z\nDTEND:20261102T160000Z";
        let calendar = event("1", "alice", &format!("{weekly}\nSEQUENCE:0"))
            + &event("2", "dave", weekly)
            + &event("1", "carol", swapped);
        assert_eq!(at_ten(&calendar), names(&["carol", "dave"]));
        let cancelled = format!("{swapped}\nSTATUS:CANCELLED");
        let calendar = event("1", "alice", weekly) + &event("1", "alice", &cancelled);
        assert_eq!(at_ten(&calendar), names(&[]));
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
        let secondly = "DTSTART:20261101T090000Z\nDTEND:20261101T090001Z\nRRULE:FREQ=SECONDLY";
        let why = "an event of the calendar took place more than 5000 times";
        unreadable(&event("1", "alice", secondly), why);
        let weekly = "DTSTART:20260907T080000Z\nDTEND:20260907T160000Z\nRRULE:FREQ=WEEKLY";
        let many: String = (0..101)
            .map(|number| event(&number.to_string(), "alice", weekly))
            .collect();
        unreadable(&many, "more than 100 events of the calendar repeat");

        for text in [
            "",
            "<html>",
            "BEGIN:VCARD\nVERSION:4.0\nFN:Alice\nEND:VCARD\n",
        ] {
            let why = "what was read is not a calendar".to_owned();
            assert_eq!(read(text), Err(why), "{text}");
        }
        let now = "DTSTART:20261102T090000Z\nDTEND:20261102T110000Z";
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
