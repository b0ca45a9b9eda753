use proptest::prelude::*;

use super::parse;
use crate::{
    domain::{ChannelId, Span},
    slack::arguments::{
        Draft, Wanted,
        tests::{catalogue, read},
    },
};

fn drafted(text: &str) -> Draft {
    read(text, parse)
}

fn whole() -> Draft {
    Draft {
        scope: Wanted::Scope("db-prod:write".parse().unwrap()),
        duration: Some(Span::minutes(30)),
        ticket: Some("INC-4211".to_owned()),
        reason: "writes are failing".to_owned(),
        channels: Vec::new(),
    }
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
    for (text, minutes) in [
        ("90m", 90),
        ("1h30m", 90),
        ("1h 30m", 90),
        ("1 hour 30 minutes", 90),
        ("2 hours", 120),
        ("for 2 hours", 120),
        ("2H", 120),
        ("1day 2h 3m", 1563),
        ("4 hours 5 minutes 60 seconds", 246),
    ] {
        let draft = drafted(&format!("db-prod:read {text} why not"));
        assert_eq!(draft.duration, Some(Span::minutes(minutes)), "{text}");
        assert_eq!(draft.reason, "why not", "{text}");
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
        ("30 hosts are down", None, "30 hosts are down"),
        ("switch UTF-8 off", None, "switch UTF-8 off"),
        (
            "copy from db-prod:write to it",
            None,
            "copy from db-prod:write to it",
        ),
    ] {
        let draft = drafted(&format!("db-prod:read {text}"));
        assert_eq!(draft.duration, duration.map(Span::minutes), "{text}");
        assert_eq!(draft.reason, reason, "{text}");
        assert_eq!(draft.ticket, None, "{text}");
    }
}

#[test]
fn a_duration_is_no_ticket_whatever_a_ticket_may_be() {
    for text in ["1h30m CHG7", "CHG7 1h 30m", "1 hour 30 minutes CHG7"] {
        let draft = drafted(&format!("lab:shell {text}"));
        assert_eq!(draft.duration, Some(Span::minutes(90)), "{text}");
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
        reason in "[b-eg-z]{2,8}( [b-eg-z]{2,8}){0,4}",
        place in 0..4usize,
        quoted: bool,
    ) {
        let said = if quoted { format!("\"{reason}\"") } else { reason.clone() };
        let mut parts: Vec<&str> = parts;
        parts.insert(place, &said);
        let draft = drafted(&parts.join(" "));
        let expected = Draft { duration: Some(Span::minutes(90)), reason, ..whole() };
        prop_assert_eq!(draft, expected);
    }
}
