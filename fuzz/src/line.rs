//! A command line never names what is not in the catalogue, and what is echoed of it is no markup.

use keylend::{
    domain::{Catalogue, ChannelId, ReasonRule, Risk, Scope, ScopeId, Span, TicketRule, Username},
    slack::{
        arguments::{Draft, HowLong, Named, Unclear, Wanted, Word},
        commands::{
            Typed, done, explain, extend, lock, read, release, request, revoke, status, unlock,
            who, withdraw,
        },
        view::{answer, refusal, text},
    },
};
use regex::Regex;

use super::text::is_harmless;

pub fn holds(data: &[u8]) {
    let Ok(typed) = std::str::from_utf8(data) else {
        return;
    };
    let catalogue = catalogue();
    let found = found(typed, &catalogue);
    let around = format!("  {typed}\n");
    assert_eq!(self::found(&around, &catalogue), found, "{typed:?}");
    let (command, words) = match found {
        Found::Command(command, words) => (command, words),
        Found::Unknown(written, nearest) => {
            let said = answer::unknown_command(&written, nearest, "The help.");
            let said = said.strip_suffix("\nThe help.").unwrap_or(&said);
            return is_harmless(said);
        }
    };
    match command {
        "request" | "break-glass" => {
            is_of_the_catalogue(&request::parse(&words, &catalogue), &catalogue)
        }
        "withdraw" => names_what_is_there(&withdraw::parse(&words, &catalogue), &catalogue),
        "extend" => {
            let extend = extend::parse(&words, &catalogue);
            names_what_is_there(&extend.what, &catalogue);
            extend
                .more
                .into_iter()
                .for_each(|more| reads_back(more, &catalogue));
            assert!(extend.more.is_none() || extend.unclear.is_none());
            is_harmless(&text::escape(&extend.reason, 3000));
            let unclear = extend.unclear.unwrap_or_default();
            is_harmless(&text::escape(&refusal::not_a_duration(&unclear), 1000));
        }
        "done" => names_what_is_there(&done::parse(&words, &catalogue).what, &catalogue),
        "explain" => names_what_is_there(&explain::parse(&words, &catalogue), &catalogue),
        "who" => {
            let who = who::parse(&words, &catalogue);
            names_what_is_there(&who.what, &catalogue);
            if let who::When::Unclear(written) = &who.at {
                is_harmless(&answer::not_a_time(written));
            }
        }
        "unlock" => names_what_is_there(&unlock::parse(&words, &catalogue), &catalogue),
        "lock" => {
            let lock = lock::parse(&words, &catalogue);
            names_what_is_there(&lock.what, &catalogue);
            lock.how_long
                .into_iter()
                .for_each(|how_long| reads_back(how_long, &catalogue));
            is_harmless(&text::escape(&lock.reason, 3000));
        }
        "revoke" => {
            let (what, reason) = revoke::parse(&words, &catalogue);
            names_what_is_there(&what, &catalogue);
            is_harmless(&text::escape(&reason, 3000));
        }
        "release" => {
            let (login, reason) = release::parse(&words);
            is_harmless(&answer::released(&Username::new(login)));
            is_harmless(&text::escape(&reason, 3000));
        }
        "status" => names_what_is_there(&status::parse(&words, &catalogue), &catalogue),
        "help" | "incident" | "reviews" => {}
        other => panic!("no rule for the words behind {other}"),
    }
}

