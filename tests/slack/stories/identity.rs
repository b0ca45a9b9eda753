//! Whose address counts, and which name in a target it gives.

use slack_sim::{Person, Workspace};

use crate::support::fixture::{ALICE, APPROVALS, BOB, Fixture, workspace};

const LINE: &str = "request lab:use 30m look at a model";

/// Where Alice's address is this one.
fn with_address(email: &str) -> Workspace {
    workspace().person(Person::member(ALICE, "alice").email(email))
}

/// With this beside the domain in `[identity]`, and two domains.
fn with_two_domains(more: &str) -> impl FnOnce(&str) -> String {
    let identity = format!("email_domains = [\"example.com\", \"second.example\"]\n{more}\n");
    move |config| config.replace("email_domains = [\"example.com\"]\n", &identity)
}

async fn refused(email: &str, confirmed: Option<bool>, more: &str, words: &str) {
    let fixture = Fixture::set(with_address(email), with_two_domains(more), "").await;
    let change = |alice: &mut Person| alice.is_email_confirmed = confirmed;
    fixture.sim.update_person(ALICE, change);
    fixture.jit(ALICE, LINE).await;
    fixture.answered(ALICE, words).await;
    assert!(fixture.sim.messages(APPROVALS).is_empty());
    assert!(fixture.kinds().await.is_empty());
}

/// The name of whoever was let in.
async fn named(email: &str, confirmed: Option<bool>, more: &str, name: &str) {
    let fixture = Fixture::set(with_address(email), with_two_domains(more), "").await;
    let change = |alice: &mut Person| alice.is_email_confirmed = confirmed;
    fixture.sim.update_person(ALICE, change);
    // Who approves needs an address that counts too.
    let confirm = |bob: &mut Person| bob.is_email_confirmed = Some(true);
    fixture.sim.update_person(BOB, confirm);
    fixture.granted(LINE).await;
    fixture.bastion.until_admits(name).await;
}

#[tokio::test]
async fn an_address_of_another_domain_gives_nobodys_name() {
    refused("bob@contractor.example", None, "", "[identity]").await;
    refused("bob@sub.example.com", None, "", "[identity]").await;
    refused(
        "bob@contractor.example",
        Some(true),
        "",
        "contractor.example",
    )
    .await;
    refused("bob@example.com", Some(false), "", "[identity]").await;
}

#[tokio::test]
async fn an_address_of_a_listed_domain_gives_one_name() {
    named("Alice.L@example.com", None, "", "alice.l").await;
    named("Alice@Second.example", None, "", "alice@second.example").await;
}

#[tokio::test]
async fn only_a_confirmed_address_counts_where_the_operator_says_so() {
    let strict = "require_confirmed = true";
    refused("alice@example.com", None, strict, "[identity]").await;
    named("alice@example.com", Some(true), strict, "alice").await;
}

#[tokio::test]
async fn an_entry_in_people_gives_a_name_that_no_address_gives() {
    let entry = "[people.alice]\nusername = \"app-alice\"\nslack_ids = [\"U0ALICE\", \"W0ALICE\"]";
    named("alice@example.com", None, entry, "app-alice").await;
    let bobs = "[people.bob]\nusername = \"Alice\"\nslack_ids = [\"U0BOB\"]";
    refused("alice@example.com", None, bobs, "another person").await;
}
