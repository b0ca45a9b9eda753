//! A lock against approvals, activations and extensions that are under way: from the moment that the
//! lock is committed nobody has access that it covers, whoever was faster.
//!
//! The broker, the worker and the grants are the real ones, on real stores, and nothing stands still:
//! each round is a race, and there are hundreds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keylend::{
    clock::{Clock, SystemClock},
    domain::{Actor, Entitlement, Event, Human, Lock, LockEvent, LockTarget, State, UserId},
    store::{
        Commit, Database, EntryBody, Ledger, LockChange, Open, PostgresStore, Record, SqliteStore,
        Store,
    },
};
use tokio::task::JoinSet;

use crate::{
    intent::intent,
    replica::{ASKING, Replica, SCOPE, Target, user},
    server::Postgres,
};

/// The three kinds of lock, and one of the approver, again and again, each against people who ask,
/// approve, extend and are being granted access at this moment, at both replicas.
async fn race(one: &Replica, other: &Replica, rounds: usize) {
    for round in 0..rounds {
        let target = match round % 4 {
            0 => LockTarget::Everything,
            1 => LockTarget::Scope(SCOPE.parse().unwrap()),
            2 => LockTarget::Person(user("bob")),
            _ => LockTarget::Person(user("alice")),
        };
        let extended = one.hold("alice").await;
        let extension = one
            .broker
            .extend(&intent(&user("alice")), extended, None, "")
            .await;
        let revision = extension.unwrap().revision;
        let mut racing = JoinSet::new();
        for (number, name) in ASKING.into_iter().enumerate() {
            let id = one.ask(name).await;
            let at = [one, other][number % 2].broker.clone();
            racing.spawn(async move { at.approve(&intent(&user("bob")), id, 1).await.map(drop) });
        }
        let broker = other.broker.clone();
        racing.spawn(async move {
            broker
                .approve(&intent(&user("bob")), extended, revision)
                .await
                .map(drop)
        });
        for _ in 0..round % 7 * 3 {
            tokio::task::yield_now().await;
        }
        one.broker
            .lock(&intent(&user("bob")), target.clone(), "a leak")
            .await
            .unwrap();
        let covers = |name: &str| match &target {
            LockTarget::Person(person) => *person == user(name),
            _ => true,
        };
        let covered: Vec<&str> = ASKING.into_iter().filter(|name| covers(name)).collect();
        for name in &covered {
            assert!(!one.admits(name).await, "{name} is admitted under {target}");
        }
        // Whether they came before the lock or were refused.
        while let Some(result) = racing.join_next().await {
            drop(result.unwrap());
        }
        for name in &covered {
            assert!(!one.admits(name).await, "{name} is admitted under {target}");
        }
        let ends = async || {
            for request in one.store.open(Open::All).await.unwrap() {
                let name = request.username.as_str().to_owned();
                let held = matches!(request.state, State::Approved | State::Active { .. });
                assert!(!held || !covers(&name), "{name} holds {}", request.id);
            }
        };
        ends().await;
        one.broker
            .unlock(&intent(&user("bob")), target)
            .await
            .unwrap();
        // What no lock covered, and what still waits, is nobody's from here on.
        for request in one.store.open(Open::All).await.unwrap() {
            let by = request.requester.clone();
            match request.state {
                State::Pending { .. } => drop(one.broker.withdraw(&intent(&by), request.id).await),
                _ => drop(one.broker.done(&intent(&by), request.id).await),
            }
        }
        one.rests().await;
        let left = one.target.0.lock().unwrap().clone();
        assert!(left.is_empty(), "{left:?} is left in the target");
    }
    behind_locks_the_log_grants_nothing(&*one.store).await;
}

