//! What people read in Slack: every card, line and notice, in every state.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod forms;
mod home;
mod limits;
mod locks;
mod notes;
mod notifications;
mod questions;
mod review;
mod starting;
mod story;
mod validators;

use std::{collections::BTreeSet, fmt::Write as _, sync::LazyLock};

use keylend::{
    domain::{
        Actor, BackendName, Entitlement, Human, Leftover, Leftovers, LockEvent, LockTarget, Login,
        LoginName, Removal, Span, State, Terms, UnexplainedAccess, UnexplainedEvent,
    },
    presentation::Place,
    slack::{
        client::{ChannelTrouble, Message},
        view::{
            card::{Context, call, card},
            line::{line, lock_line, notice},
            reduced,
        },
    },
    store::{Entry, EntryBody},
};
use regex::Regex;
use serde_json::{Value, json};
use story::{Story, every_state, terms};

const PLACES: [Place; 5] = [
    Place::Approval,
    Place::Extension,
    Place::Asked,
    Place::Audit,
    Place::Mirror,
];

static CONTEXT: LazyLock<Context> = LazyLock::new(|| Context {
    has_credentials: true,
    unreachable: None,
    lock: None,
    break_glass: false,
    logins: [
        ("pg-prod", LoginName::Named("alice".to_owned())),
        ("pg-stage", LoginName::New),
    ]
    .map(|(target, name)| Login {
        target: BackendName::new(target),
        // PostgreSQL does not tell which session uses what it was granted.
        closes_sessions: name != LoginName::New,
        name,
    })
    .into(),
});

/// Everything that a person could write to break a message or to fake one.
const HOSTILE: [&str; 9] = [
    "<!channel>",
    ":skull:",
    "```\n",
    "\u{202e}\u{1b}\u{9b}31m",
    "&",
    "`*_~",
    "\n> ",
    "😀",
    "<@U0BOB|Approved> & *Approved by* <!date^0^{date}|now>\n\n",
];

#[test]
fn approval_cards_show_who_what_how_long_and_why_and_then_the_record() {
    insta::assert_snapshot!(in_every_state(Place::Approval));
}

#[test]
fn extension_cards_show_the_question_and_then_the_record() {
    insta::assert_snapshot!(in_every_state(Place::Extension));
}

#[test]
fn requesters_see_one_message_from_the_request_to_the_end() {
    insta::assert_snapshot!(in_every_state(Place::Asked));
}

#[test]
fn threads_have_a_head_that_says_how_it_stands() {
    insta::assert_snapshot!(in_every_state(Place::Audit));
}

#[test]
fn lines_and_notices_say_each_transition_once() {
    let mut out = String::new();
    let mut told = BTreeSet::new();
    for (name, story) in every_state(None) {
        writeln!(out, "## {name}").unwrap();
        for (entry, request) in &story.log {
            let mut lines = match line(entry, request, &CONTEXT.logins) {
                Some(line) => format!("{line}\n"),
                None => format!("({} has no line)\n", kind(entry)),
            };
            if let Some(notice) = notice(entry, request) {
                writeln!(lines, "    to the requester: {notice}").unwrap();
            }
            if told.insert(lines.clone()) {
                out.push_str(&lines);
            }
        }
    }
    insta::assert_snapshot!(with_short_times(&out));
}

#[test]
fn lock_lines_name_what_is_locked_and_by_whom() {
    let lock = |event| lock_line(&lock_entry(event)).unwrap();
    let locked = |target| LockEvent::Locked {
        target,
        person: Human::default(),
        reason: "incident <!channel>".to_owned(),
        until: None,
    };
    let lifted = Entry {
        actor: Actor::Keylend,
        ..lock_entry(LockEvent::Unlocked {
            target: LockTarget::Everything,
        })
    };
    let until = LockEvent::Locked {
        target: LockTarget::Everything,
        person: Human::default(),
        reason: "a leak".to_owned(),
        until: Some("2099-11-21T10:00:00Z".parse().unwrap()),
    };
    let until = lock(until);
    assert!(
        until.contains("*Everything* locked by <@U0BOB> until <!date^"),
        "{until}"
    );
    assert!(until.ends_with(": a leak"), "{until}");
    let lifted = lock_line(&lifted).unwrap();
    let over = ":unlock: *Everything* unlocked: the time of the lock is over";
    assert!(lifted.ends_with(over), "{lifted}");
    let lines = [
        lock(locked(LockTarget::Everything)),
        lock(locked(LockTarget::Scope("db-prod:write".parse().unwrap()))),
        lock(locked(LockTarget::Person(story::alice()))),
        lock(LockEvent::Unlocked {
            target: LockTarget::Everything,
        }),
    ];
    insta::assert_snapshot!(with_short_times(&lines.join("\n")));
}

