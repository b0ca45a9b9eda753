//! The follower, without anybody who shows anything: which cards there are, and which cards and Homes
//! are due with which entry.

use std::{collections::BTreeSet, sync::Arc};

use keylend::{
    clock::SystemEntropy,
    domain::{ChannelId, Command, Human, Lock, LockEvent, LockTarget, Span, UserId},
    presentation::{CURSOR, Card, Follower, Home, HomeRecords, Place, Published, REBUILT},
    store::{
        Commit, Document, DocumentWrites, Documents as _, EntryBody, Ledger as _, LockChange,
        Record, Referring, Store as _,
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    fixture::{Fixture, asked, asked_in_incident},
    story::{self, approved, at, done, id, inspected, made, revoked, then, user, withdrawn},
};

const LAYER: [(&str, &str); 1] = [("pg-prod", "member alice of app_writer")];

impl Fixture {
    fn homes(&self) -> HomeRecords {
        HomeRecords::new(self.store.clone())
    }

    /// Sam locks everything.
    async fn locks(&self, second: i64) {
        let lock = Lock {
            target: LockTarget::Everything,
            person: Human::default(),
            by: user("sam"),
            reason: "incident".to_owned(),
            at: at(second),
            until: None,
        };
        let event = LockEvent::Locked {
            target: lock.target.clone(),
            person: lock.person.clone(),
            reason: lock.reason.clone(),
            until: lock.until,
        };
        self.commit_lock(LockChange::Set(lock, by_sam(event, second)))
            .await;
    }

    /// Sam lifts that lock.
    async fn unlocks(&self, second: i64) {
        let target = LockTarget::Everything;
        let event = LockEvent::Unlocked {
            target: target.clone(),
        };
        self.commit_lock(LockChange::Lift(target, by_sam(event, second)))
            .await;
    }

    async fn commit_lock(&self, lock: LockChange) {
        let commit = Commit {
            lock: Some(lock),
            ..Commit::default()
        };
        self.store.commit(commit).await.unwrap();
    }

    /// Follows the log to its end, at this moment.
    async fn follow(&self, second: i64) {
        self.clock.set(at(second));
        let follower = Follower::new(
            self.store.clone(),
            self.store.clone(),
            ChannelId::new("C0AUDIT"),
            self.clock.clone(),
            Arc::new(SystemEntropy),
        );
        let shutdown = CancellationToken::new();
        let head = *self.store.head().borrow();
        let there = async {
            while self.store.cursor(CURSOR).await.unwrap() < head {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = follower.follow(&shutdown, || {}) => panic!("nobody told it to stop"),
            () = there => {}
        }
    }

    /// The cards that are due at this moment.
    async fn due(&self, second: i64) -> Vec<Card> {
        self.cards().due(at(second), 99).await.unwrap()
    }

    /// Notes that every card that is due shows what is.
    async fn show(&self, second: i64) {
        for card in self.due(second).await {
            let ts = card.ts.clone();
            let sent = Card {
                ts: ts.or_else(|| Some("1800000000.000100".to_owned())),
                shown: Some("digest".to_owned()),
                ..card.clone()
            };
            self.cards().shown(&card, &sent).await.unwrap();
        }
    }

    /// Whose Homes are due at this moment. They rest afterwards, as they were.
    async fn due_homes(&self, second: i64) -> Vec<UserId> {
        let mut people = Vec::new();
        while let Some(home) = self.homes().due(at(second)).await.unwrap() {
            let asked_by = home.asked_by.clone();
            self.publish(&home, asked_by).await;
            people.push(home.person);
        }
        people.sort();
        people
    }

    async fn publish(&self, home: &Home, asked_by: BTreeSet<UserId>) {
        let published = self.published(asked_by).await;
        self.homes().shown(home, &published).await.unwrap();
    }

    async fn published(&self, asked_by: BTreeSet<UserId>) -> Published {
        Published {
            shown: "digest".to_owned(),
            asked_by,
            shows_locks: false,
            shows_reviews: false,
            seen: self.homes().followed().await.unwrap(),
            again: None,
        }
    }

    /// Somebody's Home that asks about these people's requests and rests.
    async fn home(&self, name: &str, asked_by: &[&str]) {
        self.homes().opened(&user(name), at(0)).await.unwrap();
        let home = self.homes().due(at(0)).await.unwrap().unwrap();
        assert_eq!(home.person, user(name));
        let asked_by = asked_by.iter().map(|name| user(name)).collect();
        self.publish(&home, asked_by).await;
        assert_eq!(self.homes().due(at(0)).await.unwrap(), None);
    }
}

fn by_sam(event: LockEvent, second: i64) -> Record {
    Record {
        at: at(second),
        request: None,
        actor: keylend::domain::Actor::Person(user("sam")),
        rules: Vec::new(),
        body: EntryBody::Lock(event),
    }
}

fn places(cards: &[Card]) -> Vec<(Place, &str)> {
    let mut places: Vec<_> = cards
        .iter()
        .map(|card| (card.place, card.asked_for.as_str()))
        .collect();
    places.sort();
    places
}

#[tokio::test]
async fn an_entry_calls_for_its_cards_once() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked_in_incident("one", "C0INC42")).await;
    fixture.follow(5).await;
    let asked = [
        (Place::Approval, "C0DBA"),
        (Place::Asked, "U0ALICE"),
        (Place::Audit, "C0AUDIT"),
        (Place::Mirror, "C0INC42"),
    ];
    assert_eq!(fixture.due(4).await, []);
    assert_eq!(fixture.cards().next(at(4)).await.unwrap(), Some(at(5)));
    assert_eq!(places(&fixture.due(5).await), asked);
    fixture.show(5).await;
    assert_eq!(fixture.due(5).await, []);
    assert_eq!(fixture.cards().next(at(0)).await.unwrap(), None);

    let request = fixture.commit(approved(&request, &LAYER, at(6))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(7))).await;
    let mut request = fixture.commit(made(&request, 0, at(8))).await;
    for second in [10, 20] {
        let more = Command::RequestExtension {
            by: user("alice"),
            human: Human::default(),
            rules: Vec::new(),
            duration: Span::minutes(15),
            lapses_at: at(600),
            reason: String::new(),
        };
        request = fixture.commit(then(&request, more, at(second))).await;
        request = fixture.commit(approved(&request, &[], at(second))).await;
    }
    fixture
        .commit(then(&request, Command::Warn, request.warn_at.unwrap()))
        .await;
    fixture.follow(5_000).await;
    let later = [(Place::Extension, "C0DBA")];
    let mut all = [&asked[..], &later[..]].concat();
    all.sort();
    let cards = fixture.due(5_000).await;
    assert_eq!(places(&cards), all);
    // What is to be posted does not wait behind what is to be updated.
    assert_eq!(cards[0].place, Place::Extension);
}