/// What a line is, by the names of its commands.
#[derive(Debug, PartialEq)]
enum Found {
    Command(&'static str, Vec<Word>),
    Unknown(String, Option<&'static str>),
}

fn found(typed: &str, catalogue: &Catalogue) -> Found {
    match read(typed, catalogue) {
        Typed::Command(command, words) => Found::Command(command.name, words),
        Typed::Unknown { written, nearest } => {
            Found::Unknown(written, nearest.map(|command| command.name))
        }
    }
}

fn is_of_the_catalogue(draft: &Draft, catalogue: &Catalogue) {
    match &draft.scope {
        Wanted::Nothing => {}
        Wanted::Scope(id) => {
            assert!(catalogue.contains_key(id), "{id}");
            asks_for_the_same(id, draft, catalogue);
        }
        Wanted::Unknown { written, like } => are_suggestions(written, like, catalogue),
    }
    draft
        .duration
        .into_iter()
        .for_each(|duration| reads_back(duration, catalogue));
    for unclear in &draft.unclear {
        is_harmless(&text::escape(&refusal::unclear(unclear), 1000));
        // What was taken for a duration is not understood as one.
        if let Unclear::Duration(written) = unclear {
            assert_eq!(draft.duration, None, "{written:?}");
        }
    }
    assert!(draft.channels.len() <= 5);
    let plain = |id: &ChannelId| {
        let mut bytes = id.as_str().bytes();
        bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    assert!(draft.channels.iter().all(plain), "{:?}", draft.channels);
    is_harmless(&text::escape(&draft.reason, 3000));
    let ticket = draft.ticket.as_deref().unwrap_or_default();
    is_harmless(&text::escape(ticket, 200));
}

/// What was understood, put as the help puts it, is understood so again.
fn asks_for_the_same(id: &ScopeId, draft: &Draft, catalogue: &Catalogue) {
    // A ticket with a quote in it would be read as a quotation.
    if (draft.ticket.iter()).any(|ticket| ticket.contains(['"', '“', '”', '„', '«', '»'])) {
        return;
    }
    let mut words = vec![format!("request {id}")];
    words.extend(draft.duration.map(|duration| duration.to_string()));
    words.extend(draft.ticket.clone());
    let Found::Command("request", again) = found(&words.join(" "), catalogue) else {
        panic!("{words:?} is no request");
    };
    let again = request::parse(&again, catalogue);
    assert_eq!(again.scope, draft.scope);
    assert_eq!(
        (again.duration, &again.ticket),
        (draft.duration, &draft.ticket),
        "{words:?}"
    );
    assert_eq!(
        (again.reason.as_str(), again.unclear),
        ("", Vec::new()),
        "{words:?}"
    );
}

fn names_what_is_there(what: &Named, catalogue: &Catalogue) {
    match what {
        Named::Scope(id) => assert!(catalogue.contains_key(id), "{id}"),
        Named::Unknown { written, like } => are_suggestions(written, like, catalogue),
        Named::Person(id) => {
            let shown = text::person(id);
            let inner = shown
                .strip_prefix("<@")
                .and_then(|shown| shown.strip_suffix('>'));
            assert_eq!(inner, Some(id.as_str()));
            is_harmless(id.as_str());
        }
        Named::Address(address) => is_harmless(&answer::nobody_has(address)),
        Named::Nothing | Named::Request(_) | Named::Me | Named::Everything => {}
    }
}

fn are_suggestions(written: &str, like: &[ScopeId], catalogue: &Catalogue) {
    assert!(like.len() <= 5 && like.iter().all(|id| catalogue.contains_key(id)));
    is_harmless(&answer::no_such(written, like));
}

/// What is shown of it, typed again, is the same.
fn reads_back(how_long: HowLong, catalogue: &Catalogue) {
    let typed = format!("extend {how_long}");
    let Found::Command("extend", words) = found(&typed, catalogue) else {
        panic!("{typed:?} is no extension");
    };
    let again = extend::parse(&words, catalogue);
    assert_eq!(
        (again.more, again.unclear),
        (Some(how_long), None),
        "{typed:?}"
    );
}

fn catalogue() -> Catalogue {
    let scope = |id: &str, ticket: Option<&str>| {
        let id: ScopeId = id.parse().expect("it is a scope's name");
        let scope = Scope {
            id: id.clone(),
            title: "A title".to_owned(),
            environment: None,
            risk: Risk::High,
            default_duration: Span::minutes(30),
            max_duration: Span::minutes(60),
            max_total: Span::minutes(60),
            requesters: [].into(),
            approvers: [].into(),
            approvals: std::num::NonZeroU8::MIN,
            stages: Vec::new(),
            approval_channel: ChannelId::new("C0DBA"),
            reason: ReasonRule::Required,
            ticket: ticket.map(|pattern| TicketRule {
                pattern: Regex::new(pattern).expect("it is a regular expression"),
                required: true,
                example: None,
            }),
            on_leave: keylend::domain::OnLeave::End,
            ends_early: true,
            dangerous: false,
            break_glass: false,
            residual: Span::default(),
            layers: Vec::new(),
        };
        (id, scope)
    };
    [
        scope("db-prod:write", Some("^INC-[0-9]+$")),
        scope("db-prod:read", None),
        scope("DB-Prod:read", None),
        scope("k8s/payments:admin", Some("[a-z]")),
    ]
    .into()
}