#[test]
fn lines_of_unexplained_access_name_it_and_who_revokes_it() {
    let access = UnexplainedAccess {
        backend: BackendName::new("pg-prod"),
        holder: "al`ice <!channel>".to_owned(),
        title: "role app_writer".to_owned(),
        entitlement: Entitlement::new("pg-prod/e"),
    };
    let line = |event| {
        let mut entry = lock_entry(LockEvent::Unlocked {
            target: LockTarget::Everything,
        });
        entry.actor = Actor::Keylend;
        entry.body = EntryBody::Unexplained(event);
        lock_line(&entry).unwrap()
    };
    let started = line(UnexplainedEvent::UnexplainedRevocationStarted {
        access: access.clone(),
        operator: "root (uid 0)".to_owned(),
    });
    let named = "`role app_writer` of `al?ice ?!channel?` in `pg-prod`";
    let begins =
        format!(":warning: {named} is being revoked by `root (uid 0)`: no request explains it");
    assert!(started.ends_with(&begins), "{started}");
    let revoked = line(UnexplainedEvent::UnexplainedRevoked {
        access: access.clone(),
    });
    assert!(
        revoked.contains(&format!("{named}: removal confirmed")),
        "{revoked}"
    );
    let error = "<!here>".to_owned();
    let failed = line(UnexplainedEvent::UnexplainedRevokeFailed { access, error });
    assert!(
        failed.contains("couldn't revoke") && failed.contains(": &lt;!here&gt;."),
        "{failed}"
    );
}

#[test]
fn buttons_are_there_only_while_a_click_can_do_something() {
    for (name, story) in every_state(None) {
        let open = story.request.is_open();
        let waits = story.request.awaits_decision();
        for place in PLACES {
            let Some(card) = card(place, &story.request, &CONTEXT) else {
                continue;
            };
            let buttons = buttons(&card);
            let decides = buttons.iter().any(|button| button.action == "approve");
            assert!(!decides || waits, "{name}, {place:?}: {buttons:?}");
            let asks_again = |button: &Button| button.action == "request_again";
            let is_over = buttons.iter().all(asks_again);
            assert!(
                is_over != open || buttons.is_empty(),
                "{name}, {place:?}: {buttons:?}"
            );
            for button in buttons {
                let shown = format!("{}.{}", story.request.id, story.request.revision);
                assert_eq!(button.value, shown, "{name}, {place:?}");
            }
        }
    }
}

#[test]
fn credentials_are_offered_only_where_there_are_some() {
    let active = Story::begin(terms(None), 1).approve("U0BOB").active();
    for has_credentials in [false, true] {
        let card = card(
            Place::Asked,
            &active.request,
            &Context {
                has_credentials,
                ..Context::default()
            },
        )
        .unwrap();
        let offers = buttons(&card)
            .iter()
            .any(|button| button.action == "credentials");
        assert_eq!(offers, has_credentials);
    }
}

#[test]
fn who_decides_sees_the_login_and_nothing_that_its_name_could_fake() {
    let story = Story::begin(terms(None), 1);
    for (name, shown) in [
        ("alice", "`alice` on `pg-prod`"),
        ("`<!channel>", "`??!channel?` on"),
    ] {
        let login = Login {
            target: BackendName::new("pg-prod"),
            name: LoginName::Named(name.to_owned()),
            closes_sessions: false,
        };
        let context = Context {
            logins: vec![login],
            ..Context::default()
        };
        for place in [Place::Approval, Place::Asked] {
            let card = card(place, &story.request, &context).unwrap();
            assert!(card.text.contains(shown), "{}", card.text);
        }
    }
}