#[tokio::test]
async fn what_was_shown_before_the_follower_came_is_looked_at_again() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked("one", 0)).await;
    fixture.follow(1).await;
    let cards = fixture.due(1).await;
    // The card is sent, and shows what is; the follower comes to that later.
    fixture.commit(withdrawn(&request, at(2))).await;
    fixture.show(2).await;
    assert_eq!(fixture.due(2).await, []);
    fixture.follow(3).await;
    assert_eq!(fixture.due(3).await.len(), cards.len());

    // It comes while the card is on its way.
    let due = fixture.due(3).await;
    let request = fixture.commit(asked("two", 4)).await;
    fixture.follow(4).await;
    fixture.show(4).await;
    let card = fixture.cards().of(request.id).await.unwrap().remove(0);
    fixture.commit(withdrawn(&request, at(5))).await;
    fixture.follow(5).await;
    let kept = fixture.cards().shown(&card, &card).await.unwrap();
    assert_eq!(kept.shown, card.shown);
    let still_due = fixture.due(5).await;
    assert!(still_due.contains(&kept), "{still_due:?}");
    assert_eq!(due.len(), 3);
}

#[tokio::test]
async fn a_card_is_kept_as_the_replica_that_was_first_showed_it() {
    let fixture = Fixture::set().await;
    fixture.commit(asked("one", 0)).await;
    fixture.follow(1).await;
    let card = fixture.due(1).await.remove(0);
    let sent = |ts: &str| Card {
        ts: Some(ts.to_owned()),
        shown: Some("digest".to_owned()),
        ..card.clone()
    };
    let (first, second) = (sent("1800000000.000100"), sent("1800000000.000200"));
    let kept = fixture.cards().shown(&card, &first).await.unwrap();
    assert_eq!(kept.ts, first.ts);
    let late = fixture.cards().shown(&card, &second).await.unwrap();
    assert_eq!(late, kept);
    fixture.cards().failed(&card, Some(at(9))).await.unwrap();
    let found = fixture.cards().of(id("one")).await.unwrap();
    assert!(found.contains(&kept), "{found:?}");
    // Told again, since the answer was lost.
    let again = fixture.cards().shown(&card, &first).await.unwrap();
    assert_eq!(again, kept);
}

