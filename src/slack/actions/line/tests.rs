use std::{collections::BTreeSet, num::NonZeroU8};

use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::domain::{OnLeave, ReasonRule, Risk, Scope, TicketRule};

pub(in crate::slack) fn scope(id: &str) -> Scope {
    Scope {
        id: id.parse().unwrap(),
        title: "A title".to_owned(),
        environment: None,
        risk: Risk::High,
        default_duration: Span::minutes(30),
        max_duration: Span::minutes(60),
        requesters: BTreeSet::new(),
        approvers: BTreeSet::new(),
        approvals: NonZeroU8::MIN,
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Required,
        ticket: None,
        on_leave: OnLeave::End,
        layers: Vec::new(),
    }
}

fn catalogue() -> Catalogue {
    let with_tickets = Scope {
        ticket: Some(TicketRule {
            pattern: Regex::new("^INC-[0-9]+$").unwrap(),
            required: true,
        }),
        ..scope("db-prod:write")
    };
    let with_any_ticket = Scope {
        ticket: Some(TicketRule {
            pattern: Regex::new("[a-z0-9]").unwrap(),
            required: true,
        }),
        ..scope("lab:shell")
    };
    [
        with_tickets,
        with_any_ticket,
        scope("db-prod:read"),
        scope("k8s/payments:admin"),
    ]
    .into_iter()
    .map(|scope| (scope.id.clone(), scope))
    .collect()
}

fn read(text: &str) -> Line {
    parse(text, &catalogue())
}

fn drafted(text: &str) -> Draft {
    match read(text) {
        Line::Request(draft) => draft,
        other => panic!("{text}: {other:?}"),
    }
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
        "request db-prod:write 30m INC-4211 writes are failing",
        "request 30m db-prod:write INC-4211 writes are failing",
        "request writes are failing INC-4211 30m db-prod:write",
        "request INC-4211 “writes are failing” db-prod:write 30 min",
        "REQUEST DB-Prod:Write 30M inc-4211 \"writes are failing\"",
        "request for db-prod:write for 30m INC-4211 because writes are failing",
        "request db-prod:write, 30 minutes, INC-4211, writes are failing",
        "request writes db-prod:write are failing for 30m INC-4211",
        "request db-prod:write INC-4211 writes are failing for 30m",
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
        let draft = drafted(&format!("request db-prod:read {text} why not"));
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
        let draft = drafted(&format!("request db-prod:read {text}"));
        assert_eq!(draft.duration, duration.map(Span::minutes), "{text}");
        assert_eq!(draft.reason, reason, "{text}");
        assert_eq!(draft.ticket, None, "{text}");
    }
}

#[test]
fn a_duration_is_no_ticket_whatever_a_ticket_may_be() {
    for text in ["1h30m CHG7", "CHG7 1h 30m", "1 hour 30 minutes CHG7"] {
        let draft = drafted(&format!("request lab:shell {text}"));
        assert_eq!(draft.duration, Some(Span::minutes(90)), "{text}");
        assert_eq!(draft.ticket.as_deref(), Some("CHG7"), "{text}");
    }
}

#[test]
fn a_ticket_is_what_the_scope_says_or_what_looks_like_one() {
    let ticket = |text: &str| drafted(text).ticket;
    let other = "request db-prod:read OPS-7 why";
    assert_eq!(ticket(other).as_deref(), Some("OPS-7"));
    // One of another kind is kept, so that the answer can say what would be right.
    let wrong = "request db-prod:write OPS-7 why";
    assert_eq!(ticket(wrong).as_deref(), Some("OPS-7"));
    let both = "request db-prod:write OPS-7 see INC-1 there";
    assert_eq!(ticket(both).as_deref(), Some("INC-1"));
    assert_eq!(drafted(both).reason, "OPS-7 see there");
}

