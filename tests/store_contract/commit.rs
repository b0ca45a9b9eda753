//! A commit is one transaction, checked against what it was decided on.

use std::sync::Arc;

use keylend::{
    domain::{
        Actor, ApprovalFacts, AskKey, Command, Event, Human, Lock, LockEvent, LockTarget,
        NameEvent, Parties, Request, Span, Username, Vote,
    },
    store::{Change, Commit, Database, DecidedOn, EntryBody, Ledger, LockChange, Record, Snapshot},
};

use crate::story::{
    self, active, approved, asked, asked_as, asked_for_two, at, commit, done, first_event, human,
    id, inspected, is_conflict, is_unavailable, made, only, revoked, then, user, withdrawn,
};

crate::holds!(
    a_commit_is_there_whole_or_not_at_all,
    a_change_decided_on_an_older_version_is_a_conflict,
    a_change_decided_on_an_older_entry_is_a_conflict_whatever_the_row_says,
    a_requests_name_is_given_once,
    a_request_is_asked_for_once_with_one_key,
    of_two_grants_decided_on_one_count_one_is_committed,
    of_two_requests_decided_on_one_count_one_is_committed,
    a_grant_decided_on_a_count_before_access_was_there_again_is_a_conflict,
    of_two_people_who_are_granted_one_name_at_once_one_is,
    a_grant_of_a_name_decided_on_before_anothers_access_started_under_it_is_a_conflict,
    a_decision_about_somebody_who_turns_out_to_be_more_is_a_conflict,
    a_lock_is_set_replaced_and_lifted_once,
    a_lock_set_again_ends_no_earlier_and_is_lifted_no_earlier,
    nothing_that_a_lock_covers_is_granted,
    nothing_that_somebody_approves_who_is_locked_is_granted,
    behind_a_lock_the_log_grants_nothing_whoever_commits_at_once,
    a_change_without_events_is_refused,
    one_persons_requests_are_found_open_and_past,
);

async fn a_commit_is_there_whole_or_not_at_all(store: Arc<dyn Database>) {
    let known = commit(&*store, asked("known", "carol", "db-prod:write", at(0))).await;
    let new = asked("new", "alice", "db-prod:write", at(1));
    let id = new.after().id;
    let stale = Request {
        version: 7,
        ..known.clone()
    };
    let stale = withdrawn(&stale, at(1));
    let result = store
        .commit(Commit {
            changes: vec![new, stale],
            lock: Some(set(LockTarget::Everything, "all of it")),
            ..Commit::default()
        })
        .await;
    assert!(is_conflict(result));

    assert_eq!(store.request(id).await.unwrap(), None);
    assert_eq!(store.request(known.id).await.unwrap(), Some(known));
    assert_eq!(store.locks().await.unwrap(), []);
    assert_eq!(store.raw_entries(0, 100).await.unwrap().len(), 1);
    assert_eq!(*store.head().borrow(), 1);
}

async fn a_request_is_asked_for_once_with_one_key(store: Arc<dyn Database>) {
    let key = AskKey::derive("delivered twice");
    assert_eq!(store.asked(&key).await.unwrap(), None);
    let delivered = |second| asked("delivered twice", "alice", "db-prod:write", at(second));
    // Each delivery makes a name of its own.
    let named_otherwise = |second, seed| {
        let id = id(seed);
        asked_as(id, "delivered twice", "alice", "db-prod:write", at(second))
    };
    let (first, second) = tokio::join!(
        store.commit(only(delivered(0))),
        store.commit(only(named_otherwise(1, "another name"))),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let made = store.asked(&key).await.unwrap().unwrap();
    assert!(store.request(made).await.unwrap().is_some());
    let late = store.commit(only(named_otherwise(2, "a third name"))).await;
    assert!(is_conflict(late));
    assert_eq!(store.raw_entries(0, 9).await.unwrap().len(), 1);
}

async fn a_change_decided_on_an_older_version_is_a_conflict(store: Arc<dyn Database>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let taken_back = commit(&*store, withdrawn(&request, at(1))).await;
    let late = approved(&request, &[("pg-prod", "role")], at(2));
    assert!(is_conflict(store.commit(only(late)).await));
    assert_eq!(store.request(request.id).await.unwrap(), Some(taken_back));
}

/// The row may be an old one that somebody put back.
async fn a_change_decided_on_an_older_entry_is_a_conflict_whatever_the_row_says(
    store: Arc<dyn Database>,
) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    commit(&*store, asked("other", "bob", "db-prod:write", at(0))).await;
    let lasts = store.last_seqs(&[request.id]).await.unwrap();
    assert_eq!(lasts, [(request.id, 1)].into());
    let snapshot = store.snapshot(request.id).await.unwrap();
    let expected = Snapshot {
        request: Some(request.clone()),
        last_seq: 1,
    };
    assert_eq!(snapshot, expected);
    let on = |last_seq| {
        let mut change = withdrawn(&request, at(1));
        change.last_seq = Some(last_seq);
        only(change)
    };
    for other in [0, 2, 3] {
        assert!(is_conflict(store.commit(on(other)).await), "{other}");
    }
    store.commit(on(1)).await.unwrap();
    assert_eq!(store.snapshot(request.id).await.unwrap().last_seq, 3);
}

