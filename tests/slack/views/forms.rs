//! What people read when they ask for something: forms and answers, in full.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{collections::BTreeSet, num::NonZeroU8};

use chrono::TimeDelta;
use keylend::{
    broker::{Credential, Error, Locked, Members, Preview, TooFewApprovers},
    directory::FactsUnavailable,
    domain::{
        BackendName, ChannelId, Environment, GroupName, LockTarget, OnLeave, ReasonRule, Refusal,
        Request, Risk, RuleId, Ruling, Scope, Span, TicketRule, UserId,
    },
    secret::SecretField,
    slack::arguments::Unclear,
    slack::view::{
        answer, modal,
        modal_credentials::credentials,
        modal_deny::deny,
        modal_extend::extend,
        modal_request::{Form, option, request},
        modal_shorter::shorter,
        preview::Previewed,
        refusal::{not_a_duration, on_field, unclear},
    },
};
use proptest::prelude::*;
use regex::Regex;
use serde_json::Value;

use super::story::{Story, terms};

fn locked(ended: Option<usize>) -> Locked {
    Locked {
        ended,
        is_person_known: true,
        until: None,
    }
}

fn scope() -> Scope {
    Scope {
        id: "db-prod:write".parse().unwrap(),
        title: "Production database, write".to_owned(),
        environment: Some(Environment::new("prod")),
        risk: Risk::High,
        default_duration: Span::minutes(30),
        max_duration: Span::minutes(60),
        max_total: Span::minutes(60),
        requesters: [GroupName::new("engineers")].into(),
        approvers: [GroupName::new("dba")].into(),
        approvals: NonZeroU8::MIN,
        stages: Vec::new(),
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Required,
        ticket: Some(TicketRule {
            pattern: Regex::new("^INC-[0-9]+$").unwrap(),
            required: true,
            example: Some("INC-4211".to_owned()),
        }),
        on_leave: OnLeave::End,
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
        break_glass: false,
        layers: Vec::new(),
    }
}

fn people(count: usize) -> BTreeSet<UserId> {
    (0..count)
        .map(|number| UserId::new(format!("U0DBA{number}")))
        .collect()
}

fn pending() -> Story {
    Story::begin(terms(None), 1)
}

fn active() -> Request {
    pending().approve("U0BOB").active().request
}

fn login() -> Credential {
    Credential {
        target: BackendName::new("pg-prod"),
        connection: vec![
            ("Host".to_owned(), "db.example.com:5432".to_owned()),
            ("Login".to_owned(), "jit_alice_1".to_owned()),
        ],
        secrets: vec![secret("Password", "correct-horse")],
    }
}

fn secret(label: &str, value: &str) -> SecretField {
    SecretField {
        label: label.to_owned(),
        value: value.into(),
    }
}

#[test]
fn the_form_asks_for_what_its_scope_needs() {
    let scope = scope();
    let bare = request(&Form::default());
    let chosen = request(&Form {
        scope: Some(&scope),
        approvers: Some(people(2)),
        preview: previewed(Ok(Preview::Asked)),
        duration: Some("45m".to_owned()),
        duration_note: Some(not_a_duration("60")),
        start: Some(pending().request.asked_at + TimeDelta::hours(12)),
        start_note: Some(unclear(&Unclear::Start("at 22:00".to_owned()))),
        ticket: Some("INC-4211".to_owned()),
        reason: "writes are failing".to_owned(),
        notice: Some(answer::no_such(
            "db-prod:wirte",
            std::slice::from_ref(&scope.id),
        )),
        carried: "{}".to_owned(),
    });
    for view in [&bare, &chosen] {
        assert_eq!(passed(view), Vec::<String>::new());
    }
    insta::assert_json_snapshot!("form_bare", bare);
    insta::assert_json_snapshot!("form_filled", chosen);
}

fn previewed(outcome: Result<Preview, Error>) -> Option<Previewed> {
    let duration = Span::minutes(45);
    Some(Previewed { duration, outcome })
}