#[test]
fn a_name_that_is_not_quite_one_is_suggested_and_never_guessed() {
    for (text, written, like) in [
        (
            "request db-prod:wirte 30m",
            "db-prod:wirte",
            "db-prod:write",
        ),
        ("request k8s 30m", "k8s", "k8s/payments:admin"),
        ("request db-prod:r 30m why", "db-prod:r", "db-prod:read"),
        ("k8s/payments 30m", "k8s/payments", "k8s/payments:admin"),
    ] {
        let expected = Wanted::Unknown {
            written: written.to_owned(),
            like: vec![like.parse().unwrap()],
        };
        assert_eq!(drafted(text).scope, expected, "{text}");
    }
    let Wanted::Unknown { like, .. } = drafted("request db-prod").scope else {
        panic!("not unknown");
    };
    assert_eq!(like.len(), 2);
    let nothing_alike = drafted("request mainframe:root 30m").scope;
    let Wanted::Unknown { like, written } = nothing_alike else {
        panic!("not unknown");
    };
    assert_eq!((written.as_str(), like.len()), ("mainframe:root", 0));
    assert_eq!(drafted("request at 10:30 it broke").scope, Wanted::Nothing);
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
    assert!(complete("request db-prod:write INC-1 why"));
    assert!(!complete("request db-prod:write why"));
    assert!(!complete("request db-prod:write INC-1"));
    assert!(complete("request db-prod:read why"));
}

#[test]
fn the_bare_command_asks_for_access() {
    for text in ["", "  ", "request", " Request "] {
        assert_eq!(read(text), Line::Request(Draft::default()), "{text:?}");
    }
}

#[test]
fn mentioned_channels_are_kept_and_read_as_their_names() {
    let draft = drafted("request db-prod:read 30m see <#C0INC|inc-1> and <@U0BOB|bob> &lt;3");
    assert_eq!(draft.channels, [ChannelId::new("C0INC")]);
    assert_eq!(draft.reason, "see #inc-1 and @bob <3");
}

#[test]
fn the_other_commands_take_what_they_are_about() {
    let db: ScopeId = "db-prod:write".parse().unwrap();
    let alice = UserId::new("U0ALICE");
    let id = RequestId::new(crate::domain::Time::UNIX_EPOCH, 1);
    let more = Some(Span::minutes(15));
    let done = |what, anyway| Line::Done { what, anyway };
    let cases = [
        ("status".to_owned(), Line::Status),
        ("help me".to_owned(), Line::Help),
        ("done".to_owned(), done(Named::Nothing, false)),
        (format!("done {id}"), done(Named::Request(id), false)),
        (format!("done {id} Anyway"), done(Named::Request(id), true)),
        (
            "done DB-prod:write".to_owned(),
            done(Named::Scope(db.clone()), false),
        ),
        (
            "extend".to_owned(),
            Line::Extend {
                what: Named::Nothing,
                more: None,
            },
        ),
        (
            "extend 15m".to_owned(),
            Line::Extend {
                what: Named::Nothing,
                more,
            },
        ),
        (
            format!("extend {id} for 15 minutes"),
            Line::Extend {
                what: Named::Request(id),
                more,
            },
        ),
        (
            "extend 15m db-prod:write".to_owned(),
            Line::Extend {
                what: Named::Scope(db.clone()),
                more,
            },
        ),
        (
            "who <@U0ALICE|alice>".to_owned(),
            Line::Who(Named::Person(alice.clone())),
        ),
        (
            "revoke <@U0ALICE> because laptop lost".to_owned(),
            Line::Revoke {
                what: Named::Person(alice.clone()),
                reason: "laptop lost".to_owned(),
            },
        ),
        (
            "lock everything \"we are under attack\"".to_owned(),
            Line::Lock {
                what: Named::Everything,
                reason: "we are under attack".to_owned(),
            },
        ),
        (
            "unlock db-prod:write".to_owned(),
            Line::Unlock(Named::Scope(db.clone())),
        ),
        (
            "explain db-prod:write".to_owned(),
            Line::Explain(Named::Scope(db.clone())),
        ),
        (
            "explain db-prod:wirte".to_owned(),
            Line::Explain(Named::Unknown {
                written: "db-prod:wirte".to_owned(),
                like: vec![db],
            }),
        ),
        (
            "stauts".to_owned(),
            Line::Unknown {
                written: "stauts".to_owned(),
                like: Some("status"),
            },
        ),
        (
            "make me admin".to_owned(),
            Line::Unknown {
                written: "make".to_owned(),
                like: None,
            },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(&text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = read(&text);
        let _ = read(&format!("request {text}"));
        let _ = read(&format!("extend {text}"));
    }

    #[test]
    fn text_of_quotes_marks_and_numbers_does_not_either(
        text in "[“”\"'<>@#|&; 0-9hmUC:a-c-]{0,60}"
    ) {
        let _ = read(&format!("request {text}"));
        let _ = read(&format!("lock {text}"));
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
        let draft = drafted(&format!("request {}", parts.join(" ")));
        let expected = Draft { duration: Some(Span::minutes(90)), reason, ..whole() };
        prop_assert_eq!(draft, expected);
    }
}
