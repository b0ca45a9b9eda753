//! A request that waits for approval, and what it is told.

use chrono::DateTime;
use keylend::domain::{
    Actor, AskKey, ChannelId, Command, Email, Event, Human, Occurred, Refusal, Request, RequestId,
    Risk, Span, Terms, Time, UserId, Username, decide, open,
};

pub(crate) fn start() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn tell_at(request: &mut Request, command: Command, now: Time) -> Result<(), Refusal> {
    for event in decide(request, command, now)? {
        request.apply(&event);
    }
    Ok(())
}

pub(crate) fn tell(request: &mut Request, command: Command) -> Result<(), Refusal> {
    tell_at(request, command, start())
}

/// What Alice asked for, which needs so many approvals and lapses after an hour.
pub(crate) fn pending(approvals_needed: u8) -> Request {
    let alice = UserId::new("U0ALICE");
    let first = Occurred {
        at: start(),
        actor: Actor::Person(alice.clone()),
        rules: Vec::new(),
        event: Event::Requested {
            ask_key: AskKey::derive("a trigger"),
            requester: alice,
            email: Email::new("alice@example.com"),
            human: Human::default(),
            username: Username::new("alice"),
            terms: Terms {
                scope: "db-prod:write".parse().unwrap(),
                title: "Production database, write".into(),
                environment: None,
                risk: Risk::High,
                duration: Span::minutes(30),
                reason: "writes are failing".into(),
                ticket: None,
                layers: Vec::new(),
                residual: Span::default(),
                ends_early: true,
                dangerous: false,
            },
            approvals_needed,
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: Span::minutes(60).after(start()),
            starts_at: None,
            stages: Vec::new(),
        },
    };
    open(RequestId::new(start(), 1), &first)
}
