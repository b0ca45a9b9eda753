//! The client: its manners and its secrets.

use std::time::Duration;

use keylend::{
    clock::Clock,
    domain::{ChannelId, TeamId, UserId},
    slack::client::{Client, Message, SlackError},
};
use slack_sim::Fault;
use url::Url;

use super::{fixture::Fixture, story::at};

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_left_alone_for_as_long_as_slack_asks_and_no_other_is() {
    let fixture = Fixture::set().await;
    let client = fixture.client();
    let retry_after_secs = 30;
    let refused = Fault::RateLimited { retry_after_secs };
    fixture.sim.fault("chat.postMessage", refused, 1);
    let message = Message::text("a line");
    let (held_back, other) = (ChannelId::new("C0DBA"), ChannelId::new("C0AUDIT"));
    let retry_after = Duration::from_secs(retry_after_secs);
    let told = client.post(&held_back, None, &message).await;
    assert_eq!(told, Err(SlackError::RateLimited { retry_after }));
    client.post(&other, None, &message).await.unwrap();
    // Another message waits; who does not want to wait is answered at once.
    let passing = async {
        fixture.clock.advance(Duration::from_secs(29));
        let left = Duration::from_secs(1);
        let told = client.try_post(&held_back, &message).await;
        assert_eq!(told, Err(SlackError::RateLimited { retry_after: left }));
        let bob = UserId::new("U0BOB");
        let told = client.post_ephemeral(&held_back, &bob, "no").await;
        assert_eq!(told, Ok(()), "other methods are not held back");
        assert_eq!(fixture.sim.calls_of("chat.postMessage").len(), 2);
        fixture.clock.advance(left);
    };
    let (posted, ()) = tokio::join!(client.post(&held_back, None, &message), passing);
    assert_eq!(posted.unwrap().channel, held_back);
    let last = fixture.sim.calls_of("chat.postMessage").pop().unwrap();
    assert_eq!((last.at, fixture.clock.now()), (at(30), at(30)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_knows_who_it_is() {
    let fixture = Fixture::set().await;
    let client = fixture.client();
    let identity = client.identity().await.unwrap();
    assert_eq!(identity.team, TeamId::new("T0LOCAL"));
    assert_eq!(identity.app_id.as_deref(), Some("A0KEYLEND"));
    client.identity().await.unwrap();
    assert_eq!(fixture.sim.calls_of("auth.test").len(), 1);
    let name = client.channel_name(&ChannelId::new("C0DBA")).await;
    assert_eq!(name.unwrap().as_deref(), Some("dba-approvals"));
    let none = client.channel_name(&ChannelId::new("C0NONE")).await;
    assert_eq!(none.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_that_does_not_tell_the_app_still_says_whose_workspace_it_is() {
    let fixture = Fixture::set().await;
    fixture
        .sim
        .fault("bots.info", Fault::error("missing_scope"), 1);
    let identity = fixture.client().identity().await.unwrap();
    assert_eq!(
        (identity.team, identity.app_id),
        (TeamId::new("T0LOCAL"), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_never_contains_the_token() {
    let fixture = Fixture::set().await;
    let url = Url::parse(&fixture.sim.api_url()).unwrap();
    let secret = "xoxb-not-this-workspace";
    let client = Client::new(&url, secret.into(), fixture.clock.clone()).unwrap();
    let error = client.identity().await.unwrap_err();
    assert_eq!(error, SlackError::Refused("invalid_auth".to_owned()));
    assert!(!error.is_permanent(), "somebody will mend it");
    fixture.sim.fault("auth.test", Fault::Status(500), 1);
    let unavailable = client.identity().await.unwrap_err();
    for error in [error, unavailable] {
        assert!(!format!("{error} {error:?}").contains(secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_scope_is_known_by_its_name() {
    let fixture = Fixture::set().await;
    let client = fixture.client();
    let manifest = include_str!("../../../manifest.yml");
    let lines = manifest.lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.contains("- channels:read"))
        .collect();
    fixture.sim.reinstall(&lines.join("\n"));
    assert_eq!(client.missing_scopes().await, Ok(["channels:read"].into()));
    let message = Message::text("a line");
    let refused = client.post(&ChannelId::new("C0DBA"), None, &message).await;
    let missing = SlackError::MissingScope("channels:read".to_owned());
    assert_eq!(refused, Err(missing.clone()));
    assert!(missing.is_of_the_installation() && !missing.is_permanent());

    fixture.sim.reinstall(manifest);
    assert_eq!(client.missing_scopes().await, Ok([].into()));
    let posted = client.post(&ChannelId::new("C0DBA"), None, &message).await;
    assert!(posted.is_ok(), "{posted:?}");
}