#[tokio::test]
async fn a_card_that_failed_has_its_next_turn_when_it_was_told() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked("one", 0)).await;
    fixture.follow(1).await;
    for card in fixture.due(1).await {
        fixture.cards().failed(&card, Some(at(30))).await.unwrap();
    }
    assert_eq!(fixture.due(29).await, []);
    let again = fixture.due(30).await;
    assert!(again.iter().all(|card| card.failures == 1), "{again:?}");
    fixture.cards().failed(&again[0], None).await.unwrap();
    assert_eq!(fixture.due(1_000_000).await.len(), again.len() - 1);
    // Given up until something happens, which may have happened meanwhile.
    fixture.commit(withdrawn(&request, at(40))).await;
    fixture.follow(40).await;
    fixture.cards().failed(&again[1], None).await.unwrap();
    let due = fixture.due(40).await;
    assert_eq!(due.len(), again.len());
    let same = due.iter().find(|card| card.place == again[1].place);
    assert_eq!(same.unwrap().failures, 2);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_keeps_nobody_waiting() {
    let fixture = Fixture::set().await;
    let request = fixture.commit(asked("one", 0)).await;
    fixture.home("bob", &[]).await;
    fixture.follow(1).await;
    let mallory = |collection: &str, key: &str, body: &str| Referring {
        document: Document {
            collection: collection.to_owned(),
            key: key.to_owned(),
            version: 0,
            due_at: Some(at(-9)),
            is_urgent: true,
            body: body.to_owned(),
        },
        refs: [format!("request:{}", request.id)].into(),
    };
    // Not a card, a card under another one's name, and a card of no request.
    let card = serde_json::to_string(&fixture.due(1).await[0]).unwrap();
    let of_nothing = card.replace(&request.id.to_string(), "<!channel>");
    for planted in [
        mallory("cards", "a", "nonsense"),
        mallory("cards", "b", &card),
        mallory("cards", "<!channel>/asked/U0ALICE", &of_nothing),
        mallory("homes", "U0CAROL", "{}"),
    ] {
        let writes = DocumentWrites {
            put: Some(planted),
            ..DocumentWrites::default()
        };
        fixture.store.write(writes).await.unwrap();
    }
    fixture.homes().opened(&user("bob"), at(1)).await.unwrap();
    assert_eq!(fixture.due(1).await.len(), 3);
    assert_eq!(fixture.cards().of(request.id).await.unwrap().len(), 3);
    assert_eq!(fixture.due_homes(1).await, [user("bob")]);
    // Who opens theirs has one again.
    fixture.homes().opened(&user("carol"), at(1)).await.unwrap();
    assert_eq!(fixture.due_homes(1).await, [user("carol")]);
}

#[tokio::test]
async fn a_rebuilt_store_has_cards_of_what_is_open_alone() {
    let fixture = Fixture::set().await;
    let over = fixture.commit(asked("over", 0)).await;
    fixture.commit(withdrawn(&over, at(1))).await;
    let open = fixture.commit(asked("open", 2)).await;
    let head = *fixture.store.head().borrow();
    fixture.store.move_cursor(REBUILT, head).await.unwrap();
    let after = fixture.commit(asked("after", 3)).await;
    fixture.commit(withdrawn(&after, at(4))).await;
    fixture.follow(5).await;
    let due = fixture.due(5).await;
    let shown: BTreeSet<_> = due.iter().map(|card| card.request).collect();
    assert_eq!(shown, BTreeSet::from([open.id, after.id]));
}

#[tokio::test]
async fn a_home_is_due_once_it_was_opened_until_it_is_shown() {
    let fixture = Fixture::set().await;
    let homes = fixture.homes();
    homes.touch(&[user("bob")].into(), at(0)).await.unwrap();
    assert_eq!(homes.due(at(1_000)).await.unwrap(), None, "never opened");
    homes.opened(&user("bob"), at(0)).await.unwrap();
    assert_eq!(homes.due(at(-1)).await.unwrap(), None);
    assert_eq!(homes.next(at(-1)).await.unwrap(), Some(at(0)));
    let home = homes.due(at(0)).await.unwrap().unwrap();
    assert_eq!((&home.person, &home.shown), (&user("bob"), &None));
    fixture.publish(&home, BTreeSet::new()).await;
    assert_eq!(homes.due(at(1_000)).await.unwrap(), None);
    assert_eq!(homes.next(at(-1)).await.unwrap(), None);
    homes.touch(&[user("bob")].into(), at(5)).await.unwrap();
    let again = homes.due(at(5)).await.unwrap().unwrap();
    assert_eq!(again.shown.as_deref(), Some("digest"));

    // Opened while it is on its way: what people see is in doubt again.
    homes.opened(&user("bob"), at(6)).await.unwrap();
    fixture.publish(&again, BTreeSet::new()).await;
    let opened = homes.due(at(6)).await.unwrap().unwrap();
    assert_eq!(opened.shown, None);
}

