//! Deterministic simulation: thousands of histories, each another, each the same for its seed.
//!
//! The broker, the worker, the policy, the grants, the messenger and the App Homes are the real
//! ones. What they stand on is played: the clock, the store, the targets, the people, Slack behind
//! the wire, and the replicas that crash or are cut off. All of it follows from one seed, so a
//! history that breaks a promise is told again, to the letter, with what led to it on stdout, by
//!
//! ```text
//! KEYLEND_SEED=… cargo nextest run --workspace --test simulation --no-capture
//! ```
//!
//! Among what people do (`actors`) are the moves of an `adversary`: logins are renamed and the same access
//! is given by others in the targets, clocks are set forward and back, captured deliveries are sent again,
//! and one human uses two ids.
//!
//! After every commit, every order to a target and every step, a `referee` holds what happened
//! against the ten promises and a small reference `model`; at the end nothing goes wrong any more,
//! time runs on, everything has to come to rest, and what Slack shows has to be true (`shown`).
//! `mutants` plants bugs, each of which has to be found: a simulation that finds nothing proves
//! nothing.
//!
//! The engine is Tokio's own paused clock on one thread. Turmoil simulates networks between hosts,
//! and what crosses a network here are four traits (`Store`, `Backend`, `PeopleSource`, `Wire`),
//! whose faults are plainer at the trait than as packets. Madsim takes the place of Tokio itself, so
//! that another runtime than the shipped one would be tested, under a compiler flag for the whole
//! build. Paused time is in Tokio, runs what ships, and skips hours in no time. What it leaves to
//! chance is kept away: `select!` is `biased` in what runs here, and every follower of the store has
//! a channel of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actors;
mod adversary;
mod clocks;
mod faults;
mod history;
#[path = "../support/intent.rs"]
mod intent;
mod model;
mod mutants;
mod people;
mod referee;
mod replica;
mod seed;
mod shown;
#[path = "../support/skip.rs"]
mod skip;
mod slack;
mod store;
mod story;
mod target;
mod ways;
mod world;

use std::{env, sync::Arc};

use history::{Told, history};
use mutants::Sound;
use skip::skip;

/// Histories in each of the tests that live them through.
const HISTORIES: u64 = 250;

/// Histories in which a planted bug has to be found.
const ENOUGH: u64 = 1000;

macro_rules! batches {
    ($($name:ident: $batch:literal,)+) => {$(
        #[test]
        fn $name() {
            lives($batch * HISTORIES..($batch + 1) * HISTORIES);
        }
    )+};
}

batches! {
    every_promise_holds_in_every_history_a: 0,
    every_promise_holds_in_every_history_b: 1,
    every_promise_holds_in_every_history_c: 2,
    every_promise_holds_in_every_history_d: 3,
    every_promise_holds_in_every_history_e: 4,
    every_promise_holds_in_every_history_f: 5,
    every_promise_holds_in_every_history_g: 6,
    every_promise_holds_in_every_history_h: 7,
}

/// Lives histories through; with `KEYLEND_SEED` only the one, in the test that replays it.
fn lives(mut seeds: std::ops::Range<u64>) {
    if env::var_os("KEYLEND_SEED").is_some() {
        skip("KEYLEND_SEED chooses one history");
        return;
    }
    let found = seeds.find_map(|seed| {
        let told = history(seed, Arc::new(Sound));
        told.broken.is_some().then_some((seed, told))
    });
    if let Some((seed, told)) = found {
        tell(&told);
        panic!(
            "KEYLEND_SEED={seed} cargo nextest run --workspace --test simulation --no-capture \
             tells this again: {}",
            told.broken.expect("a broken promise")
        );
    }
}

#[expect(clippy::print_stdout, reason = "a failed test shows what it says")]
fn tell(told: &Told) {
    for line in &told.lines {
        println!("{line}");
    }
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    let chosen = env::var("KEYLEND_SEED").ok();
    let seeds = match &chosen {
        Some(seed) => vec![seed.parse().expect("KEYLEND_SEED is a number")],
        None => (0..12).collect(),
    };
    for seed in seeds {
        let (first, second) = (
            history(seed, Arc::new(Sound)),
            history(seed, Arc::new(Sound)),
        );
        if chosen.is_some() {
            tell(&first);
        }
        let differ = first.lines.iter().zip(&second.lines).find(|(a, b)| a != b);
        assert_eq!(differ, None, "seed {seed} does not tell the same twice");
        assert_eq!(first.lines.len(), second.lines.len(), "seed {seed}");
        assert_eq!(first.broken, None, "seed {seed}");
    }
}

#[test]
fn every_planted_bug_is_found() {
    finds(mutants::in_the_usual_way());
}

#[test]
fn every_planted_bug_in_the_other_ways_to_access_is_found() {
    finds(mutants::in_other_ways());
}

/// Lives histories through with each bug until it is found, as it should be.
#[expect(clippy::print_stdout, reason = "a failed test shows what it says")]
fn finds(planted: Vec<mutants::Planted>) {
    if env::var_os("KEYLEND_SEED").is_some() {
        skip("KEYLEND_SEED chooses one history");
        return;
    }
    let mut missed = Vec::new();
    for (name, promises, mutant) in planted {
        let found = (0..ENOUGH).find_map(|seed| {
            let told = history(seed, mutant.clone());
            told.broken.map(|broken| (seed, broken))
        });
        match found {
            Some((seed, broken)) if promises.contains(&broken.promise) => {
                println!("{name}: seed {seed}, {broken}");
            }
            found => missed.push((name, found)),
        }
    }
    assert!(
        missed.is_empty(),
        "not found as they should be: {missed:#?}"
    );
}
