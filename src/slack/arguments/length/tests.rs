use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Option<(usize, Reading)> {
    front(&words(text))
}

#[test]
fn lengths_are_read_as_people_write_them() {
    for (text, seconds) in [
        ("30m", 1800),
        ("30 m", 1800),
        ("30M", 1800),
        ("30 Min.", 1800),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1H30", 5400),
        ("1h 30", 5400),
        ("1 hour 30", 5400),
        ("1,5h", 5400),
        ("1.5 hours", 5400),
        ("1.25h", 4500),
        ("0.5h", 1800),
        ("1 hour 30 minutes", 5400),
        ("1 hour and 30 minutes", 5400),
        ("1 hour, 30 minutes", 5400),
        ("1 hour, and 30 minutes", 5400),
        ("half an hour", 1800),
        ("Half hour", 1800),
        ("a half hour", 1800),
        ("an hour", 3600),
        ("an hour and a half", 5400),
        ("one and a half hours", 5400),
        ("1 and a half hours", 5400),
        ("two hours", 7200),
        ("forty-five minutes", 2700),
        ("a quarter of an hour", 900),
        ("a day", 86_400),
        ("PT1H", 3600),
        ("pt1h30m", 5400),
        ("P1DT2H", 93_600),
        ("for 1h", 3600),
        ("for about an hour", 3600),
        ("--duration 30m", 1800),
        ("—duration 30m", 1800),
        ("-d 30m", 1800),
        ("duration: 30m", 1800),
        ("+30m", 1800),
        ("2h please", 7200),
        ("30m for me, please", 1800),
        ("`30m`", 1800),
        ("1week 2days 3h 4m 5s", 788_645),
    ] {
        let expected = Some(HowLong::For(Span::seconds(seconds)));
        assert_eq!(whole(text), expected, "{text}");
    }
}

#[test]
fn an_end_is_a_time_of_the_day() {
    for (text, hour, minute) in [
        ("until 17:00", 17, 0),
        ("till 9:30", 9, 30),
        ("Until 5pm", 17, 0),
        ("until 5:30 PM", 17, 30),
        ("until 12am", 0, 0),
        ("until 12pm", 12, 0),
        ("until noon", 12, 0),
        ("until midnight", 0, 0),
        ("until 17:00 today", 17, 0),
        ("until 17:00, please", 17, 0),
    ] {
        let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        assert_eq!(whole(text), Some(HowLong::Until(time)), "{text}");
    }
}

#[test]
fn what_begins_like_a_length_or_a_time_and_is_not_understood_is_unclear() {
    for (text, taken) in [
        ("60", 1),
        ("60 writes are failing", 1),
        ("1:30", 1),
        ("1.5", 1),
        ("-5m", 1),
        ("~30m", 1),
        ("1-2h", 1),
        ("30m-1h", 1),
        ("30m - 1h", 3),
        ("30m or 1h", 3),
        ("30m to 1h", 3),
        ("30m 1h", 2),
        ("2 30 min", 3),
        ("1h 30 hosts are down", 2),
        ("1h and 30 hosts", 3),
        ("30 mintues", 2),
        ("30mim", 1),
        ("1,500m", 1),
        ("1.333h", 1),
        ("½h", 1),
        ("99999999999h", 1),
        ("10m ago it broke", 2),
        ("PT1.5H", 1),
        ("a few hours", 3),
        ("couple of hours", 3),
        ("until 17", 2),
        ("until 25:00", 2),
        ("until tomorrow", 2),
        ("until tomorrow 09:00", 3),
        ("until 17:00 UTC", 3),
        ("until 17:00 tomorrow", 3),
        ("until it works", 1),
        ("--duration soon", 2),
    ] {
        assert_eq!(read(text), Some((taken, Reading::Unclear)), "{text}");
        assert_eq!(whole(text), None, "{text}");
    }
}

#[test]
fn a_sentence_is_neither() {
    for text in [
        "",
        "writes are failing",
        "a host is down",
        "a second look",
        "half the hosts",
        "one of the hosts is down for an hour",
        "P1 incident",
        "\"30m\"",
        "untilted",
        "for the hosts",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_length_ends_where_the_sentence_goes_on() {
    for (text, taken, minutes) in [
        ("2 hours, then 5m more", 2, 120),
        ("2 hours, 3 hosts are down", 2, 120),
        ("30m to restart it", 1, 30),
        ("30m down since 10m ago", 1, 30),
        ("30m 3 hosts are down", 1, 30),
        ("2h please hurry", 2, 120),
    ] {
        let expected = Reading::Clear(HowLong::For(Span::minutes(minutes)));
        assert_eq!(read(text), Some((taken, expected)), "{text}");
    }
}

#[test]
fn a_length_at_the_end_of_a_sentence_is_one_unless_the_sentence_needs_it() {
    let read = |text: &str| back(&words(text));
    let clear = |minutes| Reading::Clear(HowLong::For(Span::minutes(minutes)));
    for (text, expected) in [
        ("writes are failing for 30m", Some((2, clear(30)))),
        ("writes are failing 1 hour 30 minutes", Some((4, clear(90)))),
        ("it is down since 30m", Some((1, Reading::Unclear))),
        ("the last 2 hours", Some((2, Reading::Unclear))),
        ("see 5 30m", Some((1, Reading::Unclear))),
        ("writes are failing 60", Some((1, Reading::Unclear))),
        ("broke at 10:30", Some((1, Reading::Unclear))),
        ("writes are failing -5m", Some((1, Reading::Unclear))),
        ("open until tomorrow", Some((2, Reading::Unclear))),
        ("down since 10m ago", None),
        ("see host 10.0.0.1", None),
        ("order 4711234", None),
        ("until it works", None),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn a_later_start_is_told_from_a_sentence() {
    let read = |text: &str| later_start(&words(text));
    for (text, taken) in [
        ("tomorrow 09:00 for 1h", 2),
        ("tomorrow at 9 am", 4),
        ("at 17:00", 2),
        ("from 17:00", 2),
        ("in 2 hours", 3),
        ("monday 9am", 2),
        ("next week", 2),
    ] {
        assert_eq!(read(text), Some(taken), "{text}");
    }
    for text in [
        "at the moment",
        "in production",
        "sun is up",
        "from backups",
        "today",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_of_a_length_is_read_as_that_length(seconds: u32) {
        let how_long = HowLong::For(Span::seconds(seconds));
        prop_assert_eq!(whole(&how_long.to_string()), Some(how_long));
    }

    #[test]
    fn no_words_take_more_than_there_are(text in "[0-9:.,½ amphourtilPTH-]{0,40}") {
        let words = words(&text);
        for read in [front(&words), back(&words)] {
            prop_assert!(read.is_none_or(|(taken, _)| (1..=words.len()).contains(&taken)));
        }
    }
}
