//! Tables that are computed from the log, where those that there were cannot be trusted.

use std::process::{Command, Output};

use crate::{
    on_both,
    scene::Scene,
    support::fixture::{
        ALICE, APPROVALS, AUDIT, DAVE, Fixture, Has as _, REQUEST, SCOPE, SECURITY,
    },
};

on_both!(
    a_service_goes_on_with_tables_that_were_computed_from_the_log,
    tables_that_were_changed_are_as_the_log_says_once_they_were_computed_from_it,
);

fn keylend(fixture: &Fixture, arguments: &[&str]) -> Output {
    let config = fixture.config_file();
    Command::new(env!("CARGO_BIN_EXE_keylend"))
        .arg("store")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .output()
        .unwrap()
}

/// Stops the service and rebuilds its store as a new file, which the configuration names from then on.
async fn rebuild(scene: &mut Scene) {
    let from = scene.address();
    scene.fixture.stop().await;
    let new = scene.fixture.database().with_file_name("rebuilt.db");
    scene.fixture.reconfigure(|config| {
        let url = config.lines().find(|line| line.starts_with("url = "));
        let new = format!("url = \"sqlite://{}\"", new.display());
        config.replacen(url.expect("the store is first"), &new, 1)
    });
    let rebuilt = keylend(&scene.fixture, &["rebuild", "--from", &from]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let said = String::from_utf8_lossy(&rebuilt.stdout);
    assert!(said.contains("from the log"), "{said}");
    let checked = keylend(&scene.fixture, &["check"]);
    assert!(checked.status.success(), "{checked:?}");

    let again = keylend(&scene.fixture, &["rebuild", "--from", &from]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("is not empty"), "{said}");
}

/// The cards that ask for a decision and say this.
fn asking(fixture: &Fixture, words: &str) -> Vec<slack_sim::Message> {
    let cards = fixture.sim.messages(APPROVALS).into_iter();
    cards
        .filter(|card| card.says(words) && card.has("approve"))
        .collect()
}

async fn a_service_goes_on_with_tables_that_were_computed_from_the_log(mut scene: Scene) {
    scene.fixture.granted(REQUEST).await;
    let over = scene.fixture.granted("request db-prod:read 10m pods").await;
    scene.fixture.alice().click(&over, "done").await;
    scene.fixture.ended(1).await;
    scene.fixture.jit(DAVE, "request lab:use 10m a drill").await;
    scene
        .fixture
        .in_time(|_| asking(&scene.fixture, "a drill").pop())
        .await;
    scene
        .fixture
        .end(SECURITY, "lock db-prod:admin a fire")
        .await;
    scene.fixture.audited("a fire").await;
    let told = scene.fixture.sim.messages(AUDIT).len();

    rebuild(&mut scene).await;
    scene.fixture.boot().await;
    let fixture = &scene.fixture;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    assert!(!fixture.admitted(ALICE, "db-prod:read").await);
    let refused = fixture
        .answer(ALICE, "request db-prod:admin 10m pods")
        .await;
    assert!(refused.says("This is locked"), "{}", refused.all_text());

    // What is open is shown once more, and what is over is not.
    let twice = |_: &_| {
        let cards = asking(fixture, "a drill");
        (cards.len() == 2).then_some(cards)
    };
    let cards = fixture.in_time(twice).await;
    fixture.bob().click(&cards[1], "approve").await;
    fixture.in_time(|_| fixture.grants(DAVE).pop()).await;
    fixture.advance_minutes(30);
    fixture.ended(2).await;
    assert!(!fixture.console.admits("alice"));
    let retold = fixture.sim.messages(AUDIT);
    let retold = retold.iter().skip(told).filter(|line| line.says("a fire"));
    assert_eq!(retold.count(), 0, "no line is told again");
    let checked = keylend(fixture, &["check"]);
    assert!(checked.status.success(), "{checked:?}");
}

async fn tables_that_were_changed_are_as_the_log_says_once_they_were_computed_from_it(
    mut scene: Scene,
) {
    scene.fixture.granted(REQUEST).await;
    scene.tamper("DELETE FROM due").await;
    scene.tamper("UPDATE layers SET managed = 0").await;
    scene
        .tamper("UPDATE requests SET state = 'ended', open = 0")
        .await;
    let checked = keylend(&scene.fixture, &["check"]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stdout);
    for table in ["due", "layers", "requests"] {
        assert!(said.contains(table), "{said}");
    }
    rebuild(&mut scene).await;
}