#[test]
fn access_from_before_the_grant_is_said_to_stay_on_every_card_and_in_the_notice_of_the_end() {
    let active = Story::begin(terms(None), 1)
        .approve("U0BOB")
        .active_with(false, None);
    let said = |place, story: &Story| {
        card(place, &story.request, &Context::default())
            .unwrap()
            .text
    };
    let you = "You already had `app_writer` on `pg-prod` before. Keylend doesn't revoke that.";
    assert!(said(Place::Asked, &active).contains(you));
    let they = "<@U0ALICE> already had `app_writer` on `pg-prod` before.";
    assert!(said(Place::Approval, &active).contains(they));

    let ended = active.expire().gone_by(Removal::Preexisting);
    let you = "You still have `app_writer` on `pg-prod`: it predates this grant.";
    let they = "<@U0ALICE> still has `app_writer` on `pg-prod`: it predates this grant.";
    assert!(said(Place::Asked, &ended).contains(you));
    assert!(said(Place::Approval, &ended).contains(they));
    let (entry, request) = ended.log.last().unwrap();
    assert!(notice(entry, request).unwrap().contains(you));
    assert!(line(entry, request, &[]).unwrap().contains(they));
}

/// A target that cannot tell what others granted meanwhile says so, if anything was revoked.
#[test]
fn what_a_target_says_of_the_end_is_told_where_it_ended_the_access() {
    let caveat = "That ended too.";
    let active = Story::begin(terms(None), 1)
        .approve("U0BOB")
        .active_with(true, Some(caveat));
    let said = |story: &Story| {
        let (entry, request) = story.log.last().unwrap();
        let card = card(Place::Asked, &story.request, &Context::default()).unwrap();
        [card.text, notice(entry, request).unwrap_or_default()]
    };
    assert!(said(&active).iter().all(|text| !text.contains(caveat)));
    let ended = active.expire().gone();
    assert!(said(&ended).iter().all(|text| text.contains(caveat)));
    let retained = active.expire().gone_by(Removal::RetainedByGrant {
        request: ended.request.id,
    });
    assert!(said(&retained).iter().all(|text| !text.contains(caveat)));
}

#[test]
fn what_a_grantee_left_behind_is_listed_at_the_end_and_harmless_to_read() {
    let thing = |what: &str, dropped| Leftover {
        what: what.to_owned(),
        dropped,
    };
    let active = Story::begin(terms(None), 1).approve("U0BOB").active();
    let said = |leftovers| {
        let ended = active.expire().gone_leaving(Removal::Removed, leftovers);
        let (entry, request) = ended.log.last().unwrap();
        let card = |place| {
            let card = card(place, &ended.request, &Context::default());
            card.unwrap().text
        };
        let you = [card(Place::Asked), notice(entry, request).unwrap()];
        let they = [card(Place::Approval), line(entry, request, &[]).unwrap()];
        (you, they)
    };
    let some = Leftovers::new([
        thing("SELECT on table orders to alice", false),
        thing("function <!channel>f()", true),
    ]);
    let (you, they) = said(some);
    let things = "left 2 things in `pg-prod`: SELECT on table orders to alice; function \
                  &lt;!channel&gt;f() (dropped).";
    for text in you {
        assert!(text.contains(&format!("You {things}")), "{text}");
    }
    for text in they {
        assert!(text.contains(&format!("<@U0ALICE> {things}")), "{text}");
    }

    let many = Leftovers::new((0..30).map(|number| thing(&format!("table t{number}"), false)));
    let (you, _) = said(many.but_unsearched("no connection"));
    for text in you {
        assert!(text.contains("left 30 things"), "{text}");
        assert!(text.contains("table t3; 26 more."), "{text}");
        let unsearched =
            "Keylend couldn't fully search `pg-prod` for what was left behind: no connection.";
        assert!(text.contains(unsearched), "{text}");
    }
    let (you, _) = said(Leftovers::default());
    assert!(you.iter().all(|text| !text.contains("left behind")));
}

