//! The messages that show a request are due with every change, until they show it.

use std::sync::Arc;

use keylend::{
    domain::ChannelId,
    store::{Card, NewCard, Place, Store},
};

use crate::story::{active, asked, at, commit, done, with_cards, withdrawn};

crate::holds!(
    a_card_is_due_until_it_shows_the_last_version,
    a_card_that_was_overtaken_stays_due,
    a_message_to_a_person_keeps_its_name_when_slack_opens_a_channel,
    a_card_that_failed_has_its_next_turn_when_it_was_told,
    every_change_gives_every_card_its_turn,
    a_card_that_is_not_there_cannot_be_noted,
    a_new_message_does_not_wait_behind_old_ones,
);

fn card(place: Place, channel: &str) -> NewCard {
    NewCard {
        place,
        channel: ChannelId::new(channel),
    }
}

/// The card as Slack has it after it was posted.
fn posted(card: &Card, channel: &str, shown: &str) -> Card {
    Card {
        channel: ChannelId::new(channel),
        ts: Some("1800000000.000100".to_owned()),
        shown: Some(shown.to_owned()),
        failures: 0,
        ..card.clone()
    }
}

async fn due(store: &dyn Store, second: i64) -> Vec<Card> {
    store.due_cards(at(second), 9).await.unwrap()
}

async fn a_card_is_due_until_it_shows_the_last_version(store: Arc<dyn Store>) {
    let ask = asked("one", "alice", "db-prod:write", at(0));
    let ask = with_cards(ask, &[card(Place::Approval, "C0DBA")]);
    let request = commit(&*store, ask).await;
    assert_eq!(due(&*store, -1).await, []);
    assert_eq!(store.next_card(at(-1)).await.unwrap(), Some(at(0)));
    let [new] = &due(&*store, 0).await[..] else {
        panic!("one card is due");
    };
    let expected = Card {
        request: request.id,
        place: Place::Approval,
        asked_for: ChannelId::new("C0DBA"),
        channel: ChannelId::new("C0DBA"),
        ts: None,
        shown: None,
        failures: 0,
    };
    assert_eq!(new, &expected);
    let shown = posted(new, "C0DBA", "digest");
    store.card_shown(&shown, request.version).await.unwrap();
    assert_eq!(due(&*store, 1_000).await, []);
    assert_eq!(store.next_card(at(-1)).await.unwrap(), None);
    assert_eq!(store.cards(request.id).await.unwrap(), [shown]);
}

async fn a_card_that_was_overtaken_stays_due(store: Arc<dyn Store>) {
    let ask = asked("one", "alice", "db-prod:write", at(0));
    let ask = with_cards(ask, &[card(Place::Approval, "C0DBA")]);
    let before = commit(&*store, ask).await;
    let sent = due(&*store, 0).await.remove(0);
    let after = commit(&*store, withdrawn(&before, at(1))).await;
    let sent = posted(&sent, "C0DBA", "old digest");
    store.card_shown(&sent, before.version).await.unwrap();
    let due_again = due(&*store, 1).await;
    assert_eq!(due_again, [sent]);
    let sent = posted(&due_again[0], "C0DBA", "new digest");
    store.card_shown(&sent, after.version).await.unwrap();
    assert_eq!(due(&*store, 1).await, []);
}

async fn a_message_to_a_person_keeps_its_name_when_slack_opens_a_channel(store: Arc<dyn Store>) {
    let to_alice = [card(Place::Asked, "U0ALICE")];
    let ask = with_cards(asked("one", "alice", "db-prod:write", at(0)), &to_alice);
    let request = commit(&*store, ask).await;
    let new = due(&*store, 0).await.remove(0);
    let shown = posted(&new, "D0ALICE", "digest");
    store.card_shown(&shown, request.version).await.unwrap();
    for channel in ["U0ALICE", "D0ALICE"] {
        let found = store
            .card(request.id, Place::Asked, &ChannelId::new(channel))
            .await;
        assert_eq!(found.unwrap().as_ref(), Some(&shown), "{channel}");
    }
    let other = store
        .card(request.id, Place::Granted, &ChannelId::new("D0ALICE"))
        .await;
    assert_eq!(other.unwrap(), None);

    // Asked for again, by either name, it is the same message.
    let again = [card(Place::Asked, "U0ALICE"), card(Place::Asked, "D0ALICE")];
    let change = with_cards(withdrawn(&request, at(1)), &again);
    let request = commit(&*store, change).await;
    let cards = store.cards(request.id).await.unwrap();
    assert_eq!(cards, due(&*store, 1).await);
    assert_eq!(cards, std::slice::from_ref(&shown));
    store.card_shown(&shown, request.version).await.unwrap();
    assert_eq!(due(&*store, 1).await, []);
}

