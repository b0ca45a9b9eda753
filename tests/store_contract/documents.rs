//! What those who follow the log keep: each write is whole and on the version that it was decided on,
//! and what is touched is due until somebody has looked.

use std::sync::Arc;

use keylend::{
    domain::Time,
    store::{CommitError, Database, Document, DocumentWrites, Documents, Referring, Step, Touch},
};

use crate::story::{asked, at, commit, is_conflict};

crate::holds!(
    a_cursor_moves_forward_only,
    a_document_is_put_on_the_version_that_it_has,
    what_is_there_already_is_not_added_again,
    a_touch_gives_a_document_its_turn_and_moves_its_version,
    a_document_is_touched_by_what_it_refers_to_by_now,
    urgent_documents_come_first_then_those_that_wait_longest,
    a_step_is_taken_from_where_the_follower_stands,
    a_write_is_there_whole_or_not_at_all,
    whoever_waits_hears_of_what_may_be_due,
    the_log_knows_nothing_of_documents,
    of_many_writes_of_one_version_one_is_done,
);

const COLLECTION: &str = "pictures";

fn document(key: &str, version: u64, due: Option<i64>, body: &str) -> Document {
    Document {
        collection: COLLECTION.to_owned(),
        key: key.to_owned(),
        version,
        due_at: due.map(at),
        is_urgent: false,
        body: format!("{{\"says\":\"{body}\"}}"),
    }
}

fn referring(document: Document, refs: &[&str]) -> Referring {
    Referring {
        document,
        refs: refs.iter().map(|to| (*to).to_owned()).collect(),
    }
}

fn put(document: Document, refs: &[&str]) -> DocumentWrites {
    DocumentWrites {
        put: Some(referring(document, refs)),
        ..DocumentWrites::default()
    }
}

fn touch(refs: &[&str], second: i64) -> DocumentWrites {
    let touch = Touch {
        collection: COLLECTION.to_owned(),
        refs: refs.iter().map(|to| (*to).to_owned()).collect(),
        at: at(second),
    };
    DocumentWrites {
        touch: vec![touch],
        ..DocumentWrites::default()
    }
}

fn step(from: u64, to: u64) -> DocumentWrites {
    let cursor = "follower".to_owned();
    DocumentWrites {
        step: Some(Step { cursor, from, to }),
        ..DocumentWrites::default()
    }
}

async fn read(store: &dyn Documents, key: &str) -> Option<Document> {
    store.document(COLLECTION, key).await.unwrap()
}

async fn due(store: &dyn Documents, now: Time) -> Vec<String> {
    let due = store.due_documents(COLLECTION, now, 9).await.unwrap();
    due.into_iter().map(|document| document.key).collect()
}

async fn a_cursor_moves_forward_only(store: Arc<dyn Documents>) {
    assert_eq!(store.cursor("audit").await.unwrap(), 0);
    for (to, then) in [(3, 3), (2, 3), (4, 4)] {
        store.move_cursor("audit", to).await.unwrap();
        assert_eq!(store.cursor("audit").await.unwrap(), then);
    }
    assert_eq!(store.cursor("mirror").await.unwrap(), 0);
}

async fn a_document_is_put_on_the_version_that_it_has(store: Arc<dyn Documents>) {
    assert_eq!(read(&*store, "one").await, None);
    let stale = put(document("one", 1, None, "stale"), &[]);
    assert!(is_conflict(store.write(stale.clone()).await));
    assert_eq!(read(&*store, "one").await, None);
    store
        .write(put(document("one", 0, Some(5), "first"), &["a"]))
        .await
        .unwrap();
    let first = document("one", 1, Some(5), "first");
    assert_eq!(read(&*store, "one").await, Some(first));
    let again = put(document("one", 0, None, "again"), &[]);
    assert!(is_conflict(store.write(again).await));
    let second = Document {
        is_urgent: true,
        ..document("one", 1, None, "second")
    };
    store.write(put(second.clone(), &["a"])).await.unwrap();
    let second = Document {
        version: 2,
        ..second
    };
    assert_eq!(read(&*store, "one").await, Some(second.clone()));
    assert!(is_conflict(store.write(stale).await));
    assert_eq!(read(&*store, "one").await, Some(second));
    assert_eq!(store.document("others", "one").await.unwrap(), None);
}