async fn a_requests_name_is_given_once(store: Arc<dyn Database>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let again = asked_as(request.id, "another key", "mallory", "db-prod:write", at(1));
    assert!(is_conflict(store.commit(only(again)).await));
    assert_eq!(store.request(request.id).await.unwrap(), Some(request));
}

/// What was decided on the log as it is now.
fn decided_on(store: &dyn Ledger) -> DecidedOn {
    DecidedOn {
        seq: *store.head().borrow(),
        ..DecidedOn::default()
    }
}

fn granting(request: &Request, decided_on: DecidedOn) -> Commit {
    Commit {
        decided_on: Some(decided_on),
        ..only(approved(request, &[("pg-prod", "role")], at(1)))
    }
}

/// Commits all at once, and answers how many came about.
async fn race(store: &Arc<dyn Database>, commits: Vec<Commit>) -> usize {
    let racing = commits.into_iter().map(|commit| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(commit).await })
    });
    let racing: Vec<_> = racing.collect();
    let mut won = 0;
    for racer in racing {
        match racer.await.unwrap() {
            Ok(_) => won += 1,
            result => assert!(is_conflict(result)),
        }
    }
    won
}

async fn of_two_grants_decided_on_one_count_one_is_committed(store: Arc<dyn Database>) {
    let mut pending = Vec::new();
    for seed in ["one", "two", "three", "four", "five"] {
        pending.push(commit(&*store, asked(seed, "alice", "db-prod:write", at(0))).await);
    }
    let other = commit(&*store, asked("other", "dave", "db-prod:write", at(0))).await;
    let count_of = |name| DecidedOn {
        holder: Some(human(name)),
        ..decided_on(&*store)
    };
    let (alice, dave) = (count_of("alice"), count_of("dave"));
    let grants = pending.iter().map(|it| granting(it, alice.clone()));
    assert_eq!(race(&store, grants.collect()).await, 1);

    // It has nothing to do with anybody else, and is counted from then on.
    store.commit(granting(&other, dave)).await.unwrap();
    let left = pending.iter().map(|request| store.request(request.id));
    let left = futures_util::future::join_all(left).await.into_iter();
    let left: Vec<Request> = left.map(|it| it.unwrap().unwrap()).collect();
    let left: Vec<&Request> = left.iter().filter(|it| !it.is_held()).collect();
    assert_eq!(left.len(), 4);
    assert!(is_conflict(store.commit(granting(left[0], alice)).await));
    let again = granting(left[0], count_of("alice"));
    store.commit(again).await.unwrap();
}

async fn of_two_requests_decided_on_one_count_one_is_committed(store: Arc<dyn Database>) {
    let pending = commit(&*store, asked("first", "alice", "db-prod:write", at(0))).await;
    let asking = |seed, name| Commit {
        decided_on: Some(DecidedOn {
            asker: Some(human(name)),
            ..decided_on(&*store)
        }),
        ..only(asked(seed, name, "db-prod:write", at(1)))
    };
    let daves = asking("daves", "dave");
    let alices = ["one", "two", "three"].map(|seed| asking(seed, "alice"));
    let late = asking("late", "alice");
    assert_eq!(race(&store, alices.into()).await, 1);

    // It has nothing to do with anybody else, and is counted from then on.
    store.commit(daves).await.unwrap();
    assert!(is_conflict(store.commit(late).await));
    let again = asking("again", "alice");
    // What she is granted meanwhile is not one more to wait for.
    store
        .commit(granting(&pending, decided_on(&*store)))
        .await
        .unwrap();
    store.commit(again).await.unwrap();
}

