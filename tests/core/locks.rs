//! What the log says of locks, folded.

use std::collections::BTreeMap;

use keylend::domain::{Actor, Human, Lock, LockEvent, LockTarget, Time, UserId};

fn at(minute: i64) -> Time {
    Time::from_timestamp(4_000_000_000 + minute * 60, 0).unwrap()
}

fn locked(until: Option<Time>) -> LockEvent {
    LockEvent::Locked {
        target: LockTarget::Everything,
        person: Human::default(),
        reason: "a leak".to_owned(),
        until,
    }
}

/// The lock in force after these events.
fn folded(events: &[LockEvent]) -> Option<Lock> {
    let mut locks = BTreeMap::new();
    let by = Actor::Person(UserId::new("U0SEC"));
    for event in events {
        event.apply(at(0), &by, &mut locks);
    }
    locks.remove(&LockTarget::Everything)
}

#[test]
fn of_two_locks_of_one_target_the_later_end_counts_and_no_end_is_the_latest() {
    let (early, late) = (Some(at(10)), Some(at(20)));
    for (one, other, until) in [
        (early, late, late),
        (late, early, late),
        (None, late, None),
        (late, None, None),
        (None, None, None),
    ] {
        let lock = folded(&[locked(one), locked(other)]).unwrap();
        assert_eq!(lock.until, until, "{one:?}, then {other:?}");
    }
}

#[test]
fn a_lock_whose_time_is_over_stays_in_force_until_it_is_lifted() {
    let lock = folded(&[locked(Some(at(10)))]).unwrap();
    assert!(!lock.is_over(at(9)));
    assert!(lock.is_over(at(10)));
    assert!(!folded(&[locked(None)]).unwrap().is_over(at(1_000_000)));
    let target = LockTarget::Everything;
    let lifted = [locked(Some(at(10))), LockEvent::Unlocked { target }];
    assert_eq!(folded(&lifted), None);
}

#[test]
fn a_lock_of_before_locks_could_end_has_no_end() {
    let old = r#"{"kind":"locked","body":{"target":"everything","person":[],"reason":"a leak"}}"#;
    let old: LockEvent = serde_json::from_str(old).unwrap();
    assert_eq!(old, locked(None));
    assert_eq!(
        serde_json::to_value(locked(None)).unwrap()["body"].get("until"),
        None
    );
}