async fn what_is_there_already_is_not_added_again(store: Arc<dyn Documents>) {
    let add = |body: &str| DocumentWrites {
        add: ["one", "two"]
            .map(|key| referring(document(key, 0, Some(1), body), &["a", key]))
            .into(),
        ..DocumentWrites::default()
    };
    store.write(add("first")).await.unwrap();
    let added = document("one", 1, Some(1), "first");
    assert_eq!(read(&*store, "one").await, Some(added.clone()));
    let shown = document("one", 1, None, "shown");
    store.write(put(shown, &["a", "one"])).await.unwrap();
    store.write(add("again")).await.unwrap();
    let shown = document("one", 2, None, "shown");
    assert_eq!(read(&*store, "one").await, Some(shown.clone()));
    let two = document("two", 1, Some(1), "first");
    let both = store.referring(COLLECTION, "a").await.unwrap();
    assert_eq!(both, [shown, two.clone()]);
    assert_eq!(store.referring(COLLECTION, "two").await.unwrap(), [two]);
    assert_eq!(store.referring("others", "a").await.unwrap(), []);
}

async fn a_touch_gives_a_document_its_turn_and_moves_its_version(store: Arc<dyn Documents>) {
    for (key, due) in [("rests", None), ("early", Some(1)), ("late", Some(30))] {
        let document = document(key, 0, due, key);
        store.write(put(document, &["a", key])).await.unwrap();
    }
    let other = document("other", 0, None, "other");
    store.write(put(other, &["b"])).await.unwrap();
    store.write(touch(&["a", "late", "c"], 9)).await.unwrap();
    for (key, version, due_at) in [
        ("rests", 2, Some(9)),
        ("early", 2, Some(1)),
        ("late", 2, Some(9)),
        ("other", 1, None),
    ] {
        let found = read(&*store, key).await.unwrap();
        assert_eq!(
            (found.version, found.due_at),
            (version, due_at.map(at)),
            "{key}"
        );
    }
    // What was read before it was touched is not put to rest.
    let looked = put(document("rests", 1, None, "looked"), &["a"]);
    assert!(is_conflict(store.write(looked).await));
    assert_eq!(due(&*store, at(8)).await, ["early"]);
    assert_eq!(
        store.next_document(COLLECTION, at(1)).await.unwrap(),
        Some(at(9))
    );
    assert_eq!(due(&*store, at(9)).await, ["early", "late", "rests"]);
    assert_eq!(store.next_document(COLLECTION, at(9)).await.unwrap(), None);
    assert_eq!(store.next_document("others", at(0)).await.unwrap(), None);
}

async fn a_document_is_touched_by_what_it_refers_to_by_now(store: Arc<dyn Documents>) {
    store
        .write(put(document("one", 0, None, "first"), &["a", "b"]))
        .await
        .unwrap();
    store
        .write(put(document("one", 1, None, "second"), &["b", "c"]))
        .await
        .unwrap();
    store.write(touch(&["a"], 1)).await.unwrap();
    assert_eq!(due(&*store, at(1)).await, [""; 0]);
    store.write(touch(&["c"], 1)).await.unwrap();
    assert_eq!(due(&*store, at(1)).await, ["one"]);
    store
        .write(put(document("one", 3, None, "third"), &[]))
        .await
        .unwrap();
    store.write(touch(&["b", "c"], 1)).await.unwrap();
    assert_eq!(due(&*store, at(1)).await, [""; 0]);
}