#[test]
fn access_that_reaches_more_than_data_is_called_dangerous_before_approval() {
    let terms = Terms {
        dangerous: true,
        ..terms(None)
    };
    let pending = Story::begin(terms, 1);
    let card = card(Place::Approval, &pending.request, &Context::default()).unwrap();
    assert!(card.text.contains("Dangerous"), "{}", card.text);
    assert!(
        card.text.contains("may reach more than data"),
        "{}",
        card.text
    );
}

#[test]
fn access_that_may_keep_working_is_said_before_approval_and_after_the_end() {
    let terms = Terms {
        residual: Span::minutes(15),
        ..terms(None)
    };
    let pending = Story::begin(terms, 1);
    let shown = |place, story: &Story| {
        let card = card(place, &story.request, &Context::default()).unwrap();
        with_short_times(&card.text)
    };
    let before = "may keep working for up to 15m";
    assert!(shown(Place::Approval, &pending).contains(before));
    let active = pending.approve("U0BOB").active();
    assert!(!shown(Place::Asked, &active).contains("keep working"));
    let ended = active.expire().gone();
    let State::Ended { at, .. } = ended.request.state else {
        panic!("it has not ended");
    };
    let until = Span::minutes(15).after(at).timestamp().to_string();
    for place in [Place::Approval, Place::Asked] {
        let card = card(place, &ended.request, &Context::default()).unwrap();
        let sentence = format!("It may keep working until <!date^{until}^");
        assert!(card.text.contains(&sentence), "{}", card.text);
    }
}

#[test]
fn a_requester_whose_approvers_cannot_be_reached_reads_why() {
    let story = Story::begin(terms(None), 1);
    for (why, words) in [
        (ChannelTrouble::Archived, "is archived"),
        (ChannelTrouble::NotAMember, "Keylend is not a member of"),
        (ChannelTrouble::Unknown, "does not let Keylend see"),
        (ChannelTrouble::Shared, "is shared with another company"),
        (ChannelTrouble::Refused, "rejects messages in"),
    ] {
        let context = Context {
            unreachable: Some(why),
            ..Context::default()
        };
        let waiting = card(Place::Asked, &story.request, &context).unwrap();
        assert!(waiting.text.contains("Approvers can't see this request"));
        assert!(waiting.text.contains(words), "{}", waiting.text);
        let decided = story.approve("U0BOB");
        let decided = card(Place::Asked, &decided.request, &context).unwrap();
        assert!(!decided.text.contains("can't see"));
    }
}

#[test]
fn a_second_extension_calls_anew() {
    let active = Story::begin(terms(None), 1).approve("U0BOB").active();
    let first = active.more_time();
    let extended = first.approve("U0BOB");
    let second = extended.more_time();
    let calls = |story: &Story| call(Place::Extension, &story.request);
    assert_eq!(calls(&extended), None);
    assert!(calls(&first).is_some() && calls(&first) != calls(&second));
}

#[test]
fn nobody_is_told_that_they_have_what_is_over_or_that_what_was_extended_ends_soon() {
    let active = Story::begin(terms(None), 1).approve("U0BOB").active();
    let warned = active.warned();
    let told = |of: &Story, now: &Story| notice(&of.log.last().unwrap().0, &now.request);
    assert!(told(&active, &active).is_some() && told(&warned, &warned).is_some());
    let extended = warned.more_time().approve("U0BOB");
    assert_eq!(told(&warned, &extended), None);
    let ended = warned.expire().gone();
    assert_eq!(told(&active, &ended), None);
    assert_eq!(told(&warned, &ended), None);
}

#[test]
fn a_long_reason_is_shown_whole() {
    let reason = "because ".repeat(625);
    let mut asked = terms(None);
    asked.reason = reason.clone();
    let story = Story::begin(asked, 1);
    let card = card(Place::Approval, &story.request, &CONTEXT).unwrap();
    assert_eq!(quoted(&blocks(&card)), reason.trim());
}

