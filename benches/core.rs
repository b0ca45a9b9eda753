//! The paths that every request goes through, one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
};

use criterion::{Criterion, criterion_group, criterion_main};
use keylend::{
    domain::{Actor, Command, GroupName, Human, Person, Span, Standing, UserId, Username, decide},
    policy::{Action, Facts, Policy, TicketFact},
};

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

fn rules(criterion: &mut Criterion) {
    let policy = Policy::base();
    let (scope, administrators) = (support::scope(), BTreeSet::new());
    let bob = Person {
        id: UserId::new("U0BOB"),
        name: "bob".to_owned(),
        standing: Standing::Member,
        email: None,
        human: Human::new(&UserId::new("U0BOB"), None),
        username: Ok(Username::new("bob")),
        groups: BTreeSet::from([GroupName::new("dba")]),
        groups_read: Vec::new(),
        unknown_groups: BTreeMap::new(),
    };
    let requester = UserId::new("U0ALICE");
    let requester_human = Human::new(&requester, None);
    criterion.bench_function("policy: may this person approve", |bencher| {
        bencher.iter(|| {
            policy.evaluate(
                Action::Approve,
                &Facts {
                    principal: &bob,
                    requester: &requester,
                    requester_human: &requester_human,
                    scope: Some(&scope),
                    administrators: &administrators,
                    duration: Span::minutes(30),
                    total: Span::minutes(30),
                    is_extension: false,
                    ticket: TicketFact::Given,
                    locked: false,
                    principal_locked: false,
                    held: 0,
                    cap: 3,
                    excluded_by: BTreeSet::new(),
                    incident: false,
                    now: support::now(),
                },
            )
        });
    });
}

fn decisions(criterion: &mut Criterion) {
    let now = support::now();
    let (request, _) = support::active(1, now, Span::minutes(30).after(now));
    let by = Actor::Person(request.requester.clone());
    criterion.bench_function("domain: decide and apply the end of a grant", |bencher| {
        bencher.iter(|| {
            let cause = keylend::domain::EndCause::Done;
            let command = Command::End {
                by: by.clone(),
                rules: Vec::new(),
                cause,
            };
            let mut after = request.clone();
            for event in decide(&request, command, now).unwrap() {
                after.apply(&event);
            }
            black_box(after)
        });
    });
}

criterion_group!(benches, rules, decisions);
criterion_main!(benches);
