//! The Homes of those who opened theirs are due with every change that they may show, until they
//! show it.

use std::{collections::BTreeSet, sync::Arc};

use keylend::{
    domain::{Command, Human, Lock, LockEvent, LockTarget, Request, Span},
    store::{Commit, EntryBody, Home, LockChange, Published, Record, Store, Whose},
};

use crate::story::{active, asked, at, commit, done, revoked, then, user, withdrawn};

crate::holds!(
    a_home_is_due_once_it_was_opened_until_it_is_shown,
    only_the_homes_of_those_who_opened_theirs_are_kept,
    a_change_touches_its_requesters_home,
    a_question_touches_whoever_is_asked_until_they_are_asked_no_more,
    what_somebody_gets_touches_who_is_asked_about_the_rest,
    a_lock_touches_everybody_who_is_asked_anything,
    what_was_touched_meanwhile_stays_due,
    a_question_that_may_have_been_answered_meanwhile_stays_due,
    a_home_that_was_opened_anew_is_published_anew,
    a_home_that_failed_has_its_next_turn_when_it_was_told,
    who_looks_at_theirs_does_not_wait_behind_others,
    what_waits_is_what_awaits_a_decision,
);

async fn due(store: &dyn Store, second: i64) -> Option<Home> {
    store.due_home(at(second)).await.unwrap()
}

async fn opened(store: &dyn Store, name: &str, second: i64) -> Home {
    store.home_opened(&user(name), at(second)).await.unwrap();
    due(store, second).await.unwrap()
}

/// The person's Home as it is due now, shown with these questions.
async fn show(store: &dyn Store, home: &Home, asks: &[&Request]) {
    let published = publication(store, asks);
    store.home_shown(home, &published).await.unwrap();
}

fn publication(store: &dyn Store, asks: &[&Request]) -> Published {
    Published {
        shown: "digest".to_owned(),
        asks: asks.iter().map(|request| request.id).collect(),
        seen: *store.head().borrow(),
        again: None,
    }
}

fn people(names: &[&str]) -> Whose {
    Whose::Of(names.iter().map(|name| user(name)).collect::<BTreeSet<_>>())
}

async fn a_home_is_due_once_it_was_opened_until_it_is_shown(store: Arc<dyn Store>) {
    assert_eq!(due(&*store, 1_000).await, None);
    let home = opened(&*store, "bob", 0).await;
    assert_eq!(
        (home.person.clone(), home.shown.clone()),
        (user("bob"), None)
    );
    assert_eq!(due(&*store, -1).await, None);
    assert_eq!(store.next_home(at(-1)).await.unwrap(), Some(at(0)));
    show(&*store, &home, &[]).await;
    assert_eq!(due(&*store, 1_000).await, None);
    assert_eq!(store.next_home(at(-1)).await.unwrap(), None);
    store.touch_homes(&people(&["bob"]), at(5)).await.unwrap();
    let again = due(&*store, 5).await.unwrap();
    assert_eq!(again.shown.as_deref(), Some("digest"));
    assert!(again.touched > home.touched);
}

async fn only_the_homes_of_those_who_opened_theirs_are_kept(store: Arc<dyn Store>) {
    store.touch_homes(&people(&["bob"]), at(0)).await.unwrap();
    commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    assert_eq!(due(&*store, 1_000).await, None);
    let nobody = Home {
        person: user("bob"),
        shown: None,
        touched: 1,
        failures: 0,
    };
    let published = publication(&*store, &[]);
    assert!(store.home_shown(&nobody, &published).await.is_err());
    assert!(store.home_failed(&nobody, None).await.is_err());
}

async fn a_change_touches_its_requesters_home(store: Arc<dyn Store>) {
    let home = opened(&*store, "alice", 0).await;
    show(&*store, &home, &[]).await;
    let other = opened(&*store, "carol", 0).await;
    show(&*store, &other, &[]).await;
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(1))).await;
    let home = due(&*store, 1).await.unwrap();
    assert_eq!(home.person, user("alice"));
    show(&*store, &home, &[]).await;
    commit(&*store, withdrawn(&request, at(2))).await;
    let home = due(&*store, 2).await.unwrap();
    assert_eq!(home.person, user("alice"));
    show(&*store, &home, &[]).await;
    assert_eq!(due(&*store, 1_000).await, None);
}

