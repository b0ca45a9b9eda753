//! The weekly digest: once for each week, in the audit channel.

use std::{collections::BTreeMap, time::Duration};

use chrono::Weekday;
use keylend::{
    domain::{Notifications, Time, Weekly},
    slack::messages::DigestSettings,
    store::Documents as _,
};

use super::{
    fixture::{Fixture, Running, asked},
    story,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Saturdays at 09:00; the story begins on a Friday at 08:00.
fn saturdays() -> DigestSettings {
    DigestSettings {
        schedule: Weekly {
            day: Weekday::Sat,
            hour: 9,
            zone: chrono_tz::UTC,
        },
        maxima: BTreeMap::new(),
    }
}

fn first_saturday() -> Time {
    "2027-01-16T09:00:00Z".parse().unwrap()
}

/// A messenger that knows which weeks were told.
async fn run(fixture: &Fixture) -> Running {
    let running = fixture.run_with(Notifications::new(), Some(saturdays()));
    let noted = async || {
        let noted = fixture.store.document("digests", "weekly").await;
        noted.unwrap().is_some()
    };
    while !noted().await {
        tokio::task::yield_now().await;
    }
    running
}

fn digests(fixture: &Fixture) -> Vec<String> {
    let said = fixture.sim.messages("C0AUDIT").into_iter();
    let digests = said.filter(|message| message.says("*Weekly digest*"));
    digests.map(|message| message.text).collect()
}

/// Waits until something new is told, so that a digest before it would have been.
async fn something_else(fixture: &Fixture, seed: &str, now: Time) {
    let before = fixture.sim.messages("C0AUDIT").len();
    fixture
        .commit(story::asked(seed, "bob", "db-prod:read", now))
        .await;
    // The head and the line.
    fixture
        .in_time(|sim| (sim.messages("C0AUDIT").len() >= before + 2).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_of_a_week_is_posted_once_across_restarts() {
    let fixture = Fixture::set().await;
    let running = run(&fixture).await;
    fixture.commit(asked("one", 0)).await;
    fixture.settled().await;
    assert!(digests(&fixture).is_empty(), "no week is over yet");

    fixture.clock.set(first_saturday());
    fixture.says("C0AUDIT", "*Weekly digest*").await;
    running.stop().await;
    let running = run(&fixture).await;
    something_else(&fixture, "two", first_saturday() + DAY).await;
    let [first] = &digests(&fixture)[..] else {
        panic!("{:#?}", digests(&fixture));
    };
    assert!(first.contains("1 request: 0 granted"), "{first}");

    fixture.clock.set(first_saturday() + 7 * DAY);
    fixture
        .in_time(|_| (digests(&fixture).len() == 2).then_some(()))
        .await;
    running.stop().await;
    let second = digests(&fixture).pop().unwrap();
    assert!(second.contains("1 request: 0 granted"), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_weeks_that_passed_while_nobody_posted_the_last_one_is_told() {
    let fixture = Fixture::set().await;
    run(&fixture).await.stop().await;
    fixture.commit(asked("one", 0)).await;
    let later = first_saturday() + 15 * DAY;
    fixture.clock.set(later);
    let running = run(&fixture).await;
    fixture.says("C0AUDIT", "*Weekly digest*").await;
    something_else(&fixture, "two", later).await;
    let told = digests(&fixture);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("0 requests: 0 granted"), "{}", told[0]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_row_says_what_was_posted_the_last_week_of_an_older_log_is_told() {
    let fixture = Fixture::set().await;
    fixture.commit(asked("one", 0)).await;
    // Somebody may have deleted the row just before.
    fixture.clock.set(first_saturday());
    let running = run(&fixture).await;
    fixture.says("C0AUDIT", "*Weekly digest*").await;
    running.stop().await;
    let told = digests(&fixture);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("1 request: 0 granted"), "{}", told[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_waits_until_slack_takes_it() {
    let fixture = Fixture::set().await;
    let running = run(&fixture).await;
    fixture.sim.archive("C0AUDIT");
    fixture.clock.set(first_saturday());
    let alert = "*Alert* `channel_unavailable:C0AUDIT`";
    fixture
        .in_time(|sim| {
            let told = sim.messages("C0DBA");
            told.iter().any(|line| line.says(alert)).then_some(())
        })
        .await;
    fixture
        .sim
        .update_channel("C0AUDIT", |channel| channel.is_archived = false);
    fixture
        .in_time(|_| (digests(&fixture).len() == 1).then_some(()))
        .await;
    running.stop().await;
}