async fn a_card_that_failed_has_its_next_turn_when_it_was_told(store: Arc<dyn Store>) {
    let ask = asked("one", "alice", "db-prod:write", at(0));
    let ask = with_cards(ask, &[card(Place::Audit, "C0AUDIT")]);
    let request = commit(&*store, ask).await;
    let new = due(&*store, 0).await.remove(0);
    store.card_failed(&new, Some(at(30))).await.unwrap();
    assert_eq!(due(&*store, 29).await, []);
    assert_eq!(store.next_card(at(0)).await.unwrap(), Some(at(30)));
    let again = due(&*store, 30).await.remove(0);
    assert_eq!(again.failures, 1);
    store.card_failed(&again, None).await.unwrap();
    assert_eq!(due(&*store, 1_000_000).await, []);

    let request = commit(&*store, withdrawn(&request, at(40))).await;
    let again = due(&*store, 40).await.remove(0);
    assert_eq!(again.failures, 2, "a change is worth another try");
    let shown = posted(&again, "C0AUDIT", "digest");
    store.card_shown(&shown, request.version).await.unwrap();
    assert_eq!(store.cards(request.id).await.unwrap(), [shown]);
}

async fn every_change_gives_every_card_its_turn(store: Arc<dyn Store>) {
    let request = active(&*store, "one", "role").await;
    let untouched = asked("two", "bob", "db-prod:write", at(0));
    let untouched = with_cards(untouched, &[card(Place::Approval, "C0DBA")]);
    let untouched = commit(&*store, untouched).await;
    let other = due(&*store, 0).await.remove(0);
    let other = posted(&other, "C0DBA", "digest");
    store.card_shown(&other, untouched.version).await.unwrap();

    let new = [
        card(Place::Granted, "U0ALICE"),
        card(Place::Audit, "C0AUDIT"),
        card(Place::Mirror, "C0INC1"),
        card(Place::Mirror, "C0INC2"),
    ];
    let request = commit(&*store, with_cards(done(&request, at(10)), &new)).await;
    let due_now = due(&*store, 10).await;
    assert_eq!(due_now.len(), 4);
    assert!(due_now.iter().all(|card| card.request == request.id));
    assert_eq!(store.due_cards(at(10), 3).await.unwrap().len(), 3);
}

async fn a_card_that_is_not_there_cannot_be_noted(store: Arc<dyn Store>) {
    let ask = asked("one", "alice", "db-prod:write", at(0));
    let ask = with_cards(ask, &[card(Place::Approval, "C0DBA")]);
    commit(&*store, ask).await;
    let mut nowhere = due(&*store, 0).await.remove(0);
    nowhere.asked_for = ChannelId::new("C0NOWHERE");
    assert!(store.card_shown(&nowhere, 1).await.is_err());
    assert!(store.card_failed(&nowhere, None).await.is_err());
}

async fn a_new_message_does_not_wait_behind_old_ones(store: Arc<dyn Store>) {
    let ask = asked("one", "alice", "db-prod:write", at(0));
    let ask = with_cards(ask, &[card(Place::Approval, "C0DBA")]);
    let old = commit(&*store, ask).await;
    let shown = posted(&due(&*store, 0).await[0], "C0DBA", "digest");
    store.card_shown(&shown, old.version).await.unwrap();
    commit(&*store, withdrawn(&old, at(1))).await;
    let ask = asked("two", "bob", "db-prod:write", at(2));
    let new = commit(&*store, with_cards(ask, &[card(Place::Approval, "C0DBA")])).await;
    let in_turn: Vec<_> = due(&*store, 3).await;
    let in_turn: Vec<_> = in_turn.iter().map(|card| card.request).collect();
    assert_eq!(in_turn, [new.id, old.id]);
}
