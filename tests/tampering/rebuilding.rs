//! Tables that are computed from the log, where those that there were cannot be trusted.

use std::process::{Command, Output};

use crate::{
    on_both,
    scene::Scene,
    support::stage::{ALICE, APPROVALS, AUDIT, DAVE, Has as _, REQUEST, SCOPE, SECURITY, Stage},
};

on_both!(
    a_service_goes_on_with_tables_that_were_computed_from_the_log,
    tables_that_were_changed_are_as_the_log_says_once_they_were_computed_from_it,
);

fn keylend(stage: &Stage, arguments: &[&str]) -> Output {
    let config = stage.config_file();
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
    scene.stage.stop().await;
    let new = scene.stage.database().with_file_name("rebuilt.db");
    scene.stage.reconfigure(|config| {
        let url = config.lines().find(|line| line.starts_with("url = "));
        let new = format!("url = \"sqlite://{}\"", new.display());
        config.replacen(url.expect("the store is first"), &new, 1)
    });
    let rebuilt = keylend(&scene.stage, &["rebuild", "--from", &from]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let said = String::from_utf8_lossy(&rebuilt.stdout);
    assert!(said.contains("from the log"), "{said}");
    let checked = keylend(&scene.stage, &["check"]);
    assert!(checked.status.success(), "{checked:?}");

    let again = keylend(&scene.stage, &["rebuild", "--from", &from]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("is not empty"), "{said}");
}

/// The cards that ask for a decision and say this.
fn asking(stage: &Stage, words: &str) -> Vec<slack_sim::Message> {
    let cards = stage.sim.messages(APPROVALS).into_iter();
    cards
        .filter(|card| card.says(words) && card.has("approve"))
        .collect()
}

async fn a_service_goes_on_with_tables_that_were_computed_from_the_log(mut scene: Scene) {
    scene.stage.granted(REQUEST).await;
    let over = scene.stage.granted("request db-prod:read 10m pods").await;
    scene.stage.alice().click(&over, "done").await;
    scene.stage.ended(1).await;
    scene.stage.jit(DAVE, "request lab:use 10m a drill").await;
    scene
        .stage
        .in_time(|_| asking(&scene.stage, "a drill").pop())
        .await;
    scene
        .stage
        .answer(SECURITY, "lock db-prod:admin a fire")
        .await;
    scene.stage.audited("a fire").await;
    let told = scene.stage.sim.messages(AUDIT).len();

    rebuild(&mut scene).await;
    scene.stage.boot().await;
    let stage = &scene.stage;
    assert!(stage.admitted(ALICE, SCOPE).await);
    assert!(!stage.admitted(ALICE, "db-prod:read").await);
    let refused = stage.answer(ALICE, "request db-prod:admin 10m pods").await;
    assert!(refused.says("This is locked"), "{}", refused.all_text());

    // What is open is shown once more, and what is over is not.
    let twice = |_: &_| {
        let cards = asking(stage, "a drill");
        (cards.len() == 2).then_some(cards)
    };
    let cards = stage.in_time(twice).await;
    stage.bob().click(&cards[1], "approve").await;
    stage.in_time(|_| stage.grants(DAVE).pop()).await;
    stage.advance_minutes(30);
    stage.ended(2).await;
    assert!(!stage.console.admits("alice"));
    let retold = stage.sim.messages(AUDIT);
    let retold = retold.iter().skip(told).filter(|line| line.says("a fire"));
    assert_eq!(retold.count(), 0, "no line is told again");
    let checked = keylend(stage, &["check"]);
    assert!(checked.status.success(), "{checked:?}");
}

async fn tables_that_were_changed_are_as_the_log_says_once_they_were_computed_from_it(
    mut scene: Scene,
) {
    scene.stage.granted(REQUEST).await;
    scene.tamper("DELETE FROM names").await;
    scene.tamper("DELETE FROM humans").await;
    scene.tamper("UPDATE holders SET version = 9").await;
    scene
        .tamper("UPDATE requests SET state = 'ended', open = 0")
        .await;
    let checked = keylend(&scene.stage, &["check"]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stdout);
    for table in ["names", "humans", "holders", "requests"] {
        assert!(said.contains(table), "{said}");
    }
    rebuild(&mut scene).await;
}