/// The marks of Slack and of other chats, line ends, and what Slack would make a link or an emoji.
const TYPED: &str = "*bold* _it_ ~no~ `code`\n> quoted\n```\nrm -rf /tmp/__x__\n```\n\n\
                     <!here> <@U0BOB> &lt; &amp; :skull: https://example.com a@example.com שלום";

#[test]
fn what_people_typed_is_quoted_as_they_typed_it() {
    for (name, story) in every_state(Some(TYPED)) {
        let Some(card) = card(Place::Approval, &story.request, &CONTEXT) else {
            continue;
        };
        let quoted = quoted(&blocks(&card));
        assert!(quoted.starts_with(TYPED), "{name}: {quoted}");
    }
}

#[test]
fn a_ticket_is_shown_as_it_was_typed() {
    for (ticket, shown) in [
        (
            "INC-4211",
            json!({"type": "mrkdwn", "text": "*Ticket*\nINC-4211", "verbatim": true}),
        ),
        (
            "OPS_1*2",
            json!({"type": "plain_text", "text": "Ticket\nOPS_1*2", "emoji": false}),
        ),
    ] {
        let mut asked = terms(None);
        asked.ticket = Some(ticket.to_owned());
        let story = Story::begin(asked, 1);
        let card = card(Place::Approval, &story.request, &CONTEXT).unwrap();
        let fields: Vec<Value> = blocks(&card)
            .iter()
            .flat_map(|block| block["fields"].as_array().cloned().unwrap_or_default())
            .collect();
        assert!(fields.contains(&shown), "{fields:#?}");
        let (entry, request) = &story.log[0];
        let line = Message::text(line(entry, request, &[]).unwrap());
        let said = match line.blocks.is_empty() {
            true => line.text,
            false => texts(&json!(line.blocks), |kind| kind == "text").concat(),
        };
        assert!(said.contains(&format!("ticket {ticket} ")), "{said}");
    }
}

#[test]
fn lines_that_change_direction_or_end_are_shown_to() {
    let mut asked = terms(None);
    asked.reason = "evil \u{202e}txt.exe".to_owned();
    let story = Story::begin(asked, 1);
    let shown = card(Place::Approval, &story.request, &CONTEXT).unwrap();
    assert_eq!(quoted(&blocks(&shown)), "evil ‹U+202E›txt.exe");
    let denied = "no\n10:42 *approved* by admin";
    let denied = Story::begin(terms(None), 1).deny(denied);
    let (entry, request) = denied.log.last().unwrap();
    for said in [line(entry, request, &[]), notice(entry, request)] {
        let said = Message::text(said.unwrap());
        let quoted = quoted(&blocks(&said));
        assert_eq!(quoted, "no\n10:42 *approved* by admin", "{said:?}");
        assert_eq!(said.text.lines().count(), 1, "{}", said.text);
    }
}

#[test]
fn another_company_reads_who_asks_for_what_and_how_long_alone() {
    let typed = "s3cr3t";
    let mut told = BTreeSet::new();
    for (name, story) in every_state(Some(typed)) {
        let shown = |request| card(Place::Audit, &reduced::request(request), &CONTEXT).unwrap();
        let head = shown(&story.request);
        let mut said = vec![format!("{}{}", head.text, json!(head.blocks))];
        for (entry, request) in &story.log {
            let reduced = reduced::entry(entry);
            let line = reduced.and_then(|entry| line(&entry, &reduced::request(request), &[]));
            told.extend(line.as_ref().map(|_| kind(entry).to_string()));
            said.extend(line);
        }
        for said in said {
            for secret in [typed, "pg-prod", "app_writer", "login", "rule"] {
                assert!(!said.contains(secret), "{name}: {said}");
            }
        }
    }
    for kind in ["requested", "approved", "denied", "activated", "ended"] {
        assert!(told.contains(&format!("\"{kind}\"")), "{kind}: {told:?}");
    }
    let lock = |target| {
        let locked = LockEvent::Locked {
            target,
            person: Human::default(),
            reason: typed.to_owned(),
            until: None,
        };
        let entry = reduced::entry(&lock_entry(locked))?;
        lock_line(&entry)
    };
    assert_eq!(lock(LockTarget::Person(story::alice())), None);
    let everything = lock(LockTarget::Everything).unwrap();
    assert!(!everything.contains(typed), "{everything}");
}

