//! A long log.

use keylend::{
    domain::{
        Actor, AskKey, ChannelId, Email, Event, Human, Occurred, RequestId, Risk, Span, Terms,
        Time, UserId, Username,
    },
    store::{Change, Commit, Ledger},
};

use crate::support::fixture::{ALICE, APPROVALS};

/// A history in which one person asks and thinks better of it, again and again.
pub async fn write_history(store: &dyn Ledger, requests: usize, reason: &str) {
    let numbers: Vec<usize> = (0..requests).collect();
    for some in numbers.chunks(500) {
        let changes = some.iter().map(|number| {
            let id = RequestId::new(Time::UNIX_EPOCH, u32::try_from(*number).unwrap());
            let requester = UserId::new(ALICE);
            let occurred = |event| Occurred {
                at: Time::UNIX_EPOCH,
                actor: Actor::Person(requester.clone()),
                rules: Vec::new(),
                event,
            };
            let first = occurred(Event::Requested {
                ask_key: AskKey::derive(&number.to_string()),
                human: Human::default(),
                requester: requester.clone(),
                email: Email::new("alice@example.com"),
                username: Username::new("alice"),
                terms: Terms {
                    scope: "db-prod:write".parse().unwrap(),
                    title: "Production database, write".to_owned(),
                    environment: None,
                    risk: Risk::Low,
                    duration: Span::minutes(10),
                    reason: reason.to_owned(),
                    ticket: None,
                    layers: Vec::new(),
                    residual: Span::default(),
                    ends_early: true,
                    dangerous: false,
                },
                approvals_needed: 1,
                stages: Vec::new(),
                approval_channel: ChannelId::new(APPROVALS),
                mirrors: Vec::new(),
                lapses_at: Time::UNIX_EPOCH,
                starts_at: None,
            });
            Change::first(id, first, vec![occurred(Event::Withdrawn {})])
        });
        let changes = changes.collect();
        let commit = Commit {
            changes,
            ..Commit::default()
        };
        store.commit(commit).await.unwrap();
    }
}