async fn a_grant_decided_on_a_count_before_access_was_there_again_is_a_conflict(
    store: Arc<dyn Database>,
) {
    let over = active(&*store, "over", "role").await;
    let over = commit(&*store, done(&over, at(20))).await;
    let over = commit(&*store, revoked(&over, 0, at(21))).await;
    let pending = commit(&*store, asked("one", "alice", "db-prod:write", at(22))).await;
    let other = commit(&*store, asked("two", "dave", "db-prod:write", at(22))).await;
    let count_of = |name| DecidedOn {
        holder: Some(human(name)),
        ..decided_on(&*store)
    };
    let (alice, dave) = (count_of("alice"), count_of("dave"));
    let (layer, present) = (0, true);
    let found = Command::InspectedLater { layer, present };
    let again = only(then(&over, found, at(400)));
    // In one transaction as well as behind it.
    let granting_meanwhile = store.commit(granting(&pending, alice.clone()));
    let (again, granted) = tokio::join!(store.commit(again), granting_meanwhile);
    again.unwrap();
    assert!(is_conflict(granted));
    assert!(is_conflict(store.commit(granting(&pending, alice)).await));
    store.commit(granting(&other, dave)).await.unwrap();
    store
        .commit(granting(&pending, count_of("alice")))
        .await
        .unwrap();
}

async fn of_two_people_who_are_granted_one_name_at_once_one_is(store: Arc<dyn Database>) {
    let mut pending = Vec::new();
    for person in ["alice", "dave", "carol"] {
        let mut first = first_event(person, person, "db-prod:write", at(0));
        if let Event::Requested { username, .. } = &mut first.event {
            *username = Username::new("Shared");
        }
        pending.push(commit(&*store, Change::first(id(person), first, Vec::new())).await);
    }
    let of_name = |name| DecidedOn {
        name: Some(Username::new(name)),
        ..decided_on(&*store)
    };
    let (free, other) = (of_name("shared"), of_name("other"));
    let grants = pending.iter().map(|it| granting(it, free.clone()));
    assert_eq!(race(&store, grants.collect()).await, 1);

    // A release is a change of the name too, and needs to know whose it is.
    let released = |decided_on| Commit {
        decided_on: Some(decided_on),
        release: Some(Record {
            at: at(2),
            request: None,
            actor: Actor::Person(user("sam")),
            rules: Vec::new(),
            body: EntryBody::Name(NameEvent::NameReleased {
                name: Username::new("shared"),
                reason: "another login".to_owned(),
            }),
        }),
        ..Commit::default()
    };
    assert!(is_conflict(store.commit(released(free)).await));
    let bound = of_name("shared");
    let twice = vec![released(bound.clone()), released(bound)];
    assert_eq!(race(&store, twice).await, 1);
    store.commit(released(other)).await.unwrap();
}

async fn a_decision_about_somebody_who_turns_out_to_be_more_is_a_conflict(
    store: Arc<dyn Database>,
) {
    let pending = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let about = |people: &[&str]| DecidedOn {
        people: people.iter().map(|name| human(name)).collect(),
        ..decided_on(&*store)
    };
    let (alice_and_bob, carol) = (about(&["alice", "dave"]), about(&["carol"]));
    // Dave asks, and it turns out that Alice's address is his too.
    let same = commit(&*store, asked("same", "dave", "db-prod:write", at(0))).await;
    let again = || granting(&pending, alice_and_bob.clone());
    let mut first = first_event("more", "dave", "db-prod:write", at(0));
    if let Event::Requested { human: dave, .. } = &mut first.event {
        *dave = human("alice");
    }
    let more = only(Change::first(id("more"), first, Vec::new()));
    // In one transaction as well as behind it.
    let (more, granted) = tokio::join!(store.commit(more), store.commit(again()));
    more.unwrap();
    assert!(is_conflict(granted));
    assert!(is_conflict(store.commit(again()).await));

    // What was known of them changes nothing, and others do not.
    let granted = granting(&same, carol);
    store.commit(granted).await.unwrap();
}