async fn a_question_touches_whoever_is_asked_until_they_are_asked_no_more(store: Arc<dyn Store>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let home = opened(&*store, "bob", 1).await;
    show(&*store, &home, &[&request]).await;
    let request = commit(&*store, withdrawn(&request, at(2))).await;
    let home = due(&*store, 2).await.unwrap();
    assert_eq!(home.person, user("bob"));
    show(&*store, &home, &[]).await;
    assert!(!request.is_open());
    commit(&*store, asked("two", "alice", "db-prod:write", at(3))).await;
    assert_eq!(due(&*store, 3).await, None);
}

async fn what_somebody_gets_touches_who_is_asked_about_the_rest(store: Arc<dyn Store>) {
    let waits = commit(&*store, asked("one", "alice", "db-prod:read", at(0))).await;
    let home = opened(&*store, "bob", 1).await;
    show(&*store, &home, &[&waits]).await;
    let grant = active(&*store, "two", "role").await;
    let home = due(&*store, 1_000).await.unwrap();
    assert_eq!(home.person, user("bob"));
    show(&*store, &home, &[&waits]).await;
    let grant = commit(&*store, done(&grant, at(50))).await;
    commit(&*store, revoked(&grant, 0, at(51))).await;
    assert_eq!(due(&*store, 1_000).await.unwrap().person, user("bob"));
}