/// What no text from people may become.
const FORGED: [&str; 6] = [
    "<!channel",
    "<@U0BOB|",
    "\"user_id\":\"U0BOB|",
    "<!date^0",
    "\"name\":\"skull\"",
    "\u{202e}",
];

#[test]
fn no_text_from_people_breaks_a_limit_or_escapes() {
    for hostile in HOSTILE {
        let long: String = hostile.chars().cycle().take(10_000).collect();
        for (name, story) in every_state(Some(&long)) {
            for place in PLACES {
                let Some(card) = card(place, &story.request, &CONTEXT) else {
                    continue;
                };
                let wrong = limits::passed(&card);
                assert!(
                    wrong.is_empty(),
                    "{name}, {place:?}, {hostile:?}: {wrong:?}"
                );
                let all = format!("{}{}", card.text, interpreted(&json!(card.blocks)));
                for forged in FORGED.iter().chain(&["\n> \n"]) {
                    assert!(!all.contains(forged), "{name}, {place:?}: {forged}");
                }
                let shown = json!(card.blocks).to_string();
                assert!(!shown.contains('\u{200b}'), "{name}, {place:?}: {shown}");
            }
            for (entry, request) in &story.log {
                for said in [
                    line(entry, request, &CONTEXT.logins),
                    notice(entry, request),
                ] {
                    let said = said.unwrap_or_default();
                    assert!(said.encode_utf16().count() <= 3000, "{name}: {said}");
                    assert!(
                        !said.contains("<!channel") && !said.contains('\n'),
                        "{said}"
                    );
                }
            }
        }
    }
}

#[test]
fn slacks_own_libraries_accept_every_card() {
    let hostile: String = HOSTILE.concat().chars().cycle().take(10_000).collect();
    let mut cards = Vec::new();
    for words in [None, Some(hostile.as_str())] {
        for (_, story) in every_state(words) {
            let places = PLACES.iter();
            let shown = places.filter_map(|place| card(*place, &story.request, &CONTEXT));
            cards.extend(shown.map(|card| serde_json::to_value(&card).unwrap()));
        }
    }
    validators::accepts(&cards);
}

fn kind(entry: &Entry) -> Value {
    serde_json::to_value(&entry.body).unwrap()["kind"].clone()
}

fn lock_entry(event: LockEvent) -> Entry {
    entry_of(EntryBody::Lock(event), Actor::Person(story::bob()))
}

/// An entry about no request.
fn entry_of(body: EntryBody, actor: Actor) -> Entry {
    let (mut entry, _) = Story::begin(terms(None), 1).log.remove(0);
    entry.request_id = None;
    entry.actor = actor;
    entry.rules = Vec::new();
    entry.body = body;
    entry
}

#[derive(Debug)]
struct Button {
    action: String,
    label: String,
    style: String,
    value: String,
}

fn buttons(message: &Message) -> Vec<Button> {
    blocks(message).iter().flat_map(buttons_of).collect()
}

/// A message's blocks as Slack gets them.
fn blocks(message: &Message) -> Vec<Value> {
    message.blocks.iter().map(|block| json!(block)).collect()
}

/// The texts of the objects of some type, in reading order.
fn texts(value: &Value, is_wanted: fn(&str) -> bool) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().flat_map(|it| texts(it, is_wanted)).collect(),
        Value::Object(fields) => match (fields.get("type"), fields.get("text")) {
            (Some(Value::String(kind)), Some(Value::String(text))) => match is_wanted(kind) {
                true => vec![text.clone()],
                false => Vec::new(),
            },
            _ => fields
                .values()
                .flat_map(|it| texts(it, is_wanted))
                .collect(),
        },
        _ => Vec::new(),
    }
}

/// All that a message's blocks quote.
fn quoted(blocks: &[Value]) -> String {
    let parts = blocks
        .iter()
        .filter_map(|block| block["elements"].as_array());
    let quotes = parts
        .flatten()
        .filter(|part| part["type"] == "rich_text_quote");
    quotes
        .flat_map(|quote| texts(quote, |kind| kind == "text"))
        .collect()
}