async fn a_grant_of_a_name_decided_on_before_anothers_access_started_under_it_is_a_conflict(
    store: Arc<dyn Database>,
) {
    let mut requests = Vec::new();
    for (person, starts_at) in [("alice", Some(at(60))), ("dave", None)] {
        let mut first = first_event(person, person, "db-prod:write", at(0));
        if let Event::Requested {
            username,
            starts_at: start,
            ..
        } = &mut first.event
        {
            (*username, *start) = (Username::new("shared"), starts_at);
        }
        requests.push(commit(&*store, Change::first(id(person), first, Vec::new())).await);
    }
    let scheduled = approved(&requests[0], &[("pg-prod", "role")], at(1));
    let scheduled = commit(&*store, scheduled).await;
    let before = DecidedOn {
        name: Some(Username::new("shared")),
        ..decided_on(&*store)
    };
    let start = Command::Start {
        terms: scheduled.terms.clone(),
        approvals_needed: 1,
        stages: Vec::new(),
        parties: Parties {
            requester: human("alice"),
            votes: [(
                user("bob"),
                Vote::Counts {
                    human: human("bob"),
                },
            )]
            .into(),
            ..Parties::default()
        },
        after: Vec::new(),
        facts: ApprovalFacts::default(),
    };
    let started = then(&scheduled, start, at(60));
    let mut events = started.events().iter();
    assert!(events.any(|it| matches!(it.event, Event::Started { .. })));
    commit(&*store, started).await;
    assert!(is_conflict(
        store.commit(granting(&requests[1], before)).await
    ));
}

fn set(target: LockTarget, reason: &str) -> LockChange {
    let lock = Lock {
        target: target.clone(),
        person: Human::default(),
        by: user("bob"),
        reason: reason.to_owned(),
        at: at(5),
        until: None,
    };
    let event = LockEvent::Locked {
        target,
        person: Human::default(),
        reason: reason.to_owned(),
        until: None,
    };
    LockChange::Set(lock, lock_record(event))
}

fn lock_record(event: LockEvent) -> Record {
    Record {
        at: at(5),
        request: None,
        actor: Actor::Person(user("bob")),
        rules: Vec::new(),
        body: EntryBody::Lock(event),
    }
}

async fn a_lock_set_again_ends_no_earlier_and_is_lifted_no_earlier(store: Arc<dyn Database>) {
    let target = LockTarget::Scope(story::scope("db-prod:write"));
    let locking = |lock| Commit {
        lock: Some(lock),
        ..Commit::default()
    };
    let set_until = |until| {
        let LockChange::Set(lock, mut record) = set(target.clone(), "a leak") else {
            panic!("it sets nothing");
        };
        if let EntryBody::Lock(LockEvent::Locked { until: end, .. }) = &mut record.body {
            *end = until;
        }
        locking(LockChange::Set(Lock { until, ..lock }, record))
    };
    let lift_at = |minute| {
        let event = LockEvent::Unlocked {
            target: target.clone(),
        };
        let record = Record {
            at: at(minute),
            actor: Actor::Keylend,
            ..lock_record(event)
        };
        locking(LockChange::LiftOver(target.clone(), record))
    };
    let until = async || store.locks().await.unwrap().first().unwrap().until;
    store.commit(set_until(Some(at(20)))).await.unwrap();
    store.commit(set_until(Some(at(10)))).await.unwrap();
    assert_eq!(until().await, Some(at(20)));
    assert!(is_conflict(store.commit(lift_at(19)).await));
    store.commit(lift_at(20)).await.unwrap();
    assert_eq!(store.locks().await.unwrap(), []);
    assert!(is_conflict(store.commit(lift_at(20)).await));

    store.commit(set_until(None)).await.unwrap();
    store.commit(set_until(Some(at(30)))).await.unwrap();
    assert_eq!(until().await, None);
    assert!(is_conflict(store.commit(lift_at(40)).await));
}

async fn a_lock_is_set_replaced_and_lifted_once(store: Arc<dyn Database>) {
    let target = LockTarget::Scope(story::scope("db-prod:write"));
    let locking = |lock| Commit {
        lock: Some(lock),
        ..Commit::default()
    };
    let lift = || {
        let event = LockEvent::Unlocked {
            target: target.clone(),
        };
        locking(LockChange::Lift(target.clone(), lock_record(event)))
    };
    assert!(is_conflict(store.commit(lift()).await));
    for reason in ["a leak", "two leaks"] {
        let lock = locking(set(target.clone(), reason));
        store.commit(lock).await.unwrap();
    }
    let other = locking(set(LockTarget::Person(user("mallory")), "gone mad"));
    store.commit(other).await.unwrap();
    let reasons = |locks: Vec<Lock>| {
        locks
            .into_iter()
            .map(|lock| lock.reason)
            .collect::<Vec<_>>()
    };
    let mut locks = reasons(store.locks().await.unwrap());
    locks.sort();
    assert_eq!(locks, ["gone mad", "two leaks"]);

    store.commit(lift()).await.unwrap();
    assert!(is_conflict(store.commit(lift()).await));
    assert_eq!(reasons(store.locks().await.unwrap()), ["gone mad"]);
    let entries = store.entries(0, 100).await.unwrap();
    assert!(entries.iter().all(|entry| entry.request_id.is_none()));
    assert_eq!(entries.len(), 4);
}

