//! An owner of a Slack user group that a rule names: somebody who decides who is in it. Here that is Dave,
//! an engineer who approves nothing by himself.

use std::time::Duration;

use crate::{
    attempts::{answered, asked, count, granted, kinds_when_all_is_done, logged},
    support::fixture::{ALICE, BOB, CAROL, DAVE, Fixture, REQUEST, SCOPE, SECURITY},
};

const DBA: &str = "S0DBA";
const ENGINEERS: &str = "S0ENG";

/// The owner says who is in a group, and Slack tells Keylend.
async fn is_now(fixture: &Fixture, group: &str, members: &[&str], in_and_out: [&[&str]; 2]) {
    fixture.sim.set_group(group, members.iter().copied());
    let [joined, left] = in_and_out;
    let told = fixture.sim.send_group_change(group, joined, left).await;
    assert!(told.unwrap().is_ok());
}

/// What the group is for: whoever is in it approves.
#[tokio::test]
async fn who_adds_themselves_to_the_approvers_approves_and_the_log_says_that_they_did() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    answered(&fixture, DAVE, fixture.person(DAVE).click(&card, "approve")).await;
    assert_eq!(count(&fixture, "approved").await, 0);
    is_now(&fixture, DBA, &[BOB, CAROL, DAVE], [&[DAVE], &[]]).await;
    fixture.person(DAVE).click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;

    // And they cannot take it back out of the log, or hide it from the audit channel.
    is_now(&fixture, DBA, &[BOB, CAROL], [&[], &[DAVE]]).await;
    let entries = fixture.log().await;
    let mut entries = entries
        .iter()
        .map(|entry| serde_json::to_value(entry).unwrap());
    let approved = entries.find(|entry| entry["kind"] == "approved").unwrap();
    assert_eq!(approved["actor"], "person:U0DAVE");
    assert!(
        approved["rules"].to_string().contains("approver-group"),
        "{approved}"
    );
    fixture.audited("<@U0DAVE>").await;
}

#[tokio::test]
async fn they_cannot_approve_their_own_request_however_they_change_the_group() {
    let mut fixture = Fixture::start().await;
    let own = asked(&fixture, DAVE, REQUEST).await;
    for members in [&[DAVE][..], &[BOB, DAVE], &[DAVE, SECURITY]] {
        is_now(&fixture, DBA, members, [&[DAVE], &[]]).await;
        fixture.person(DAVE).click(&own, "approve").await;
        fixture.person(DAVE).click(&own, "deny").await;
    }
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert_eq!(kinds, ["requested"]);
    assert!(!fixture.admitted(DAVE, SCOPE).await);
}

#[tokio::test]
async fn who_takes_everybody_out_stops_decisions_and_gives_and_keeps_nothing() {
    let fixture = Fixture::start().await;
    fixture.granted("request db-prod:read 30m look").await;
    let card = fixture.asked(REQUEST).await;
    is_now(&fixture, DBA, &[], [&[], &[BOB, CAROL]]).await;
    for who in [BOB, CAROL, DAVE, SECURITY] {
        let click = fixture.person(who);
        answered(&fixture, who, click.click(&card, "approve")).await;
    }
    assert_eq!(count(&fixture, "approved").await, 1);
    // What is granted goes on, and what has to end ends: by an administrator and by its time.
    assert!(fixture.admitted(ALICE, "db-prod:read").await);
    fixture
        .end(SECURITY, "lock db-prod:write a strange group")
        .await;
    logged(&fixture, &["locked"], 1).await;
    fixture.advance_minutes(31);
    fixture.ended(1).await;
    assert!(!fixture.bastion.admits("alice"));
    assert_eq!(count(&fixture, "approved").await, 1);
}

/// A person who was taken out of the requesters loses what they hold: the owner can do that, and it gives
/// nobody anything.
#[tokio::test]
async fn who_takes_a_holder_out_and_puts_them_back_gives_them_nothing_back() {
    let fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    is_now(&fixture, ENGINEERS, &[DAVE, BOB], [&[], &[ALICE]]).await;
    fixture.ended(1).await;
    assert!(!fixture.console.admits("alice"));
    is_now(&fixture, ENGINEERS, &[ALICE, DAVE, BOB], [&[ALICE], &[]]).await;
    fixture.advance_minutes(6);
    logged(&fixture, &["layer_absence_confirmed"], 1).await;
    assert!(!fixture.console.admits("alice"));
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    // They have to be approved again, like everybody.
    granted(&fixture, ALICE, "request db-prod:write 30m INC-2 again").await;
    assert_eq!(count(&fixture, "approved").await, 2);
}

#[tokio::test]
async fn a_group_that_changes_all_the_time_lets_nobody_approve_who_is_not_in_it_any_more() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    for _ in 0..20 {
        is_now(&fixture, DBA, &[CAROL, DAVE], [&[DAVE], &[BOB]]).await;
        is_now(&fixture, DBA, &[BOB, CAROL], [&[BOB], &[DAVE]]).await;
    }
    answered(&fixture, DAVE, fixture.person(DAVE).click(&card, "approve")).await;
    assert_eq!(fixture.kinds().await, ["requested"]);
    // Nor does it keep those from approving who are.
    fixture.clock.advance(Duration::from_secs(61));
    fixture.bob().click(&card, "approve").await;
    fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
}