#[tokio::test]
async fn a_change_touches_its_requesters_home_and_those_that_ask_about_them() {
    let fixture = Fixture::set().await;
    fixture.home("alice", &[]).await;
    fixture.home("bob", &["alice"]).await;
    fixture.home("carol", &["dave"]).await;
    fixture.home("dave", &[]).await;
    let (alice, bob) = (user("alice"), user("bob"));
    let request = fixture.commit(asked("one", 1)).await;
    fixture.follow(1).await;
    assert_eq!(fixture.due_homes(1).await, [alice.clone(), bob.clone()]);
    let request = fixture.commit(approved(&request, &LAYER, at(2))).await;
    let request = fixture.commit(inspected(&request, 0, true, at(3))).await;
    let request = fixture.commit(made(&request, 0, at(4))).await;
    let request = fixture.commit(done(&request, at(5))).await;
    fixture.commit(revoked(&request, 0, at(6))).await;
    fixture.follow(6).await;
    assert_eq!(fixture.due_homes(6).await, [alice.clone(), bob.clone()]);

    // Who is asked no more is not touched any more.
    fixture.homes().touch(&[bob].into(), at(7)).await.unwrap();
    let home = fixture.homes().due(at(7)).await.unwrap().unwrap();
    fixture.publish(&home, BTreeSet::new()).await;
    fixture.commit(asked("two", 8)).await;
    fixture.follow(8).await;
    assert_eq!(fixture.due_homes(8).await, [alice]);
}

#[tokio::test]
async fn a_lock_touches_everybody_who_is_asked_anything() {
    let fixture = Fixture::set().await;
    fixture.home("bob", &["alice"]).await;
    fixture.home("carol", &[]).await;
    fixture.locks(2).await;
    fixture.follow(2).await;
    assert_eq!(fixture.due_homes(2).await, [user("bob")]);
    fixture.homes().touch_asked(at(3)).await.unwrap();
    assert_eq!(fixture.due_homes(3).await, [user("bob")]);
}

#[tokio::test]
async fn a_home_that_was_touched_on_its_way_stays_due() {
    let fixture = Fixture::set().await;
    let homes = fixture.homes();
    homes.opened(&user("bob"), at(0)).await.unwrap();
    let home = homes.due(at(0)).await.unwrap().unwrap();
    homes.touch(&[user("bob")].into(), at(1)).await.unwrap();
    fixture.publish(&home, BTreeSet::new()).await;
    let home = homes.due(at(1)).await.unwrap().unwrap();
    assert_eq!(home.shown.as_deref(), Some("digest"));
    fixture.publish(&home, BTreeSet::new()).await;
    assert_eq!(homes.due(at(1_000)).await.unwrap(), None);
}

#[tokio::test]
async fn a_question_that_may_have_been_answered_on_its_way_stays_due() {
    let fixture = Fixture::set().await;
    let homes = fixture.homes();
    let request = fixture.commit(asked("one", 0)).await;
    fixture.follow(0).await;
    homes.opened(&user("bob"), at(1)).await.unwrap();
    let home = homes.due(at(1)).await.unwrap().unwrap();
    let published = fixture.published([user("alice")].into()).await;
    // Nobody knows yet that Bob is asked.
    fixture.commit(withdrawn(&request, at(2))).await;
    fixture.follow(2).await;
    homes.shown(&home, &published).await.unwrap();
    assert_eq!(fixture.due_homes(2).await, [user("bob")]);

    // The follower comes later than the note: now it is known whom to touch.
    let home = Home {
        version: homes_version(&fixture).await,
        asked_by: BTreeSet::new(),
        ..home
    };
    let published = fixture.published([user("alice")].into()).await;
    let commit = story::asked("two", "alice", "db-prod:write", at(3));
    fixture.commit(commit).await;
    homes.shown(&home, &published).await.unwrap();
    assert_eq!(fixture.due_homes(3).await, []);
    fixture.follow(3).await;
    assert_eq!(fixture.due_homes(3).await, [user("bob")]);

    // Nothing new is asked: what happens elsewhere keeps nobody awake.
    homes.touch(&[user("bob")].into(), at(4)).await.unwrap();
    let home = homes.due(at(4)).await.unwrap().unwrap();
    let published = fixture.published(BTreeSet::new()).await;
    let elsewhere = story::asked("three", "dave", "db-prod:write", at(4));
    fixture.commit(elsewhere).await;
    fixture.follow(4).await;
    homes.shown(&home, &published).await.unwrap();
    assert_eq!(homes.due(at(1_000)).await.unwrap(), None);
}