/// Locked after they were asked who they are, and before their approval is committed.
async fn nothing_that_somebody_approves_who_is_locked_is_granted(store: Arc<dyn Database>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let approval = || Commit {
        decided_on: Some(DecidedOn {
            seq: 1,
            people: vec![human("alice"), human("bob")],
            ..DecidedOn::default()
        }),
        ..only(approved(&request, &[("pg-prod", "role")], at(6)))
    };
    let locking = |lock| Commit {
        lock: Some(lock),
        ..Commit::default()
    };
    let bob = LockTarget::Person(user("bob"));
    let lock = locking(set(bob.clone(), "a leak"));
    store.commit(lock).await.unwrap();
    assert!(is_conflict(store.commit(approval()).await));
    assert_eq!(
        store.request(request.id).await.unwrap(),
        Some(request.clone())
    );
    // Nor under another identity of theirs.
    let event = LockEvent::Unlocked {
        target: bob.clone(),
    };
    let lift = LockChange::Lift(bob, lock_record(event));
    store.commit(locking(lift)).await.unwrap();
    let other = LockTarget::Person(user("bob2"));
    let LockChange::Set(mut lock, record) = set(other.clone(), "a leak") else {
        unreachable!("a lock is set")
    };
    lock.person = human("bob2").with(&human("bob"));
    let lock = LockChange::Set(lock, record);
    store.commit(locking(lock)).await.unwrap();
    assert!(is_conflict(store.commit(approval()).await));
    let event = LockEvent::Unlocked {
        target: other.clone(),
    };
    let lift = LockChange::Lift(other, lock_record(event));
    store.commit(locking(lift)).await.unwrap();
    store.commit(approval()).await.unwrap();
}

async fn a_change_without_events_is_refused(store: Arc<dyn Database>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let silent = Change::of(request.clone(), Vec::new());
    assert!(is_unavailable(store.commit(only(silent)).await));
    assert_eq!(
        store.request(request.id).await.unwrap(),
        Some(request.clone())
    );
    commit(&*store, withdrawn(&request, at(1))).await;
}

async fn one_persons_requests_are_found_open_and_past(store: Arc<dyn Database>) {
    let ask = async |seed, person, scope, second| {
        commit(&*store, asked(seed, person, scope, at(second))).await
    };
    let early = ask("early", "alice", "db-prod:read", 1).await;
    let gone_last = ask("gone last", "alice", "db-prod:write", 2).await;
    let gone_first = ask("gone first", "alice", "db-prod:write", 3).await;
    let other = ask("other", "bob", "db-prod:write", 5).await;
    let late = ask("late", "alice", "db-prod:write", 9).await;
    let gone_first = commit(&*store, withdrawn(&gone_first, at(10))).await;
    let gone_last = commit(&*store, withdrawn(&gone_last, at(11))).await;

    use keylend::store::Open;
    let open = async |which| store.open(which).await.unwrap();
    assert_eq!(
        open(Open::All).await,
        [early.clone(), other.clone(), late.clone()]
    );
    let page = async |after| store.open_after(after, 2).await.unwrap();
    let first = page(None).await;
    assert_eq!(first.requests, [early.clone(), other.clone()]);
    let second = page(first.next).await;
    assert_eq!(second.requests, std::slice::from_ref(&late));
    let third = page(second.next).await;
    assert_eq!((third.requests, third.next), (Vec::new(), None));
    let of = Open::Of(user("alice"));
    assert_eq!(open(of).await, [early.clone(), late.clone()]);
    let for_scope = Open::For(story::scope("db-prod:write"));
    assert_eq!(open(for_scope).await, [other, late.clone()]);

    let past = async |limit| store.past(&user("alice"), limit).await.unwrap();
    assert_eq!(past(9).await, [gone_last.clone(), gone_first]);
    assert_eq!(past(1).await, [gone_last]);
    assert_eq!(store.past(&user("bob"), 9).await.unwrap(), []);

    let early = commit(&*store, approved(&early, &[("pg-prod", "role")], at(12))).await;
    let early = commit(&*store, done(&early, at(13))).await;
    assert_eq!(past(1).await, [early]);
    assert_eq!(open(Open::Of(user("alice"))).await, [late]);
}

