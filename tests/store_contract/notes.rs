//! Entries that no decision rests on are noted once, whoever notes them at once.

use std::sync::Arc;

use keylend::{
    domain::{Actor, AttemptEvent, Attempted, NotAllowed, Span, TeamId, Time},
    store::{
        ATTEMPTS_OF_ONE, ATTEMPTS_WITHIN, Commit, Database, EntryBody, LoggedNotes, NextAttempt,
        Note, Record,
    },
};

use crate::story::{asked, at, commit, is_conflict, user};

crate::holds!(
    of_notes_made_behind_the_same_entry_one_is_committed,
    what_was_noted_says_what_is_noted_next,
);

fn attempt(name: &str, team: Option<&str>, at: Time, last_seq: u64) -> Commit {
    let record = Record {
        at,
        request: None,
        actor: Actor::Person(user(name)),
        rules: Vec::new(),
        body: EntryBody::Attempt(AttemptEvent::AttemptRefused {
            action: Attempted::Approve,
            on: None,
            why: NotAllowed::NoAuthority,
            team: team.map(TeamId::new),
        }),
    };
    Commit {
        note: Some(Note { record, last_seq }),
        ..Commit::default()
    }
}

async fn of_notes_made_behind_the_same_entry_one_is_committed(store: Arc<dyn Database>) {
    let noted = |last_seq| store.commit(attempt("bob", None, at(0), last_seq));
    assert!(is_conflict(noted(1).await));
    let (one, other) = tokio::join!(noted(0), noted(0));
    assert_eq!(is_conflict(one), !is_conflict(other));
    assert_eq!(*store.head().borrow(), 1);
    // What is about a request does not stand in between.
    commit(&*store, asked("one", "alice", "db-prod:write", at(1))).await;
    assert_eq!(noted(1).await.unwrap(), 3);
    assert!(is_conflict(noted(1).await));
    assert!(is_conflict(noted(2).await));
}

async fn what_was_noted_says_what_is_noted_next(store: Arc<dyn Database>) {
    let notes = LoggedNotes::default();
    let next = async |name: &str, is_outsider, now| {
        let name = user(name);
        let read = notes.read(&*store, |notes| notes.next_attempt(&name, is_outsider, now));
        read.await.unwrap()
    };
    for last_seq in 0..ATTEMPTS_OF_ONE as u64 {
        assert_eq!(next("bob", false, at(0)).await, NextAttempt::Recorded);
        let attempt = attempt("bob", None, at(0), last_seq);
        store.commit(attempt).await.unwrap();
    }
    assert_eq!(next("bob", false, at(0)).await, NextAttempt::LastOfOne);
    assert_eq!(next("carol", false, at(0)).await, NextAttempt::Recorded);
    // Somebody of another workspace is another person, whatever their id.
    assert_eq!(next("bob", true, at(0)).await, NextAttempt::Recorded);
    let over = ATTEMPTS_WITHIN.and(Span::seconds(1)).after(at(0));
    assert_eq!(next("bob", false, over).await, NextAttempt::Recorded);
}
