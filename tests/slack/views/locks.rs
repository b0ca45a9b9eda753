//! What people read of locks, of what is going on, and of what was held.

use keylend::{
    broker::{HeldAt, HeldBy, Situation},
    domain::{BackendName, Human, Lock, LockTarget, Time},
    slack::view::{
        held_at::held_at,
        home::{Home, home},
        incident::situation,
        locks, modal_end,
    },
};
use serde_json::json;

use super::{
    story::{self, Story, terms},
    with_short_times,
};

fn at(time: &str) -> Time {
    format!("2099-11-21T{time}:00Z").parse().unwrap()
}

pub(super) fn lock(target: LockTarget, until: Option<Time>) -> Lock {
    Lock {
        target,
        person: Human::default(),
        by: story::bob(),
        reason: "a <!channel> leak".to_owned(),
        at: at("02:00"),
        until,
    }
}

#[test]
fn the_list_of_locks_says_who_why_since_and_until_when_and_how_each_is_lifted() {
    let listed = locks::list(&[
        lock(LockTarget::Everything, Some(at("04:00"))),
        lock(LockTarget::Person(story::alice()), None),
        lock(LockTarget::Target(BackendName::new("pg-prod")), None),
    ]);
    let expected = "Locks in force:\n\
        • Everything is locked by <@U0BOB> since ‹02:00›, until ‹04:00› (a &lt;!channel&gt; leak). \
        To lift the lock, type `/jit unlock everything`.\n\
        • <@U0ALICE> is locked by <@U0BOB> since ‹02:00›, until somebody lifts it \
        (a &lt;!channel&gt; leak). To lift the lock, type `/jit unlock U0ALICE`.\n\
        • Target `pg-prod` is locked by <@U0BOB> since ‹02:00›, until somebody lifts it \
        (a &lt;!channel&gt; leak). To lift the lock, type `/jit unlock pg-prod`.";
    assert_eq!(with_short_times(&listed), expected);
    assert_eq!(locks::list(&[]), "No lock is in force.");
}

#[test]
fn a_home_lists_the_locks_in_one_block_and_counts_the_rest() {
    let mut shown = Home {
        locks: (0..6)
            .map(|number| {
                lock(
                    LockTarget::Target(BackendName::new(format!("t{number}"))),
                    None,
                )
            })
            .collect(),
        ..Home::default()
    };
    let view = home(&shown);
    let blocks = view["blocks"].as_array().unwrap();
    let texts = blocks
        .iter()
        .filter_map(|block| block["text"]["text"].as_str());
    let texts: Vec<&str> = texts.collect();
    let title = texts.iter().position(|text| *text == "Locks in force");
    let listed = texts[title.unwrap() + 1];
    assert_eq!(listed.lines().count(), 5, "{listed}");
    assert!(
        listed.contains("• Target `t3` is locked by <@U0BOB>"),
        "{listed}"
    );
    assert!(listed.ends_with("… and 2 more"), "{listed}");
    shown.locks.clear();
    assert!(!home(&shown).to_string().contains("Locks in force"));
}

#[test]
fn the_form_of_a_lock_asks_for_how_long_and_may_be_left_without() {
    let form = modal_end::lock("What ends.", "2h", "a leak", "carried");
    let field = &form["blocks"][1];
    assert_eq!(field["block_id"], "duration");
    assert_eq!(field["optional"], true);
    assert_eq!(field["element"]["initial_value"], "2h");
    let form = modal_end::lock("What ends.", "", "", "carried");
    assert_eq!(form["blocks"][1]["element"].get("initial_value"), None);
    assert_eq!(form["title"]["text"], json!("Lock access"));
}

#[test]
fn what_is_going_on_is_told_part_by_part_and_fits_in_one_answer() {
    let quiet = situation(&Situation::default(), None, at("03:00"));
    let expected = "Right now:\n*Active*: none\n*Being revoked*: none\n\
        *Stuck: a target failed to revoke it*: none";
    assert_eq!(quiet, expected);
    let active = Story::begin(terms(None), 1).approve("U0BOB").active();
    let much = Situation {
        active: vec![active.request.clone(); 90],
        stuck: vec![active.request; 90],
        pending: Some(Vec::new()),
        ended: Some(Vec::new()),
        locks: Some(vec![lock(LockTarget::Everything, None); 40]),
        ..Situation::default()
    };
    let told = situation(&much, None, at("03:00"));
    assert!(told.chars().count() <= 3_900, "{told}");
    for words in [
        "*Active* (90)",
        "… and 8",
        "*Pending*: none",
        "*Ended within the last hour*: none",
        "*Locks* (40)",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn what_was_held_is_told_as_of_that_moment_or_where_to_ask_instead() {
    let scope = HeldBy::Scope("db-prod:write".parse().unwrap());
    let told = |whose: &HeldBy, held: HeldAt| with_short_times(&held_at(whose, at("02:10"), &held));
    assert_eq!(
        told(&scope, HeldAt::Held(Vec::new())),
        "Nobody had `db-prod:write` at ‹02:10›."
    );
    assert_eq!(
        told(&HeldBy::Person(story::alice()), HeldAt::Held(Vec::new())),
        "<@U0ALICE> had nothing at ‹02:10›."
    );
    let long_ago = told(&scope, HeldAt::TooLongAgo);
    assert!(long_ago.contains("keylend audit who --at"), "{long_ago}");
}
