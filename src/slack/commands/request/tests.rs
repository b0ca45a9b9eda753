use chrono::{NaiveDate, NaiveTime};
use proptest::prelude::*;

use super::parse;
use crate::{
    domain::{ChannelId, Span, UserId},
    slack::arguments::{
        Draft, HowLong, Moment, Unclear, Wanted,
        tests::{catalogue, read},
    },
};

fn drafted(text: &str) -> Draft {
    read(text, parse)
}

fn whole() -> Draft {
    Draft {
        scope: Wanted::Scope("db-prod:write".parse().unwrap()),
        duration: minutes(30),
        start: None,
        ticket: Some("INC-4211".to_owned()),
        reason: "writes are failing".to_owned(),
        channels: Vec::new(),
        unclear: Vec::new(),
    }
}

fn minutes(minutes: u32) -> Option<HowLong> {
    Some(HowLong::For(Span::minutes(minutes)))
}

#[test]
fn a_request_is_read_however_it_is_put() {
    for text in [
        "db-prod:write 30m INC-4211 writes are failing",
        "30m db-prod:write INC-4211 writes are failing",
        "writes are failing INC-4211 30m db-prod:write",
        "INC-4211 “writes are failing” db-prod:write 30 min",
        "DB-Prod:Write 30M inc-4211 \"writes are failing\"",
        "for db-prod:write for 30m INC-4211 because writes are failing",
        "db-prod:write, 30 minutes, INC-4211, writes are failing",
        "writes db-prod:write are failing for 30m INC-4211",
        "db-prod:write INC-4211 writes are failing for 30m",
        "db-prod:write 30m INC-4211 writes are failing",
        "  30m   db-prod:write 'writes are failing' INC-4211 ",
    ] {
        assert_eq!(drafted(text), whole(), "{text}");
    }
}

#[test]
fn durations_are_read_as_people_write_them() {
    for (text, length) in [
        ("90m", 90),
        ("1h30m", 90),
        ("1h 30m", 90),
        ("1 hour 30 minutes", 90),
        ("2 hours", 120),
        ("for 2 hours", 120),
        ("2H", 120),
        ("1day 2h 3m", 1563),
        ("4 hours 5 minutes 60 seconds", 246),
        ("1,5h", 90),
        ("1h30", 90),
        ("half an hour", 30),
        ("2h please", 120),
        ("PT1H", 60),
        ("--duration 30m", 30),
        ("1 hour and 30 minutes", 90),
        ("30m for me,", 30),
    ] {
        let draft = drafted(&format!("db-prod:read {text} why not"));
        assert_eq!(draft.duration, minutes(length), "{text}");
        assert_eq!(draft.reason, "why not", "{text}");
        assert_eq!(draft.unclear, [], "{text}");
    }
}

#[test]
fn what_stands_among_the_words_of_the_reason_or_in_quotes_stays_there() {
    for (text, duration, reason) in [
        ("30m down since 10m ago", Some(30), "down since 10m ago"),
        ("down since 10m ago", None, "down since 10m ago"),
        ("30m \"it took 2h\"", Some(30), "it took 2h"),
        ("2 hours, then 5m more", Some(120), "then 5m more"),
        ("\"90m\"", None, "90m"),
        ("switch UTF-8 off", None, "switch UTF-8 off"),
        (
            "copy from db-prod:write to it",
            None,
            "copy from db-prod:write to it",
        ),
    ] {
        let draft = drafted(&format!("db-prod:read {text}"));
        assert_eq!(draft.duration, duration.and_then(minutes), "{text}");
        assert_eq!(draft.unclear, [], "{text}");
        assert_eq!(draft.reason, reason, "{text}");
        assert_eq!(draft.ticket, None, "{text}");
    }
}

