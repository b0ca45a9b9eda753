//! Who is one human, to whom a login belongs and what each holds, where only the log is left to say it.

use std::time::Duration;

use keylend::{presentation, store::Address};
use slack_sim::Person;

use crate::{
    history::write_history,
    on_both,
    scene::Scene,
    support::fixture::{ALICE, BOB, CAROL, DAVE, Fixture, Has as _, REQUEST, SECURITY},
};

on_both!(
    a_second_account_of_the_requester_approves_nothing_although_no_table_links_them,
    a_login_stays_its_owners_although_no_table_says_whose_it_is,
    what_a_person_holds_counts_although_no_table_has_it,
    nothing_is_approved_on_a_log_whose_chain_is_broken_and_everything_ends,
    nothing_is_approved_on_a_log_that_was_cut_off_while_the_service_ran,
    an_address_that_the_log_has_lost_makes_no_two_people_of_one,
);

const SECOND: &str = "W0ALICE";

async fn a_second_account_of_the_requester_approves_nothing_although_no_table_links_them(
    scene: Scene,
) {
    let fixture = &scene.fixture;
    add_second_account(fixture);
    // The log sees both accounts under one address.
    fixture.jit(SECOND, "request lab:use 10m look").await;
    fixture.open_card().await;
    fixture.granted("request db-prod:read 10m look").await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.sim.update_person(SECOND, |second| {
        second.email = "alice-2@example.com".to_owned();
    });
    fixture.clock.advance(Duration::from_secs(61));
    scene.empty_all_tables_but_the_log().await;

    let card = fixture.asked(REQUEST).await;
    fixture.person(SECOND).click(&card, "approve").await;
    fixture.answered(SECOND, "own request").await;
    assert!(!fixture.console.admits("alice"));
}

/// `[people]` with the name `shared` for one Slack id.
fn shared_name_of(id: &str) -> String {
    format!("[people.{id}]\nusername = \"shared\"\nslack_ids = [\"{id}\"]\n")
}

async fn a_login_stays_its_owners_although_no_table_says_whose_it_is(mut scene: Scene) {
    let fixture = &mut scene.fixture;
    fixture.stop().await;
    fixture.reconfigure(|config| shared_name_of(ALICE) + config);
    fixture.boot().await;
    fixture.granted(REQUEST).await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.stop().await;
    fixture.reconfigure(|config| config.replace(&shared_name_of(ALICE), &shared_name_of(DAVE)));
    scene.empty_all_tables_but_the_log().await;
    scene.fixture.boot().await;
    scene.fixture.jit(DAVE, REQUEST).await;
    scene
        .fixture
        .answered(DAVE, "belongs to another person")
        .await;
}

async fn what_a_person_holds_counts_although_no_table_has_it(scene: Scene) {
    let fixture = &scene.fixture;
    let waits = fixture.asked("request db-prod:read 1h first").await;
    for reason in ["one", "two", "three"] {
        let line = format!("request db-prod:read 1h {reason}");
        fixture.granted(&line).await;
    }
    scene.empty_all_tables_but_the_log().await;
    let refused = fixture.answer(ALICE, "request db-prod:read 1h four").await;
    assert!(refused.says("holdings-cap"), "{}", refused.all_text());
    // Nor is it environments that exclude each other.
    fixture.jit(ALICE, "done").await;
    let refused = fixture.answer(ALICE, "request lab:use 10m measure").await;
    assert!(
        refused.says("exclusive-environments"),
        "{}",
        refused.all_text()
    );
    assert!(waits.has("approve"));
}

/// An entry that concerns nobody's decision is taken out of the log's chain.
async fn nothing_is_approved_on_a_log_whose_chain_is_broken_and_everything_ends(mut scene: Scene) {
    let waits = scene.fixture.asked("request db-prod:read 1h look").await;
    scene.fixture.granted(REQUEST).await;
    scene.fixture.stop().await;
    scene
        .tamper_with_the_log("UPDATE events SET prev_hash = hash WHERE kind = 'layer_inspected'")
        .await;
    scene.fixture.boot().await;
    let fixture = &scene.fixture;
    scene.bob_is_refused(&waits).await;
    let damaged = fixture.answered(BOB, "log is damaged").await;
    assert!(damaged.says("audit verify"), "{}", damaged.all_text());
    fixture.jit(DAVE, "request db-prod:read 10m look").await;
    fixture.answered(DAVE, "log is damaged").await;
    fixture.audited("`chain_broken`").await;
    let approved = "SELECT kind FROM events WHERE kind = 'approved'";
    assert_eq!(scene.ask(approved).await.len(), 1);

    fixture.end(SECURITY, "lock @alice stolen").await;
    let is_gone = |_: &slack_sim::Sim| (!fixture.console.admits("alice")).then_some(());
    fixture.in_time(is_gone).await;
}

