//! The paths that every request and check goes through, one by one.

use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use keylend::{
    domain::{Actor, Command, GroupName, Person, Span, Standing, UserId, Username, decide},
    grants::Grants,
    policy::{Action, Facts, Policy, TicketFact},
    store::Store,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "each benchmark uses its own part")]
mod support;

/// How long a check waits for memory to know the log.
const PATIENCE: Duration = Duration::from_millis(250);

fn check(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let now = support::now();
    let end = Span::minutes(60).after(now);
    let grants = runtime.block_on(async {
        let store = support::store(folder.path()).await;
        support::fill(
            &store,
            (0..100_000).map(|number| support::active(number, now, end)),
        )
        .await;
        let store: Arc<dyn Store> = store;
        Arc::new(Grants::load(store).await.unwrap())
    });
    let following = grants.clone();
    runtime.spawn(async move { following.follow(CancellationToken::new()).await });
    let held = runtime.block_on(async {
        let known = grants.caught_up_within(PATIENCE).await.unwrap();
        known
            .check("engineer7@example.com", &support::scope_id(), now)
            .is_some()
    });
    assert!(held, "what is measured is a yes");
    criterion.bench_function("check, 100,000 active grants", |bencher| {
        let scope = support::scope_id();
        bencher.to_async(&runtime).iter(|| async {
            let known = grants.caught_up_within(PATIENCE).await;
            black_box(
                known.map(|known| known.check("engineer7@example.com", &scope, now).is_some()),
            )
        });
    });
}

fn rules(criterion: &mut Criterion) {
    let policy = Policy::base();
    let (scope, administrators) = (support::scope(), BTreeSet::new());
    let bob = Person {
        id: UserId::new("U0BOB"),
        name: "bob".to_owned(),
        standing: Standing::Member,
        email: None,
        username: Some(Username::new("bob")),
        groups: BTreeSet::from([GroupName::new("dba")]),
    };
    let requester = UserId::new("U0ALICE");
    criterion.bench_function("policy: may this person approve", |bencher| {
        bencher.iter(|| {
            policy.judge(
                Action::Approve,
                &Facts {
                    principal: &bob,
                    requester: &requester,
                    scope: Some(&scope),
                    administrators: &administrators,
                    duration: Span::minutes(30),
                    ticket: TicketFact::Given,
                    locked: false,
                    held: 0,
                    cap: 3,
                    excluded_by: BTreeSet::new(),
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

criterion_group!(benches, check, rules, decisions);
criterion_main!(benches);