async fn a_lock_touches_everybody_who_is_asked_anything(store: Arc<dyn Store>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let home = opened(&*store, "bob", 1).await;
    show(&*store, &home, &[&request]).await;
    let home = opened(&*store, "carol", 1).await;
    show(&*store, &home, &[]).await;
    let (target, reason) = (LockTarget::Everything, "incident".to_owned());
    let event = LockEvent::Locked {
        target: target.clone(),
        person: Human::default(),
        reason: reason.clone(),
    };
    let record = Record {
        at: at(2),
        request: None,
        actor: keylend::domain::Actor::Person(user("sam")),
        rules: Vec::new(),
        body: EntryBody::Lock(event),
    };
    let lock = Lock {
        target,
        person: Human::default(),
        by: user("sam"),
        reason,
        at: at(2),
    };
    let commit = Commit {
        lock: Some(LockChange::Set(lock, record)),
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
    let home = due(&*store, 2).await.unwrap();
    assert_eq!(home.person, user("bob"));
    show(&*store, &home, &[]).await;
    assert_eq!(due(&*store, 2).await, None);
    store.touch_homes(&Whose::Asked, at(3)).await.unwrap();
    assert_eq!(
        due(&*store, 3).await,
        None,
        "nobody is asked anything any more"
    );
}

async fn what_was_touched_meanwhile_stays_due(store: Arc<dyn Store>) {
    let home = opened(&*store, "bob", 0).await;
    store.touch_homes(&people(&["bob"]), at(1)).await.unwrap();
    show(&*store, &home, &[]).await;
    let home = due(&*store, 1).await.unwrap();
    assert_eq!(home.shown.as_deref(), Some("digest"));
    show(&*store, &home, &[]).await;
    assert_eq!(due(&*store, 1_000).await, None);
}

async fn a_question_that_may_have_been_answered_meanwhile_stays_due(store: Arc<dyn Store>) {
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let home = opened(&*store, "bob", 1).await;
    let published = publication(&*store, &[&request]);
    // The store does not know yet that Bob is asked.
    commit(&*store, withdrawn(&request, at(2))).await;
    store.home_shown(&home, &published).await.unwrap();
    let home = due(&*store, 2).await.unwrap();
    show(&*store, &home, &[]).await;

    // Nothing new is asked: what happens elsewhere keeps nobody awake.
    let home = opened(&*store, "bob", 3).await;
    let published = publication(&*store, &[]);
    commit(&*store, asked("two", "dave", "db-prod:write", at(3))).await;
    store.home_shown(&home, &published).await.unwrap();
    assert_eq!(due(&*store, 1_000).await, None);
}

async fn a_home_that_was_opened_anew_is_published_anew(store: Arc<dyn Store>) {
    let home = opened(&*store, "bob", 0).await;
    show(&*store, &home, &[]).await;
    let home = opened(&*store, "bob", 1).await;
    assert_eq!(home.shown, None);
    show(&*store, &home, &[]).await;
    // Opened while it is on its way: what Slack shows is in doubt again.
    store.touch_homes(&people(&["bob"]), at(2)).await.unwrap();
    let home = due(&*store, 2).await.unwrap();
    store.home_opened(&user("bob"), at(3)).await.unwrap();
    show(&*store, &home, &[]).await;
    assert_eq!(due(&*store, 3).await.unwrap().shown, None);
}

async fn a_home_that_failed_has_its_next_turn_when_it_was_told(store: Arc<dyn Store>) {
    let home = opened(&*store, "bob", 0).await;
    store.home_failed(&home, Some(at(30))).await.unwrap();
    assert_eq!(due(&*store, 29).await, None);
    assert_eq!(store.next_home(at(0)).await.unwrap(), Some(at(30)));
    let again = due(&*store, 30).await.unwrap();
    assert_eq!(again.failures, 1);
    let published = Published {
        again: Some(at(60)),
        ..publication(&*store, &[])
    };
    store.home_shown(&again, &published).await.unwrap();
    assert_eq!(due(&*store, 59).await, None);
    let again = due(&*store, 60).await.unwrap();
    assert_eq!(again.failures, 2, "it was not whole");
    store.home_failed(&again, None).await.unwrap();
    assert_eq!(due(&*store, 1_000_000).await, None);

    let again = opened(&*store, "bob", 70).await;
    store.touch_homes(&people(&["bob"]), at(71)).await.unwrap();
    store.home_failed(&again, None).await.unwrap();
    let again = due(&*store, 71).await.unwrap();
    show(&*store, &again, &[]).await;
    let shown = Whose::Showing {
        person: user("bob"),
        shown: "another".to_owned(),
    };
    store.touch_homes(&shown, at(80)).await.unwrap();
    assert_eq!(due(&*store, 80).await, None);
    let shown = Whose::Showing {
        person: user("bob"),
        shown: "digest".to_owned(),
    };
    store.touch_homes(&shown, at(80)).await.unwrap();
    assert_eq!(due(&*store, 80).await.unwrap().failures, 0);
}

async fn who_looks_at_theirs_does_not_wait_behind_others(store: Arc<dyn Store>) {
    for name in ["bob", "carol"] {
        let home = opened(&*store, name, 0).await;
        show(&*store, &home, &[]).await;
    }
    store
        .touch_homes(&people(&["bob", "carol"]), at(1))
        .await
        .unwrap();
    assert_eq!(opened(&*store, "dave", 9).await.person, user("dave"));
}

async fn what_waits_is_what_awaits_a_decision(store: Arc<dyn Store>) {
    let waiting = async || {
        let waiting = store.awaiting(9).await.unwrap();
        waiting.iter().map(|request| request.id).collect::<Vec<_>>()
    };
    let grant = active(&*store, "one", "role").await;
    let pending = commit(&*store, asked("two", "bob", "db-prod:write", at(20))).await;
    assert_eq!(waiting().await, [pending.id]);
    let ask = Command::RequestExtension {
        by: grant.requester.clone(),
        human: Human::default(),
        rules: Vec::new(),
        duration: Span::minutes(10),
        lapses_at: at(4000),
    };
    let grant = commit(&*store, then(&grant, ask, at(30))).await;
    assert_eq!(waiting().await, [grant.id, pending.id]);
    assert_eq!(
        store.awaiting(1).await.unwrap(),
        std::slice::from_ref(&grant)
    );
    commit(&*store, withdrawn(&pending, at(31))).await;
    commit(&*store, done(&grant, at(40))).await;
    assert_eq!(waiting().await, []);
}