#[test]
fn the_form_says_what_becomes_of_the_request() {
    let scope = scope();
    let said = |preview| {
        let view = request(&Form {
            scope: Some(&scope),
            approvers: Some(people(1)),
            preview,
            ..Form::default()
        });
        assert_eq!(passed(&view), Vec::<String>::new());
        let blocks = view["blocks"].as_array().unwrap();
        let element = &blocks.last().unwrap()["elements"][0];
        let kind = element["type"].as_str().unwrap();
        format!("{kind}: {}", element["text"].as_str().unwrap())
    };
    let refused = |rule: &str, reason: &str| {
        let (rule, reason) = (RuleId::new(rule), reason.to_owned());
        Err(Refusal::Forbidden(vec![Ruling { rule, reason }]).into())
    };
    let two_stages = Scope {
        approvals: NonZeroU8::new(2).unwrap(),
        stages: vec![
            [GroupName::new("dba")].into(),
            [GroupName::new("security")].into(),
        ],
        ..scope.clone()
    };
    let staged = request(&Form {
        scope: Some(&two_stages),
        preview: previewed(Ok(Preview::Asked)),
        ..Form::default()
    });
    let staged = staged["blocks"].as_array().unwrap().last().unwrap()["elements"][0].clone();
    insta::assert_snapshot!(staged["text"].as_str().unwrap(), @"Needs 2 approvals by one person each from dba; security in <#C0DBA>.");
    insta::assert_snapshot!(
        said(previewed(Ok(Preview::Asked))),
        @"mrkdwn: Needs 1 approval by `dba` (<@U0DBA0>) in <#C0DBA>."
    );
    insta::assert_snapshot!(
        said(previewed(Ok(Preview::Approved(RuleId::new("auto-staging"))))),
        @"mrkdwn: The rule `auto-staging` approves this at once, for 45m. Nobody has to approve it."
    );
    insta::assert_snapshot!(
        said(previewed(refused("requester-group", "Only members can."))),
        @"plain_text: You can't request this now. You're not in a group that can request db-prod:write. /jit explain db-prod:write lists the groups."
    );
    insta::assert_snapshot!(
        said(previewed(refused("no-fridays", "Not on a <!channel> *Friday*."))),
        @"plain_text: You can't request this now. Not on a <!channel> *Friday*. (rule no-fridays)"
    );
    let unknown = "mrkdwn: Needs 1 approval by `dba` (<@U0DBA0>) in <#C0DBA>.\n:warning: Keylend \
                   couldn't check whether you can request this, or whether a rule approves it at \
                   once. You can still submit it; Keylend checks again then.";
    for preview in [
        None,
        previewed(Err(Refusal::RuleError("secret detail".to_owned()).into())),
        previewed(Err(Refusal::GroupsUnavailable(
            [GroupName::new("dba")].into(),
        )
        .into())),
        previewed(Err(FactsUnavailable("secret detail".to_owned()).into())),
    ] {
        assert_eq!(said(preview), unknown);
    }
}

#[test]
fn the_form_for_a_denial_says_what_is_denied() {
    let view = deny(&pending().request, "an-id.1");
    assert_eq!(passed(&view), Vec::<String>::new());
    insta::assert_json_snapshot!("form_deny", view);
}

#[test]
fn the_form_for_less_time_offers_what_is_shorter() {
    let choices = [5, 10, 15].map(Span::minutes);
    let view = shorter(&pending().request, &choices, "an-id.1");
    assert_eq!(passed(&view), Vec::<String>::new());
    insta::assert_json_snapshot!("form_shorter", view);
}