#[tokio::test]
async fn a_home_that_shows_the_locks_is_due_when_one_is_set_or_lifted() {
    let fixture = Fixture::set().await;
    fixture.home("bob", &[]).await;
    fixture.homes().opened(&user("carol"), at(0)).await.unwrap();
    let carols = fixture.homes().due(at(0)).await.unwrap().unwrap();
    let published = Published {
        shows_locks: true,
        ..fixture.published(BTreeSet::new()).await
    };
    // It refers to the locks only from now on: one that is set before the follower comes is seen then.
    fixture.locks(1).await;
    fixture.follow(1).await;
    fixture.homes().shown(&carols, &published).await.unwrap();
    let carols = fixture.homes().due(at(1)).await.unwrap().unwrap();
    assert_eq!(carols.person, user("carol"));
    let published = Published {
        shows_locks: true,
        ..fixture.published(BTreeSet::new()).await
    };
    fixture.homes().shown(&carols, &published).await.unwrap();
    assert_eq!(fixture.homes().due(at(1)).await.unwrap(), None);

    fixture.unlocks(2).await;
    fixture.follow(2).await;
    let due = fixture.homes().due(at(2)).await.unwrap().unwrap();
    assert_eq!(due.person, user("carol"));
}

async fn homes_version(fixture: &Fixture) -> u64 {
    let home = fixture.store.document("homes", "U0BOB").await.unwrap();
    home.unwrap().version
}

#[tokio::test]
async fn a_home_that_failed_has_its_next_turn_when_it_was_told() {
    let fixture = Fixture::set().await;
    let homes = fixture.homes();
    homes.opened(&user("bob"), at(0)).await.unwrap();
    let home = homes.due(at(0)).await.unwrap().unwrap();
    homes.failed(&home, Some(at(30))).await.unwrap();
    assert_eq!(homes.due(at(29)).await.unwrap(), None);
    assert_eq!(homes.next(at(0)).await.unwrap(), Some(at(30)));
    let again = homes.due(at(30)).await.unwrap().unwrap();
    assert_eq!(again.failures, 1);
    let published = Published {
        again: Some(at(60)),
        ..fixture.published(BTreeSet::new()).await
    };
    homes.shown(&again, &published).await.unwrap();
    assert_eq!(homes.due(at(59)).await.unwrap(), None);
    let again = homes.due(at(60)).await.unwrap().unwrap();
    assert_eq!(again.failures, 2, "it was not whole");
    homes.failed(&again, None).await.unwrap();
    assert_eq!(homes.due(at(1_000_000)).await.unwrap(), None);

    homes.opened(&user("bob"), at(70)).await.unwrap();
    let again = homes.due(at(70)).await.unwrap().unwrap();
    homes.touch(&[user("bob")].into(), at(71)).await.unwrap();
    homes.failed(&again, None).await.unwrap();
    let again = homes.due(at(71)).await.unwrap().unwrap();
    fixture.publish(&again, BTreeSet::new()).await;
    let bob = user("bob");
    homes.touch_showing(&bob, "another", at(80)).await.unwrap();
    assert_eq!(homes.due(at(80)).await.unwrap(), None);
    homes.touch_showing(&bob, "digest", at(80)).await.unwrap();
    let again = homes.due(at(80)).await.unwrap().unwrap();
    assert_eq!(again.failures, 0);
    // What it is about to show is not known, and may be that.
    homes.touch_showing(&bob, "another", at(81)).await.unwrap();
    fixture.publish(&again, BTreeSet::new()).await;
    assert_eq!(fixture.due_homes(81).await, [bob]);
}

#[tokio::test]
async fn who_looks_at_theirs_does_not_wait_behind_others() {
    let fixture = Fixture::set().await;
    for name in ["bob", "carol"] {
        fixture.home(name, &[]).await;
    }
    let both = [user("bob"), user("carol")].into();
    fixture.homes().touch(&both, at(1)).await.unwrap();
    fixture.homes().opened(&user("dave"), at(9)).await.unwrap();
    let first = fixture.homes().due(at(9)).await.unwrap().unwrap();
    assert_eq!(first.person, user("dave"));
}