async fn nothing_is_approved_on_a_log_that_was_cut_off_while_the_service_ran(scene: Scene) {
    let fixture = &scene.fixture;
    let waits = fixture.asked(REQUEST).await;
    fixture.end(SECURITY, "lock lab:use a fire").await;
    // Somebody decides after it, so that this replica knows of it.
    fixture.answer(DAVE, "request lab:use 10m look").await;
    scene.cut_off_the_log(1).await;
    scene.bob_is_refused(&waits).await;
    fixture.answered(BOB, "log is damaged").await;
    assert_eq!(scene.kinds().await, ["requested"]);
}

async fn an_address_that_the_log_has_lost_makes_no_two_people_of_one(mut scene: Scene) {
    let fixture = &mut scene.fixture;
    add_second_account(fixture);
    fixture.granted("request db-prod:read 10m look").await;
    fixture.jit(ALICE, "done").await;
    fixture.ended(1).await;
    fixture.stop().await;
    fixture.sim.update_person(ALICE, |alice| {
        alice.email = "alice-1@example.com".to_owned();
    });
    scene
        .tamper_with_the_log("UPDATE events SET texts = '{}'")
        .await;
    scene.fixture.boot().await;
    // By the log the second account has the address that the first had.
    let fixture = &scene.fixture;
    let refused = fixture.answer(ALICE, REQUEST).await;
    assert!(refused.says("log is damaged"), "{}", refused.all_text());
    fixture.jit(DAVE, REQUEST).await;
    let card = fixture.open_card().await;
    fixture.carol().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(DAVE).pop()).await;
}

/// Alice's second account may approve and has her address.
fn add_second_account(fixture: &Fixture) {
    let mut second = Person::member(SECOND, "alice-2");
    second.email = "alice@example.com".to_owned();
    fixture.sim.add_person(second);
    fixture.sim.set_group("S0DBA", [SECOND, BOB, CAROL]);
    fixture.sim.set_group("S0ENG", [ALICE, DAVE, SECOND]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_people_counts_until_somebody_changes_it_and_tells_a_log_that_was_cut_off()
{
    let mut scene = Scene::on_sqlite().await;
    let address: Address = scene.address().parse().unwrap();
    scene.fixture.stop().await;
    let store = address
        .open(
            &scene.fixture.config().digest,
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await
        .unwrap();
    write_history(&*store, 5_000, "look").await;
    let head = *store.head().borrow();
    for follower in ["audit", "mirror", "dm", "homes", presentation::CURSOR] {
        store.move_cursor(follower, head).await.unwrap();
    }
    store.close().await;
    scene.fixture.boot().await;
    let is_kept = "SELECT count(*) || '' FROM kept_people WHERE length(sealed) > 100";
    scene.until(is_kept, &["1"]).await;
    scene.fixture.granted("request db-prod:read 10m look").await;

    // Nobody else can write it: then the whole log is read, and it is kept again.
    scene.fixture.stop().await;
    scene.tamper("UPDATE kept_people SET sealed = X'00'").await;
    scene.fixture.boot().await;
    scene.until(is_kept, &["1"]).await;
    scene
        .fixture
        .granted("request db-prod:read 11m look again")
        .await;

    // What was not read again is verified all the same.
    scene.fixture.stop().await;
    scene
        .tamper_with_the_log("UPDATE events SET prev_hash = hash WHERE seq = 5")
        .await;
    scene.fixture.boot().await;
    scene.fixture.audited("`chain_broken`").await;
    scene
        .fixture
        .jit(BOB, "request db-prod:read 10m look")
        .await;
    scene.fixture.answered(BOB, "log is damaged").await;

    // A log that was cut off before the entry that was known is found out at the start.
    scene.fixture.stop().await;
    scene
        .tamper(
            "UPDATE events SET prev_hash = (SELECT hash FROM events WHERE seq = 4) WHERE seq = 5",
        )
        .await;
    scene.cut_off_the_log(head / 2).await;
    scene.fixture.boot().await;
    scene
        .fixture
        .jit(DAVE, "request db-prod:read 10m look")
        .await;
    scene.fixture.answered(DAVE, "log is damaged").await;
}
