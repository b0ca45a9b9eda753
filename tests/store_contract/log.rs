//! The log has no gaps, is chained, and agrees with the snapshots.

use std::{collections::HashMap, sync::Arc};

use keylend::{
    domain::{BackendName, Command, Human, Lane, Request, RequestId, Span},
    store::{Chain, Changed, Database, Entry, Fold, Ledger, Record, Store},
};

use crate::story::{
    active, approved, asked, at, commit, done, inspected, is_conflict, made, not_unmade, only,
    revoked, then, user, withdrawn,
};

crate::holds!(
    the_log_is_gapless_and_chained_whoever_commits_at_once,
    folding_the_log_gives_the_snapshots,
    what_the_log_says_reads_back_to_the_letter,
    nothing_is_dated_before_what_the_log_says_already,
    followers_hear_of_the_head,
    what_changed_behind_an_entry_is_found_bit_by_bit,
    what_was_last_kept_of_people_is_what_there_is,
);

/// The number of entries, all of which are what they were.
pub(crate) async fn verify(store: &dyn Store) -> u64 {
    let mut chain = Chain::default();
    loop {
        let entries = store.raw_entries(chain.seq(), 7).await.unwrap();
        if entries.is_empty() {
            return chain.seq();
        }
        for entry in &entries {
            chain.check(entry).unwrap();
        }
    }
}

async fn what_was_last_kept_of_people_is_what_there_is(store: Arc<dyn Database>) {
    assert_eq!(store.kept_people().await.unwrap(), None);
    for sealed in [vec![0, 1], Vec::new(), vec![7; 1 << 20]] {
        store.keep_people(sealed.clone()).await.unwrap();
        assert_eq!(store.kept_people().await.unwrap(), Some(sealed));
    }
}

