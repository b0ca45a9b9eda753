//! Everybody sees what is theirs to see.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use slack_sim::{
    Beside, Page, Step,
    client::{ClientError, KindName, Transport},
};

use super::{Fixture, name};
use crate::common::{api, card};

#[tokio::test]
async fn nobody_sees_channels_they_are_not_in_or_what_is_said_to_others_alone() {
    let fixture = Fixture::start().await;
    let (alice, bob) = (
        fixture.slack.person("U0ALICE"),
        fixture.slack.person("U0BOB"),
    );
    for args in [
        json!({"channel": "C0PRIV", "text": "among few", "blocks": card("r1")}),
        json!({"channel": "U0ALICE", "text": "to Alice"}),
    ] {
        assert_eq!(
            api(&fixture.sim, "chat.postMessage", args).await["ok"],
            true
        );
    }
    let only = json!({"channel": "C0DBA", "user": "U0ALICE", "text": "for your eyes"});
    api(&fixture.sim, "chat.postEphemeral", only).await;

    let sight = alice.sees().await.unwrap();
    for said in ["among few", "to Alice", "for your eyes"] {
        assert!(sight.saying(said).is_some(), "{said}");
    }
    let ephemeral = sight.saying("for your eyes").unwrap();
    assert_eq!(ephemeral.ephemeral_to.as_deref(), Some("U0ALICE"));
    assert_eq!(sight.in_channel(&sight.dm)[0].text, "to Alice");
    assert_eq!(bob.sees().await.unwrap().messages, []);

    let hidden = sight.saying("among few").unwrap();
    assert_eq!(name(bob.click(hidden, "approve").await), "not_found");
    assert_eq!(name(bob.reply(hidden, "me too").await), "not_found");
    assert_eq!(name(bob.say("C0PRIV", "let me in").await), "not_found");
    assert_eq!(name(bob.say(&sight.dm, "let me in").await), "not_found");
    assert_eq!(name(bob.command("C0PRIV", "/jit").await), "not_found");
    assert!(fixture.slack.deliveries().await.unwrap().is_empty());
}

#[tokio::test]
async fn there_is_no_sight_of_people_who_are_not_there() {
    let fixture = Fixture::start().await;
    assert_eq!(
        name(fixture.slack.person("U0NOBODY").sees().await),
        "not_found"
    );
    let nobody = fixture.slack.person("U0NOBODY");
    assert_eq!(name(nobody.say("C0DBA", "boo").await), "not_found");
    assert_eq!(
        name(fixture.slack.person("U0GONE").say("C0DBA", "boo").await),
        "deactivated"
    );
    assert_eq!(
        name(fixture.slack.person("U0KEYLEND").say("C0DBA", "boo").await),
        "is_bot"
    );
}

#[tokio::test]
async fn the_directory_says_who_and_what_there_is() {
    let fixture = Fixture::start().await;
    fixture.sim.furnish(Page {
        title: "A tour".to_owned(),
        beside: Some(Beside {
            title: "Console".to_owned(),
            url: "http://127.0.0.1:9/".to_owned(),
        }),
        tour: vec![
            Step::new("Ask", "Type it.")
                .types("/jit")
                .until("U0BOB", "asks"),
        ],
        roles: [("U0BOB".to_owned(), "approver".to_owned())].into(),
        ..Page::default()
    });
    let directory = fixture.slack.workspace().await.unwrap();
    assert_eq!(directory.team.id, "T0LOCAL");
    assert_eq!(directory.transport, Some(Transport::Http));
    assert!(directory.app.home_tab && directory.page.clock_moves);
    let kind = |id: &str| {
        directory
            .people
            .iter()
            .find(|one| one.id == id)
            .unwrap()
            .kind
    };
    assert_eq!(kind("U0SUE"), KindName::Stranger);
    assert_eq!(kind("U0KEYLEND"), KindName::Bot);
    let archived = directory.channels.iter().find(|one| one.id == "C0OLD");
    assert!(archived.unwrap().is_archived);
    assert_eq!(directory.page.furniture.title, "A tour");
    assert_eq!(directory.page.furniture.roles["U0BOB"], "approver");
    assert_eq!(directory.page.furniture.tour.len(), 1);
}

/// The names that the page's scripts read.
#[tokio::test]
async fn the_page_finds_what_it_reads_by_these_names() {
    let fixture = Fixture::start().await;
    fixture
        .slack
        .person("U0ALICE")
        .command("C0DBA", "/jit")
        .await
        .unwrap();
    let read = async |path: &str| {
        let url = format!("{}control/{path}", fixture.sim.address());
        let answer = crate::common::get(&url).await;
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let keys = |value: &Value| {
        let keys = value.as_object().unwrap().keys().cloned();
        keys.collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let workspace = read("workspace").await;
    assert_eq!(
        keys(&workspace),
        "app channels commands groups page people team transport"
    );
    assert_eq!(
        keys(&workspace["app"]),
        "bot_id bot_user_id home_tab id messages_tab name takes_messages"
    );
    assert_eq!(
        keys(&workspace["people"][0]),
        "id kind name real_name team_id tz"
    );
    assert_eq!(
        keys(&workspace["channels"][0]),
        "id is_archived is_ext_shared is_private members name"
    );
    assert_eq!(
        keys(&workspace["page"]),
        "beside clock_moves roles start title tour"
    );
    let sees = read("people/U0ALICE/sees").await;
    assert_eq!(keys(&sees), "dm home messages modals now version");
    assert_eq!(
        keys(&sees["messages"][0]),
        "blocks bot_id channel edited ephemeral from is_broadcast text thread_ts ts user"
    );
    assert_eq!(sees["messages"][0]["from"], "app");
    let people = read("people/U0NOBODY/sees").await;
    assert_eq!(keys(&people), "error message");
}

#[tokio::test]
async fn whoever_waits_hears_of_a_change_and_of_nothing_older() {
    let fixture = Fixture::start().await;
    let url = |after: u64| format!("{}control/changes?after={after}", fixture.sim.address());
    let alice = fixture.slack.person("U0ALICE");
    let seen = alice.sees().await.unwrap().version;
    let waiting = tokio::spawn({
        let url = url(seen);
        async move { crate::common::get(&url).await.body }
    });
    alice.say("C0DBA", "news").await.unwrap();
    let told: Value = serde_json::from_str(&waiting.await.unwrap()).unwrap();
    assert!(told["version"].as_u64().unwrap() > seen);

    let strange = crate::common::get(&url(0).replace("after=0", "after=x")).await;
    assert_eq!(
        (strange.status, strange.json()["error"].as_str()),
        (400, Some("invalid_arguments"))
    );
}

#[tokio::test]
async fn a_client_says_when_there_is_nobody_to_ask() {
    let address = {
        let fixture = Fixture::start().await;
        fixture.sim.address()
    };
    let gone = slack_sim::Client::new(&address);
    let asked = tokio::time::timeout(Duration::from_secs(5), gone.workspace()).await;
    assert!(matches!(asked, Ok(Err(ClientError::Unreachable { .. }))));
}
