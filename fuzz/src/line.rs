//! A command line never names what is not in the catalogue, and what is echoed of it is no markup.

use keylend::{
    domain::{Catalogue, ChannelId, ReasonRule, Risk, Scope, ScopeId, Span, TicketRule, Username},
    slack::{
        actions::line::{Draft, Line, Named, Wanted, parse},
        view::{answer, text},
    },
};
use regex::Regex;

use super::text::is_harmless;

pub fn holds(data: &[u8]) {
    let Ok(typed) = std::str::from_utf8(data) else {
        return;
    };
    let catalogue = catalogue();
    let line = parse(typed, &catalogue);
    assert_eq!(
        parse(&format!("  {typed}\n"), &catalogue),
        line,
        "{typed:?}"
    );
    match line {
        Line::Request(draft) => is_of_the_catalogue(&draft, &catalogue),
        Line::Done { what, .. } | Line::Who(what) | Line::Unlock(what) | Line::Explain(what) => {
            names_what_is_there(&what, &catalogue);
        }
        Line::Extend { what, more } => {
            names_what_is_there(&what, &catalogue);
            more.into_iter().for_each(reads_back);
        }
        Line::Revoke { what, reason } | Line::Lock { what, reason } => {
            names_what_is_there(&what, &catalogue);
            is_harmless(&text::escape(&reason, 3000));
        }
        Line::Release { name, reason } => {
            is_harmless(&answer::released(&Username::new(name)));
            is_harmless(&text::escape(&reason, 3000));
        }
        Line::Unknown { written, like } => is_harmless(&answer::unknown_command(&written, like)),
        Line::Status | Line::Help => {}
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
    draft.duration.into_iter().for_each(reads_back);
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
    let Line::Request(again) = parse(&words.join(" "), catalogue) else {
        panic!("{words:?} is no request");
    };
    assert_eq!(again.scope, draft.scope);
    assert_eq!(
        (again.duration, &again.ticket),
        (draft.duration, &draft.ticket),
        "{words:?}"
    );
    assert_eq!(again.reason, "");
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
        Named::Nothing | Named::Request(_) | Named::Everything => {}
    }
}

fn are_suggestions(written: &str, like: &[ScopeId], catalogue: &Catalogue) {
    assert!(like.len() <= 5 && like.iter().all(|id| catalogue.contains_key(id)));
    is_harmless(&answer::no_such(written, like));
}

fn reads_back(span: Span) {
    assert_eq!(span.to_string().parse(), Ok(span));
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
            requesters: [].into(),
            approvers: [].into(),
            approvals: std::num::NonZeroU8::MIN,
            approval_channel: ChannelId::new("C0DBA"),
            reason: ReasonRule::Required,
            ticket: ticket.map(|pattern| TicketRule {
                pattern: Regex::new(pattern).expect("it is a regular expression"),
                required: true,
            }),
            on_leave: keylend::domain::OnLeave::End,
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