async fn the_log_is_gapless_and_chained_whoever_commits_at_once(store: Arc<dyn Database>) {
    let contested = commit(&*store, asked("contested", "bob", "db-prod:write", at(0))).await;
    let mut tasks = Vec::new();
    for number in 0..50 {
        let (store, contested) = (store.clone(), contested.clone());
        tasks.push(tokio::spawn(async move {
            let mine = asked(&format!("{number}"), "alice", "db-prod:write", at(number));
            let mine = commit(&*store, mine).await;
            let won = match store.commit(only(withdrawn(&contested, at(number)))).await {
                Ok(_) => 1,
                result => {
                    assert!(is_conflict(result));
                    0
                }
            };
            commit(&*store, withdrawn(&mine, at(number))).await;
            won
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += task.await.unwrap();
    }
    assert_eq!(won, 1);
    assert_eq!(verify(&*store).await, 1 + 2 * 50 + 1);
    assert_eq!(*store.head().borrow(), 102);
}

/// A whole life, with an extension and a target that does not answer at once.
async fn a_life(store: &dyn Ledger) -> Request {
    let request = active(store, "one", "role").await;
    let extension = Command::RequestExtension {
        by: user("alice"),
        human: Human::default(),
        rules: Vec::new(),
        duration: Span::minutes(10),
        lapses_at: at(900),
        reason: String::new(),
    };
    let request = commit(store, then(&request, extension, at(10))).await;
    let request = commit(store, approved(&request, &[], at(11))).await;
    let request = commit(store, made(&request, 0, at(12))).await;
    let show = Command::ShowCredential { by: user("alice") };
    let request = commit(store, then(&request, show, at(13))).await;
    let request = commit(store, done(&request, at(14))).await;
    let request = commit(store, not_unmade(&request, 0, at(16), at(15))).await;
    commit(store, revoked(&request, 0, at(16))).await
}

async fn folding_the_log_gives_the_snapshots(store: Arc<dyn Database>) {
    let request = a_life(&*store).await;
    let other = active(&*store, "two", "role").await;
    let mut folded: HashMap<RequestId, Request> = HashMap::new();
    for entry in store.entries(0, 100).await.unwrap() {
        let (id, occurred) = (entry.request_id.unwrap(), entry.occurred().unwrap());
        match folded.get_mut(&id) {
            Some(request) => request.apply(&occurred),
            None => {
                folded.insert(id, Request::first(id, &occurred).unwrap());
            }
        }
    }
    for expected in [request, other] {
        let stored = store.request(expected.id).await.unwrap();
        assert_eq!(folded.get(&expected.id), stored.as_ref());
        assert_eq!(stored, Some(expected));
    }
    assert_eq!(folded.len(), 2);
}

async fn what_the_log_says_reads_back_to_the_letter(store: Arc<dyn Database>) {
    let change = asked("one", "alice", "db-prod:write", at(0));
    let record = Record::of(change.after().id, &change.events()[0]);
    commit(&*store, change).await;
    let entry = store.entries(0, 1).await.unwrap().remove(0);
    assert_eq!(
        (entry.at, entry.request_id, &entry.actor, &entry.rules),
        (record.at, record.request, &record.actor, &record.rules)
    );
    assert_eq!(entry.body, record.body);
    let raw = store.raw_entries(0, 1).await.unwrap().remove(0);
    assert_eq!(raw.at, "2027-01-15T08:00:00.120Z");
    assert_eq!(Entry::try_from(&raw).unwrap(), entry);
}

async fn nothing_is_dated_before_what_the_log_says_already(store: Arc<dyn Database>) {
    let first = commit(&*store, asked("one", "alice", "db-prod:write", at(60))).await;
    // The clock of this replica is a minute behind.
    let second = commit(&*store, asked("two", "carol", "db-prod:write", at(0))).await;
    assert_eq!(second.asked_at, first.asked_at);
    let layers = [("pg-prod", "role")];
    let second = commit(&*store, approved(&second, &layers, at(1))).await;
    let second = commit(&*store, inspected(&second, 0, true, at(2))).await;
    let second = commit(&*store, made(&second, 0, at(3))).await;
    // What follows is due by that clock, not a minute later.
    let lane = Lane::Target(BackendName::new("pg-prod"));
    let over = commit(&*store, done(&second, at(4))).await;
    let due = store.claim_due(&lane, at(4), 9).await.unwrap();
    assert_eq!(due.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [over.id]);
    let entries = store.entries(0, 100).await.unwrap();
    let mut fold = Fold::new(over.id);
    for raw in store.raw_entries(1, 100).await.unwrap() {
        fold.add(&raw).unwrap();
    }
    assert_eq!(fold.request(), Some(&over));
    assert!(entries.iter().all(|entry| entry.at == at(60)));
    assert_eq!(verify(&*store).await, entries.len() as u64);
}

async fn followers_hear_of_the_head(store: Arc<dyn Database>) {
    let mut head = store.head();
    assert_eq!(*head.borrow_and_update(), 0);
    let request = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    assert!(head.has_changed().unwrap());
    assert_eq!(*head.borrow_and_update(), 1);
    assert_eq!(
        store
            .commit(only(withdrawn(&request, at(1))))
            .await
            .unwrap(),
        2
    );
    assert_eq!(*head.borrow_and_update(), 2);
    assert!(is_conflict(
        store.commit(only(withdrawn(&request, at(1)))).await
    ));
    assert!(!head.has_changed().unwrap());
}

async fn what_changed_behind_an_entry_is_found_bit_by_bit(store: Arc<dyn Database>) {
    assert_eq!(store.changed(0, 10).await.unwrap(), (Vec::new(), 0));
    let one = commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    let two = commit(&*store, asked("two", "alice", "db-prod:write", at(0))).await;
    let one = commit(&*store, withdrawn(&one, at(1))).await;
    let changed = |request: Request, last_seq, last_kind: &str| Changed {
        id: request.id,
        request: Some(request),
        last_seq,
        last_kind: last_kind.to_owned(),
    };
    let one = changed(one, 3, "withdrawn");
    let two = changed(two, 2, "requested");
    assert_eq!(
        store.changed(0, 1).await.unwrap(),
        (vec![one.clone()], 1),
        "as it is now"
    );
    assert_eq!(store.changed(1, 1).await.unwrap(), (vec![two.clone()], 2));
    assert_eq!(store.changed(0, 9).await.unwrap(), (vec![two, one], 3));
    assert_eq!(store.changed(3, 9).await.unwrap(), (Vec::new(), 3));
    assert_eq!(
        store.changed(5, 9).await.unwrap(),
        (Vec::new(), 3),
        "nothing is behind the end"
    );
}