#[test]
fn the_form_for_more_time_proposes_what_fits_and_what_was_asked_for() {
    let fits = Span::minutes(20);
    let view = extend(&active(), &scope(), fits, "an-id.1");
    assert_eq!(passed(&view), Vec::<String>::new());
    insta::assert_json_snapshot!("form_extend", view);
    let asked = pending().approve("U0BOB").active().more_time().request;
    let view = extend(&asked, &scope(), fits, "an-id.1").to_string();
    assert!(view.contains(r#""initial_value":"15m""#), "{view}");
    assert!(view.contains("the index is slow"), "{view}");
}

#[test]
fn credentials_can_be_copied_as_they_stand() {
    let view = credentials(&active(), &[login()]);
    assert_eq!(passed(&view), Vec::<String>::new());
    insta::assert_json_snapshot!("credentials", view);
    let odd = Credential {
        target: BackendName::new("k8s"),
        connection: Vec::new(),
        secrets: vec![secret("Token", "a_b*c<d>&e```")],
    };
    let view = credentials(&active(), &[odd]);
    assert_eq!(passed(&view), Vec::<String>::new());
    assert!(view.to_string().contains(r#""a_b*c<d>&e```""#), "{view}");
}

#[test]
fn a_long_secret_is_shown_in_parts_and_what_does_not_fit_is_named() {
    let line = "a line of a certificate\n".repeat(1_000);
    let target = |name: &str, secrets| Credential {
        target: BackendName::new(name),
        connection: Vec::new(),
        secrets,
    };
    let long = |name: &str| target(name, vec![secret("kubeconfig", &line); 2]);
    let all: Vec<Credential> = (0..8)
        .map(|number| long(&format!("k8s-{number}")))
        .collect();
    let view = credentials(&active(), &all);
    assert_eq!(passed(&view), Vec::<String>::new());
    let blocks = view["blocks"].as_array().expect("blocks");
    let copied = |label: &str| -> String {
        let parts = blocks
            .iter()
            .filter(|block| block.to_string().contains(label));
        let parts = parts.map(|block| block["elements"][1]["elements"][0]["text"].as_str());
        parts
            .take(line.len().div_ceil(2_880))
            .map(Option::unwrap)
            .collect()
    };
    assert_eq!(copied("kubeconfig, part"), line);
    let last = blocks.last().expect("a last one").to_string();
    assert!(
        last.contains("no room here for the secrets of `k8s-4`, `k8s-5`"),
        "{last}"
    );
}

#[test]
fn notices_take_a_forms_place() {
    for view in [modal::working(), modal::notice("Not done", "Because.")] {
        assert_eq!(passed(&view), Vec::<String>::new());
        assert!(view.get("submit").is_none());
    }
    insta::assert_json_snapshot!("working", modal::working());
}

#[test]
fn mistakes_come_back_on_their_field_with_what_would_be_right() {
    let forbidden = |rule: &str| -> Error {
        Refusal::Forbidden(vec![Ruling {
            rule: RuleId::new(rule),
            reason: "The rule's own words.".to_owned(),
        }])
        .into()
    };
    let scope = scope();
    let hours = Span::minutes(120);
    let too_short = Refusal::TooShort {
        asked: Span::seconds(10),
        min: Span::minutes(1),
    };
    let said: Vec<String> = [
        forbidden("max-duration"),
        forbidden("ticket-required"),
        forbidden("requester-group"),
        too_short.into(),
        Refusal::ReasonMissing.into(),
        Refusal::NoEmail.into(),
        FactsUnavailable("detail".to_owned()).into(),
        Refusal::GroupsUnavailable([GroupName::new("dba")].into()).into(),
    ]
    .iter()
    .map(|error| {
        let (field, sentence) = on_field(error, &scope, hours);
        format!("{field}: {sentence}")
    })
    .chain([format!("duration: {}", not_a_duration("soon"))])
    .collect();
    insta::assert_snapshot!("mistakes", said.join("\n"));
}

#[test]
fn every_answer_reads_well() {
    let scope = scope();
    let waiting = pending().request;
    let active = active();
    let approved = pending().approve("U0BOB").request;
    let now = active.asked_at + TimeDelta::minutes(5);
    let id = scope.id.clone();
    let answers = [
        (
            "asked",
            answer::asked(&waiting, &[answer::not_mirrored(&ChannelId::new("C0INC"))]),
        ),
        (
            "asked, not reached",
            answer::asked(&waiting, &[answer::not_reached(&ChannelId::new("C0DBA"))]),
        ),
        (
            "asked in a shared channel",
            answer::asked(
                &waiting,
                &[answer::not_mirrored_shared(&ChannelId::new("C0INC"))],
            ),
        ),
        (
            "asked, and nobody can approve",
            [
                (1, 0, Members::Nobody, false),
                (1, 0, Members::OnlyRequester, false),
                (1, 0, Members::Others, false),
                (2, 1, Members::Others, false),
                (1, 0, Members::Nobody, true),
            ]
            .map(|(needed, able, members, is_extension)| {
                answer::too_few_approvers(&TooFewApprovers {
                    is_extension,
                    groups: [GroupName::new("dba")].into(),
                    needed,
                    able,
                    members,
                    open: Vec::new(),
                })
            })
            .join("\n"),
        ),
        ("asked, approved by a rule", answer::asked(&approved, &[])),
        (
            "status",
            answer::status(&[active.clone(), waiting.clone()], now),
        ),
        ("status of nothing", answer::status(&[], now)),
        (
            "who has",
            answer::who_has(&scope.id, true, &[active.clone(), waiting.clone()], now),
        ),
        (
            "who has, no longer in the catalogue",
            answer::who_has(&scope.id, false, std::slice::from_ref(&active), now),
        ),
        (
            "who has, after the end",
            answer::who_has(
                &scope.id,
                true,
                std::slice::from_ref(&active),
                now + TimeDelta::hours(1),
            ),
        ),
        (
            "what has",
            answer::what_has(&UserId::new("U0ALICE"), std::slice::from_ref(&active), now),
        ),
        (
            "what has nothing",
            answer::what_has(&UserId::new("U0ALICE"), &[], now),
        ),
        ("explain", answer::explain(&scope, Some(&people(2)))),
        ("done", answer::done(&active)),
        ("extended", answer::extension_requested(&active, None)),
        (
            "revoked",
            answer::revoked(
                std::slice::from_ref(&active),
                &[answer::stays(&active, "Because.")],
            ),
        ),
        (
            "locked",
            answer::locked(&LockTarget::Everything, locked(Some(0))),
        ),
        (
            "locked, one ends",
            answer::locked(&LockTarget::Scope(id.clone()), locked(Some(1))),
        ),
        (
            "locked, some end",
            answer::locked(&LockTarget::Person(UserId::new("U0ALICE")), locked(Some(3))),
        ),
        (
            "locked, and the store is away",
            answer::locked(&LockTarget::Everything, locked(None)),
        ),
        (
            "locked, and Slack is silent",
            answer::locked(
                &LockTarget::Person(UserId::new("U0ALICE")),
                Locked {
                    is_person_known: false,
                    ..locked(Some(1))
                },
            ),
        ),
        (
            "unlocked",
            answer::unlocked(&LockTarget::Scope(id.clone()), true),
        ),
        (
            "was not locked",
            answer::unlocked(&LockTarget::Scope(id.clone()), false),
        ),
        (
            "which",
            answer::which("done", &[active.clone(), approved], now),
        ),
        ("no active access", answer::no_active_access(None)),
        (
            "no active access to it",
            answer::no_active_access(Some(&id)),
        ),
        ("withdrawn", answer::withdrawn(&waiting)),
        ("no pending request", answer::no_pending_request(None)),
        (
            "no pending request for it",
            answer::no_pending_request(Some(&id)),
        ),
        (
            "which to withdraw",
            answer::which("withdraw", &[waiting.clone(), waiting.clone()], now),
        ),
        ("usage", answer::usage("/jit explain [scope]")),
        ("no such", answer::no_such("db-prod:wirte", &[id])),
        ("no such person", answer::no_such("@alice", &[])),
        ("no such at all", answer::no_such("<!channel> *x*", &[])),
        (
            "unknown command",
            answer::unknown_command("stauts", Some("status"), "The help."),
        ),
        (
            "unknown command, like none",
            answer::unknown_command("<!channel>`", None, "The help."),
        ),
        ("busy", answer::BUSY.to_owned()),
        ("unknown button", answer::UNKNOWN_BUTTON.to_owned()),
        ("no window", answer::NO_WINDOW.to_owned()),
        ("unnamed command", answer::UNNAMED.to_owned()),
        ("nothing to revoke", answer::NOTHING_HELD.to_owned()),
        ("more time withdrawn", answer::extension_withdrawn(&active)),
        ("no more time fits", answer::nothing_fits(&scope)),
        (
            "what a revocation ends",
            answer::would_end(std::slice::from_ref(&active), &[], now),
        ),
    ];
    let said: Vec<String> = answers
        .iter()
        .map(|(name, said)| format!("## {name}\n{said}"))
        .collect();
    insta::assert_snapshot!("answers", said.join("\n\n"));
}

#[test]
fn a_list_of_a_thousand_grants_is_one_short_answer() {
    let many = vec![active(); 1000];
    let said = answer::status(&many, many[0].asked_at);
    assert!(said.encode_utf16().count() <= 4000);
    assert!(said.contains("and 980 more"), "{said}");
}

/// Everything that a person could write to break a message or to fake one.
const HOSTILE: &str = "(<!channel>|<@U0BOB>|&|`|\\*|_|~|\n|\"|😀|x| ){0,300}";

proptest! {
    #[test]
    fn nothing_that_people_write_breaks_a_form_or_pings_anybody(
        said in HOSTILE,
        approvers in 0..2000usize,
    ) {
        let scope = Scope {
            title: said.clone(),
            environment: Some(Environment::new(said.clone())),
            approvers: (0..50).map(|n| GroupName::new(format!("{n}{said}"))).collect(),
            ..scope()
        };
        let refused = Refusal::Forbidden(vec![Ruling {
            rule: RuleId::new("hostile"),
            reason: said.clone(),
        }]);
        for preview in [None, previewed(Err(refused.into()))] {
            let form = request(&Form {
                scope: Some(&scope),
                approvers: Some(people(approvers)),
                preview,
                duration: Some(said.clone()),
                duration_note: None,
                start: None,
                start_note: None,
                ticket: Some(said.clone()),
                reason: said.clone(),
                notice: Some(answer::no_such(&said, &[])),
                carried: String::new(),
            });
            prop_assert_eq!(passed(&form), Vec::<String>::new());
        }
        let explained = answer::explain(&scope, None);
        prop_assert!(!explained.contains("<!channel>") && !explained.contains("<@U0BOB>"));
        prop_assert!(explained.encode_utf16().count() <= 4000);
        prop_assert!(option(&scope)["text"]["text"].as_str().unwrap().encode_utf16().count() <= 75);
    }
}

/// Where a view passes Slack's limits, <https://docs.slack.dev/reference/views/modal-views>;
/// empty if nowhere. Lengths are counted in UTF-16, which counts most.
pub(crate) fn passed(view: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for part in ["title", "submit", "close"] {
        if view.get(part).is_some() {
            text(&mut wrong, part, &view[part], 24);
        }
    }
    let blocks = view["blocks"].as_array().unwrap();
    let inputs = blocks
        .iter()
        .filter(|block| block["type"] == "input")
        .count();
    let mut check = |is_right: bool, what: &str| {
        if !is_right {
            wrong.push(what.to_owned());
        }
    };
    check(!blocks.is_empty() && blocks.len() <= 100, "blocks");
    check(inputs <= 6, "inputs");
    check(
        inputs == 0 || view.get("submit").is_some(),
        "an input without submit",
    );
    check(
        view["callback_id"].as_str().unwrap().len() <= 255,
        "callback_id",
    );
    let carried = view["private_metadata"].as_str().unwrap_or_default();
    check(carried.len() <= 3000, "private_metadata");
    check(view.to_string().len() <= 250_000, "the whole");
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "section" => text(&mut wrong, "section", &block["text"], 3000),
            "context" => text(&mut wrong, "context", &block["elements"][0], 3000),
            "input" => {
                text(&mut wrong, "label", &block["label"], 2000);
                let element = &block["element"];
                if block.get("hint").is_some() {
                    text(&mut wrong, "hint", &block["hint"], 2000);
                }
                if element.get("placeholder").is_some() {
                    text(&mut wrong, "placeholder", &element["placeholder"], 150);
                }
                if element.get("initial_option").is_some() {
                    text(&mut wrong, "option", &element["initial_option"]["text"], 75);
                }
                let initial = element["initial_value"].as_str().unwrap_or_default();
                let most = element["max_length"].as_u64().unwrap_or(3000);
                if initial.encode_utf16().count() as u64 > most.min(3000) {
                    wrong.push("initial_value".to_owned());
                }
            }
            "rich_text" => {
                for part in block["elements"].as_array().unwrap() {
                    text(&mut wrong, "rich text", &part["elements"][0], 3000);
                }
            }
            other => wrong.push(format!("a block of type {other}")),
        }
    }
    wrong
}

fn text(wrong: &mut Vec<String>, what: &str, object: &Value, most: usize) {
    let said = object["text"].as_str().unwrap();
    if said.is_empty() || said.encode_utf16().count() > most {
        wrong.push(format!("{what}: {said:?}"));
    }
    if object["type"] == "mrkdwn" {
        if object["verbatim"] != true {
            wrong.push(format!("{what} is not verbatim"));
        }
        let pings = said.contains("<!channel>") || said.contains("<@U0BOB>");
        if pings {
            wrong.push(format!("{what} pings: {said:?}"));
        }
    }
}