/// Reads it in the log: between a lock and its end nothing is approved, activated or extended.
async fn behind_locks_the_log_grants_nothing(store: &dyn Store) {
    let mut locked: BTreeSet<LockTarget> = BTreeSet::new();
    let (mut requesters, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = store.entries(after, 1000).await.unwrap();
        let Some(last) = page.last() else {
            return;
        };
        after = last.seq;
        for entry in page {
            match (&entry.body, entry.request_id) {
                (EntryBody::Lock(LockEvent::Locked { target, .. }), _) => {
                    locked.insert(target.clone());
                }
                (EntryBody::Lock(LockEvent::Unlocked { target }), _) => {
                    locked.remove(target);
                }
                (EntryBody::Request(Event::Requested { requester, .. }), Some(id)) => {
                    requesters.insert(id, requester.clone());
                }
                (
                    EntryBody::Request(
                        Event::Approved { .. } | Event::Activated {} | Event::Extended { .. },
                    ),
                    Some(id),
                ) => {
                    let scope = SCOPE.parse().unwrap();
                    let covers = |target: &LockTarget| match target {
                        LockTarget::Everything => true,
                        LockTarget::Scope(locked) => *locked == scope,
                        LockTarget::Person(person) => *person == requesters[&id],
                        LockTarget::Target(target) => panic!("nobody locks {target}"),
                    };
                    assert!(!locked.iter().any(covers), "entry {} is locked", entry.seq);
                    if let Actor::Person(approver) = &entry.actor {
                        let is_locked = locked.contains(&LockTarget::Person(approver.clone()));
                        assert!(!is_locked, "entry {} is of somebody locked", entry.seq);
                    }
                }
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_wins_every_race_on_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(
        &folder.path().join("keylend.db"),
        &keylend::store::StoreKey::derive(&[0x5e; 32]),
    )
    .await;
    let replica = Replica::start(Arc::new(store.unwrap()), Arc::default()).await;
    race(&replica, &replica, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_wins_every_race_between_replicas() {
    let server = Postgres::start().await;
    let url = server.admin_url();
    PostgresStore::migrate(&url).await.unwrap();
    let target = Arc::<Target>::default();
    let open = async || {
        let store = PostgresStore::open(
            &url,
            "the configuration",
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await;
        Replica::start(Arc::new(store.unwrap()), target.clone()).await
    };
    let (one, other) = (open().await, open().await);
    race(&one, &other, 45).await;
}

/// A process that dies between the lock and the ends: the lock is all that it has committed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_lock_covers_ends_although_whoever_locked_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(
        &folder.path().join("keylend.db"),
        &keylend::store::StoreKey::derive(&[0x5e; 32]),
    )
    .await;
    let store: Arc<dyn Database> = Arc::new(store.unwrap());
    let replica = Replica::start(store.clone(), Arc::default()).await;
    let mut held = Vec::new();
    for name in ASKING {
        held.push(replica.hold(name).await);
    }
    assert!(replica.admits("alice").await);
    locked_by_one_who_dies(&*store, user("alice")).await;
    // At once by the checks, and soon in the target.
    assert!(!replica.admits("alice").await);
    assert!(replica.admits("carol").await);
    replica
        .reaches(held[0], |state| matches!(state, State::Ended { .. }))
        .await;
    let target = replica.target.clone();
    assert!(
        !target
            .0
            .lock()
            .unwrap()
            .contains(&Entitlement::new("alice"))
    );

    // And where nobody is left, by whoever starts next.
    drop(replica);
    locked_by_one_who_dies(&*store, user("carol")).await;
    let replica = Replica::start(store.clone(), target).await;
    assert!(!replica.admits("carol").await);
    replica
        .reaches(held[1], |state| matches!(state, State::Ended { .. }))
        .await;
    assert!(replica.admits("dave").await);
    assert_eq!(replica.target.0.lock().unwrap().len(), 2);

    // Nor is anything left to come back when the lock is lifted.
    locked_by_one_who_dies(&*store, user("dave")).await;
    let dave = LockTarget::Person(user("dave"));
    assert!(
        replica
            .broker
            .unlock(&intent(&user("bob")), dave)
            .await
            .unwrap()
    );
    assert!(!replica.admits("dave").await);
    replica
        .reaches(held[2], |state| matches!(state, State::Ended { .. }))
        .await;
}

/// Commits a lock, and does nothing after it.
async fn locked_by_one_who_dies(store: &dyn Ledger, person: UserId) {
    let target = LockTarget::Person(person);
    let lock = Lock {
        target: target.clone(),
        person: Human::default(),
        by: user("bob"),
        reason: "a leak".to_owned(),
        at: SystemClock.now(),
        until: None,
    };
    let record = Record {
        at: lock.at,
        request: None,
        actor: Actor::Person(user("bob")),
        rules: Vec::new(),
        body: EntryBody::Lock(LockEvent::Locked {
            target,
            person: Human::default(),
            reason: lock.reason.clone(),
            until: None,
        }),
    };
    let commit = Commit {
        lock: Some(LockChange::Set(lock, record)),
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
}