/// Blocks without the texts in which Slack interprets nothing.
fn interpreted(blocks: &Value) -> String {
    fn without(value: &mut Value) {
        match value {
            Value::Array(all) => all.iter_mut().for_each(without),
            Value::Object(fields) if fields.get("type") == Some(&json!("text")) => {
                fields.remove("text");
            }
            Value::Object(fields) => fields.values_mut().for_each(without),
            _ => {}
        }
    }
    let mut blocks = blocks.clone();
    without(&mut blocks);
    blocks.to_string()
}

fn buttons_of(block: &Value) -> Vec<Button> {
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [block]
        .into_iter()
        .filter_map(|block| block["elements"].as_array())
        .flatten()
        .filter(|element| element["type"] == "button")
        .map(|element| Button {
            action: said(&element["action_id"]),
            label: said(&element["text"]["text"]),
            style: said(&element["style"]),
            value: said(&element["value"]),
        })
        .collect()
}

fn in_every_state(place: Place) -> String {
    let mut out = String::new();
    for (name, story) in every_state(None) {
        writeln!(out, "## {name}").unwrap();
        match card(place, &story.request, &CONTEXT) {
            Some(message) => out.push_str(&as_read(&message)),
            None => out.push_str("(nothing)\n"),
        }
    }
    with_short_times(&out)
}

/// Times as `‹10:00›`; [`text::time`](keylend::slack::view::text::time) has the whole of them.
fn with_short_times(text: &str) -> String {
    let time = Regex::new(r"<!date\^\d+\^[^|]*\|\S+ (\d\d:\d\d) UTC>").unwrap();
    time.replace_all(text, "‹$1›").into_owned()
}

/// A message as somebody reads it: the blocks, and what a screen reader says.
fn as_read(message: &Message) -> String {
    let mut out = String::new();
    for block in &blocks(message) {
        read_block(block, &mut out);
    }
    for button in buttons(message) {
        read_button(button, &mut out);
    }
    for line in message.text.lines() {
        writeln!(out, "text: {line}").unwrap();
    }
    out
}

fn read_button(button: Button, out: &mut String) {
    let (label, style) = (button.label, button.style);
    writeln!(out, "button: [{label}] {} {style}", button.action).unwrap();
}

fn read_block(block: &Value, out: &mut String) {
    if let Some(text) = block["text"]["text"].as_str() {
        writeln!(out, "{}: {text}", block["type"].as_str().unwrap()).unwrap();
    }
    for field in block["fields"].as_array().into_iter().flatten() {
        let field = field["text"].as_str().unwrap().replace('\n', " ");
        writeln!(out, "field: {field}").unwrap();
    }
    if block["type"] == "context" {
        writeln!(
            out,
            "context: {}",
            block["elements"][0]["text"].as_str().unwrap()
        )
        .unwrap();
    }
    if block["type"] == "rich_text" {
        for part in block["elements"].as_array().unwrap() {
            let kind = part["type"].as_str().unwrap();
            let elements = part["elements"].as_array().unwrap().iter();
            let said: String = elements.map(in_mrkdwn).collect();
            writeln!(out, "{kind}: {said}").unwrap();
        }
    }
}

/// A part of rich text as `mrkdwn` would have it.
fn in_mrkdwn(element: &Value) -> String {
    let said = |key: &str| element[key].as_str().unwrap_or_default().to_owned();
    match said("type").as_str() {
        "emoji" => format!(":{}:", said("name")),
        "user" => format!("<@{}>", said("user_id")),
        "channel" => format!("<#{}>", said("channel_id")),
        "date" => {
            let (unix, format) = (&element["timestamp"], said("format"));
            format!("<!date^{unix}^{format}|{}>", said("fallback"))
        }
        _ if element["style"]["bold"] == true => format!("*{}*", said("text")),
        _ if element["style"]["code"] == true => format!("`{}`", said("text")),
        _ => said("text"),
    }
}