fn locking(lock: LockChange) -> Commit {
    Commit {
        lock: Some(lock),
        ..Commit::default()
    }
}

fn lifting(target: &LockTarget) -> Commit {
    let target = target.clone();
    let event = LockEvent::Unlocked {
        target: target.clone(),
    };
    locking(LockChange::Lift(target, lock_record(event)))
}

async fn nothing_that_a_lock_covers_is_granted(store: Arc<dyn Database>) {
    let layers = [("pg-prod", "role")];
    let targets = [
        LockTarget::Everything,
        LockTarget::Scope(story::scope("db-prod:write")),
        LockTarget::Person(user("alice")),
    ];
    for (round, target) in targets.into_iter().enumerate() {
        let pending = asked(&format!("pending {round}"), "alice", "db-prod:write", at(0));
        let pending = commit(&*store, pending).await;
        let twice = asked_for_two(&format!("twice {round}"), at(0));
        let twice = commit(&*store, twice).await;
        let other = asked(&format!("other {round}"), "dave", "db-prod:read", at(0));
        let other = commit(&*store, other).await;
        let made_soon = asked(&format!("made {round}"), "alice", "db-prod:write", at(0));
        let made_soon = commit(&*store, made_soon).await;
        let made_soon = commit(&*store, approved(&made_soon, &layers, at(1))).await;
        let made_soon = commit(&*store, inspected(&made_soon, 0, true, at(2))).await;
        let longer = active(&*store, &format!("longer {round}"), "role").await;
        let asks = Command::RequestExtension {
            human: Human::default(),
            by: user("alice"),
            rules: Vec::new(),
            duration: Span::minutes(10),
            lapses_at: at(900),
            reason: String::new(),
        };
        let longer = commit(&*store, then(&longer, asks, at(4))).await;

        store
            .commit(locking(set(target.clone(), "a leak")))
            .await
            .unwrap();
        let grants = [
            (&pending, approved(&pending, &layers, at(6))),
            (&twice, approved(&twice, &layers, at(6))),
            (&made_soon, made(&made_soon, 0, at(6))),
            (&longer, approved(&longer, &layers, at(6))),
        ];
        for (request, change) in grants {
            assert!(change.grants());
            assert!(is_conflict(store.commit(only(change)).await), "{target}");
            let after = store.request(request.id).await.unwrap();
            assert_eq!(after.as_ref(), Some(request));
        }
        // In one transaction with what may be, and it is not there either.
        let both = Commit {
            changes: vec![
                asked(&format!("new {round}"), "carol", "db-prod:read", at(6)),
                approved(&pending, &layers, at(6)),
            ],
            ..Commit::default()
        };
        let entries = *store.head().borrow();
        assert!(is_conflict(store.commit(both).await));
        assert!(store.entries(entries, 1).await.unwrap().is_empty());

        // What grants nothing goes on, and what the lock does not cover.
        commit(&*store, done(&longer, at(7))).await;
        let other = approved(&other, &layers, at(7));
        let is_covered = target == LockTarget::Everything;
        assert_eq!(is_conflict(store.commit(only(other)).await), is_covered);

        store.commit(lifting(&target)).await.unwrap();
        commit(&*store, approved(&pending, &layers, at(8))).await;
        commit(&*store, made(&made_soon, 0, at(8))).await;
    }
}

async fn behind_a_lock_the_log_grants_nothing_whoever_commits_at_once(store: Arc<dyn Database>) {
    const ROUNDS: usize = 40;
    let layers = [("pg-prod", "role")];
    let target = LockTarget::Everything;
    for round in 0..ROUNDS {
        let mut racing = tokio::task::JoinSet::new();
        for number in 0..8 {
            let asked = asked(
                &format!("{round} {number}"),
                "alice",
                "db-prod:write",
                at(0),
            );
            let pending = commit(&*store, asked).await;
            let (store, approved) = (store.clone(), approved(&pending, &layers, at(1)));
            racing.spawn(async move { store.commit(only(approved)).await });
        }
        let (store, lock) = (store.clone(), locking(set(target.clone(), "a leak")));
        let locked = store.commit(lock).await.unwrap();
        while let Some(result) = racing.join_next().await {
            match result.unwrap() {
                Ok(_) => {}
                refused => assert!(is_conflict(refused)),
            }
        }
        let behind = store.entries(locked, 100).await.unwrap();
        assert!(behind.is_empty(), "{behind:?}");
        store.commit(lifting(&target)).await.unwrap();
    }
}