#[test]
fn what_may_be_meant_in_more_ways_than_one_is_asked_for_and_never_guessed() {
    let length = |text: &str| Unclear::Duration(text.to_owned());
    let kept = |text: &str| Unclear::InReason(text.to_owned());
    let start = |text: &str| Unclear::Start(text.to_owned());
    let dave = || Unclear::Recipient(Some(UserId::new("U0DAVE")), "@dave".to_owned());
    let named = |text: &str| Unclear::Recipient(None, text.to_owned());
    let failing = "writes are failing";
    for (text, duration, unclear, reason) in [
        ("60", None, length("60"), failing),
        ("1:30", None, length("1:30"), failing),
        ("-5m", None, length("-5m"), failing),
        ("1-2h", None, length("1-2h"), failing),
        ("2 30 min", None, length("2 30 min"), failing),
        ("30 mintues", None, length("30 mintues"), failing),
        ("until tomorrow", None, length("until tomorrow"), failing),
        ("--duration soon", None, length("--duration soon"), failing),
        (
            "60 hosts are down:",
            None,
            kept("60"),
            "60 hosts are down: writes are failing",
        ),
        (
            "tomorrow 09:00 for 1h",
            minutes(60),
            start("tomorrow 09:00"),
            "tomorrow 09:00 writes are failing",
        ),
        (
            "1h at 17:00",
            minutes(60),
            start("at 17:00"),
            "at 17:00 writes are failing",
        ),
        (
            "30m for <@U0DAVE|dave>",
            minutes(30),
            dave(),
            "for @dave writes are failing",
        ),
        (
            "<@U0DAVE|dave> 30m",
            minutes(30),
            dave(),
            "@dave writes are failing",
        ),
        (
            "30m for @dave",
            minutes(30),
            named("@dave"),
            "for @dave writes are failing",
        ),
        (
            "30m for dave@example.com",
            minutes(30),
            named("dave@example.com"),
            "for dave@example.com writes are failing",
        ),
    ] {
        for line in [
            format!("db-prod:write {text} INC-4211 writes are failing"),
            format!("{text} db-prod:write INC-4211 writes are failing"),
        ] {
            let expected = Draft {
                duration,
                reason: reason.to_owned(),
                unclear: vec![unclear.clone()],
                ..whole()
            };
            let draft = drafted(&line);
            assert_eq!(draft, expected, "{line}");
            assert!(!draft.is_complete_for(&catalogue()[&"db-prod:write".parse().unwrap()]));
        }
    }
    let last = drafted("db-prod:read the shop answers with 500");
    assert_eq!(last.unclear, [kept("500")]);
    assert_eq!(last.reason, "the shop answers with 500");
}

#[test]
fn a_start_is_read_behind_its_flag_wherever_it_stands() {
    let day = NaiveDate::from_ymd_opt(2026, 12, 1);
    let time = NaiveTime::from_hms_opt(22, 0, 0).unwrap();
    for (text, day) in [
        ("--at 22:00", None),
        ("—at 22:00", None),
        ("--at=22:00", None),
        ("--at 2026-12-01T22:00", day),
        ("--at 2026-12-01 22:00", day),
        ("--AT=2026-12-01 22:00", day),
    ] {
        for line in [
            format!("db-prod:write 30m {text} INC-4211 writes are failing"),
            format!("{text} db-prod:write 30m INC-4211 writes are failing"),
            format!("db-prod:write 30m INC-4211 writes are failing {text}"),
        ] {
            let expected = Draft {
                start: Some(Moment { day, time }),
                ..whole()
            };
            assert_eq!(drafted(&line), expected, "{line}");
        }
    }
    for (text, written) in [
        ("--at noonish", "--at noonish"),
        ("--at 25:00", "--at 25:00"),
        ("--at=soon", "--at=soon"),
    ] {
        let draft = drafted(&format!("db-prod:write 30m INC-4211 {text}"));
        assert_eq!(draft.unclear, [Unclear::Start(written.to_owned())]);
        assert_eq!(draft.start, None, "{text}");
    }
}

#[test]
fn a_short_number_is_a_ticket_only_beside_a_duration() {
    for (text, ticket, is_clear) in [
        ("lab:shell 60 why", None, false),
        ("lab:shell 60", None, false),
        ("lab:shell 30m, 60 why", Some("60"), true),
        ("lab:shell CHG7 30m why", Some("CHG7"), true),
        ("lab:shell 4211 why", Some("4211"), true),
    ] {
        let draft = drafted(text);
        assert_eq!(draft.ticket.as_deref(), ticket, "{text}");
        assert_eq!(draft.unclear.is_empty(), is_clear, "{text}");
    }
}

