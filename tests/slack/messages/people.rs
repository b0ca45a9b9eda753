//! Who people are, as Slack says it.

use std::collections::BTreeSet;

use keylend::{
    directory::PeopleSource,
    domain::{Email, Standing, UserId},
    slack::client::Client,
};
use slack_sim::{Fault, Kind, Person};

use super::fixture::Fixture;

async fn standing(client: &Client, id: &str) -> Standing {
    let profile = client.profile(&UserId::new(id)).await.unwrap();
    profile.expect("somebody").standing
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_what_slack_says_and_nobody_a_member_by_omission() {
    let fixture = Fixture::set().await;
    let client = fixture.client();
    let alice = client
        .profile(&UserId::new("U0ALICE"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(alice.standing, Standing::Member);
    assert_eq!(alice.name, "alice");
    assert_eq!(alice.email, Some(Email::new("alice@example.com")));
    for (kind, expected) in [
        (Kind::Guest, Standing::Guest),
        (Kind::SingleChannelGuest, Standing::Guest),
        (Kind::Bot, Standing::Bot),
        (Kind::Deactivated, Standing::Deactivated),
        (
            Kind::Stranger {
                team_id: "T0THEIRS".to_owned(),
            },
            Standing::Stranger,
        ),
    ] {
        let change = |person: &mut Person| person.kind = kind.clone();
        fixture.sim.update_person("U0CAROL", change);
        assert_eq!(standing(&client, "U0CAROL").await, expected, "{kind:?}");
    }
    assert_eq!(
        client.profile(&UserId::new("U0NOBODY")).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_cannot_be_had_are_an_error_never_an_answer() {
    let fixture = Fixture::set().await;
    let client = fixture.client();
    let alice = UserId::new("U0ALICE");
    client.identity().await.unwrap();
    for fault in [
        Fault::Status(500),
        Fault::Drop,
        Fault::error("internal_error"),
        Fault::RateLimited {
            retry_after_secs: 5,
        },
    ] {
        fixture.sim.fault("users.info", fault.clone(), 1);
        assert!(client.profile(&alice).await.is_err(), "{fault:?}");
    }
    // And while Slack asks to be left alone, it is not asked, nor waited for.
    let asked = fixture.sim.calls_of("users.info").len();
    assert!(client.profile(&alice).await.is_err());
    assert_eq!(fixture.sim.calls_of("users.info").len(), asked);
    fixture.clock.advance(std::time::Duration::from_secs(5));
    assert!(client.profile(&alice).await.unwrap().is_some());
    assert!(client.usergroup("S0NOBODY").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn group_members_come_from_slack() {
    let fixture = Fixture::set().await;
    let client = fixture.client();
    let members = client.usergroup("S0DBA").await.unwrap();
    let expected: BTreeSet<_> = ["U0BOB", "U0CAROL"].map(UserId::new).into();
    assert_eq!(members, expected);
}