async fn urgent_documents_come_first_then_those_that_wait_longest(store: Arc<dyn Documents>) {
    for (key, second, is_urgent) in [
        ("b", 1, false),
        ("a", 1, false),
        ("c", 0, false),
        ("d", 8, true),
        ("e", 7, true),
        ("f", 20, true),
    ] {
        let document = Document {
            is_urgent,
            ..document(key, 0, Some(second), key)
        };
        store.write(put(document, &[])).await.unwrap();
    }
    assert_eq!(due(&*store, at(9)).await, ["e", "d", "c", "a", "b"]);
    let first = store.due_documents(COLLECTION, at(9), 2).await.unwrap();
    let first: Vec<_> = first.into_iter().map(|document| document.key).collect();
    assert_eq!(first, ["e", "d"]);
    assert_eq!(
        store.next_document(COLLECTION, at(0)).await.unwrap(),
        Some(at(1))
    );
    assert_eq!(
        store.next_document(COLLECTION, at(9)).await.unwrap(),
        Some(at(20))
    );
}

async fn a_step_is_taken_from_where_the_follower_stands(store: Arc<dyn Documents>) {
    assert!(is_conflict(store.write(step(2, 3)).await));
    store.write(step(0, 2)).await.unwrap();
    assert!(is_conflict(store.write(step(0, 2)).await));
    store.write(step(2, 2)).await.unwrap();
    assert_eq!(store.cursor("follower").await.unwrap(), 2);
    store.write(step(2, 5)).await.unwrap();
    assert_eq!(store.cursor("follower").await.unwrap(), 5);
}

async fn a_write_is_there_whole_or_not_at_all(store: Arc<dyn Documents>) {
    store.write(step(0, 1)).await.unwrap();
    let late = DocumentWrites {
        put: Some(referring(document("one", 0, Some(1), "late"), &["a"])),
        ..step(0, 2)
    };
    assert!(is_conflict(store.write(late).await));
    assert_eq!(read(&*store, "one").await, None);
    let stale = DocumentWrites {
        add: vec![referring(document("two", 0, Some(1), "new"), &["a"])],
        put: Some(referring(document("one", 7, Some(1), "stale"), &["a"])),
        ..step(1, 2)
    };
    assert!(is_conflict(store.write(stale).await));
    assert_eq!(read(&*store, "two").await, None);
    assert_eq!(store.cursor("follower").await.unwrap(), 1);
    let good = DocumentWrites {
        add: vec![referring(document("two", 0, None, "new"), &["a"])],
        put: Some(referring(document("one", 0, None, "new"), &["a"])),
        touch: touch(&["a"], 3).touch,
        ..step(1, 2)
    };
    store.write(good).await.unwrap();
    assert_eq!(due(&*store, at(3)).await, ["one", "two"]);
    assert_eq!(store.cursor("follower").await.unwrap(), 2);
}

async fn whoever_waits_hears_of_what_may_be_due(store: Arc<dyn Documents>) {
    let mut moved = store.documents_due();
    moved.borrow_and_update();
    store
        .write(put(document("one", 0, Some(1), "first"), &["a"]))
        .await
        .unwrap();
    assert!(moved.has_changed().unwrap());
    moved.borrow_and_update();
    store.write(touch(&["a"], 1)).await.unwrap();
    assert!(moved.has_changed().unwrap());
}

async fn the_log_knows_nothing_of_documents(store: Arc<dyn Database>) {
    let mut head = store.head();
    commit(&*store, asked("one", "alice", "db-prod:write", at(0))).await;
    head.borrow_and_update();
    store.move_cursor("audit", 1).await.unwrap();
    store.write(step(0, 1)).await.unwrap();
    store
        .write(put(document("one", 0, Some(1), "first"), &["a"]))
        .await
        .unwrap();
    assert!(!head.has_changed().unwrap());
    assert_eq!(store.entries(0, 9).await.unwrap().len(), 1);
}

async fn of_many_writes_of_one_version_one_is_done(store: Arc<dyn Documents>) {
    let writes = (0..20).map(|number| {
        let store = store.clone();
        let mut writes = put(document("one", 0, None, &number.to_string()), &["a"]);
        writes.step = step(0, 1).step;
        tokio::spawn(async move { store.write(writes).await })
    });
    let mut done = 0;
    for write in Vec::from_iter(writes) {
        match write.await.unwrap() {
            Ok(()) => done += 1,
            Err(CommitError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(read(&*store, "one").await.unwrap().version, 1);
}