#[test]
fn a_duration_is_no_ticket_whatever_a_ticket_may_be() {
    for text in ["1h30m CHG7", "CHG7 1h 30m", "1 hour 30 minutes CHG7"] {
        let draft = drafted(&format!("lab:shell {text}"));
        assert_eq!(draft.duration, minutes(90), "{text}");
        assert_eq!(draft.ticket.as_deref(), Some("CHG7"), "{text}");
    }
}

#[test]
fn a_ticket_is_what_the_scope_says_or_what_looks_like_one() {
    let ticket = |text: &str| drafted(text).ticket;
    let other = "db-prod:read OPS-7 why";
    assert_eq!(ticket(other).as_deref(), Some("OPS-7"));
    // One of another kind is kept, so that the answer can say what would be right.
    let wrong = "db-prod:write OPS-7 why";
    assert_eq!(ticket(wrong).as_deref(), Some("OPS-7"));
    let both = "db-prod:write OPS-7 see INC-1 there";
    assert_eq!(ticket(both).as_deref(), Some("INC-1"));
    assert_eq!(drafted(both).reason, "OPS-7 see there");
}

#[test]
fn a_name_that_is_not_quite_one_is_suggested_and_never_guessed() {
    for (text, written, like) in [
        ("db-prod:wirte 30m", "db-prod:wirte", "db-prod:write"),
        ("k8s 30m", "k8s", "k8s/payments:admin"),
        ("db-prod:r 30m why", "db-prod:r", "db-prod:read"),
        ("k8s/payments 30m", "k8s/payments", "k8s/payments:admin"),
    ] {
        let expected = Wanted::Unknown {
            written: written.to_owned(),
            like: vec![like.parse().unwrap()],
        };
        assert_eq!(drafted(text).scope, expected, "{text}");
    }
    let Wanted::Unknown { like, .. } = drafted("db-prod").scope else {
        panic!("not unknown");
    };
    assert_eq!(like.len(), 2);
    let nothing_alike = drafted("mainframe:root 30m").scope;
    let Wanted::Unknown { like, written } = nothing_alike else {
        panic!("not unknown");
    };
    assert_eq!((written.as_str(), like.len()), ("mainframe:root", 0));
    assert_eq!(drafted("at 10:30 it broke").scope, Wanted::Nothing);
}

#[test]
fn a_request_is_complete_when_it_has_what_its_scope_requires() {
    let catalogue = catalogue();
    let complete = |text| {
        let draft = drafted(text);
        let Wanted::Scope(id) = &draft.scope else {
            panic!("no scope");
        };
        draft.is_complete_for(&catalogue[id])
    };
    assert!(complete("db-prod:write INC-1 why"));
    assert!(!complete("db-prod:write why"));
    assert!(!complete("db-prod:write INC-1"));
    assert!(complete("db-prod:read why"));
}

#[test]
fn mentioned_channels_are_kept_and_read_as_their_names() {
    let draft = drafted("db-prod:read 30m see <#C0INC|inc-1> and <@U0BOB|bob> &lt;3");
    assert_eq!(draft.channels, [ChannelId::new("C0INC")]);
    assert_eq!(draft.reason, "see #inc-1 and @bob <3");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = drafted(&text);
    }

    #[test]
    fn text_of_quotes_marks_and_numbers_does_not_either(
        text in "[“”\"'<>@#|&; 0-9hmUC:a-c-]{0,60}"
    ) {
        let _ = drafted(&text);
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter(
        parts in Just(vec!["db-prod:write", "1h 30m", "INC-4211"]).prop_shuffle(),
        reason in "[b-eg-z]{5,8}( [b-eg-z]{5,8}){0,4}",
        place in 0..4usize,
        quoted: bool,
    ) {
        let said = if quoted { format!("\"{reason}\"") } else { reason.clone() };
        let mut parts: Vec<&str> = parts;
        parts.insert(place, &said);
        let draft = drafted(&parts.join(" "));
        let expected = Draft { duration: minutes(90), reason, ..whole() };
        prop_assert_eq!(draft, expected);
    }
}
