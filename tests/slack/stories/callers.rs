//! Who may speak to Keylend at all.

use serde_json::{Value, json};
use slack_sim::{Person, Signing};

use crate::support::fixture::{
    ALICE, APPROVALS, BOB, Fixture, GENERAL, GUEST, REQUEST, SCOPE, STRANGER, workspace,
};

#[tokio::test]
async fn what_is_not_signed_is_refused_before_anything_is_read() {
    let fixture = Fixture::start().await;
    let delivery = fixture.jit(ALICE, "help").await;
    let now = fixture.now().timestamp();
    for signing in [
        Signing::WrongSecret,
        Signing::Missing,
        Signing::At(now - 301),
        Signing::At(now + 301),
    ] {
        let answer = fixture
            .sim
            .raw(&delivery.path, &[], delivery.sent.clone(), signing)
            .await;
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
    for signing in [Signing::Valid, Signing::At(now - 300)] {
        let answer = fixture
            .sim
            .raw(&delivery.path, &[], delivery.sent.clone(), signing)
            .await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn another_workspace_or_app_changes_nothing_and_is_told_so() {
    let fixture = Fixture::start().await;
    let delivery = fixture.jit(ALICE, "help").await;
    for (ours, theirs) in [("T0LOCAL", "T0OTHER"), ("A0KEYLEND", "A0OTHER")] {
        let forged = delivery
            .sent
            .replace(ours, theirs)
            .replace("help", "request+db-prod%3Awrite+30m+INC-1+fix");
        let answer = fixture
            .sim
            .raw("/slack/commands", &[], forged, Signing::Valid)
            .await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("ephemeral"), "{}", answer.body);
    }
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn guests_are_refused() {
    let fixture = Fixture::start().await;
    fixture
        .person(GUEST)
        .command(GENERAL, "/jit", REQUEST)
        .await;
    fixture.answered(GUEST, "full members").await;
    assert!(fixture.kinds().await.is_empty());
}

#[tokio::test]
async fn a_stranger_who_submits_a_form_changes_nothing() {
    let fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    fixture.share(APPROVALS, true);
    fixture.person(STRANGER).click(&card, "deny").await;
    fixture.answered(STRANGER, "workspace").await;
    assert!(fixture.person(STRANGER).modal().is_none());

    let bob = fixture.person(BOB);
    bob.click(&card, "deny").await;
    fixture.sim.wait_until(|_| bob.modal()).await;
    bob.fill("reason", "reason", "no");
    bob.submit_altered(|payload| {
        let mut theirs = payload.to_string();
        theirs = theirs.replace("\"T0LOCAL\"", "\"T0OTHER\"");
        *payload = serde_json::from_str(&theirs).unwrap();
        payload["view"]["app_installed_team_id"] = "T0LOCAL".into();
    })
    .await;
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn an_install_for_a_whole_organisation_lends_and_takes_back() {
    let fixture = Fixture::of(
        workspace()
            .enterprise("E0ORG", "Example Org")
            .org_wide(true),
    )
    .await;
    let grant = fixture.granted(REQUEST).await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
    fixture.alice().click(&grant, "done").await;
    fixture.told(ALICE, "has ended:").await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn a_person_whose_team_is_the_organisation_is_one_of_ours() {
    let fixture = Fixture::of(
        workspace()
            .enterprise("E0ORG", "Example Org")
            .org_wide(true)
            .person(Person::member(ALICE, "alice").of_organisation())
            .person(Person::member(BOB, "bob").of_organisation()),
    )
    .await;
    let card = fixture.asked(REQUEST).await;
    let click = fixture.bob().click(&card, "approve").await;
    assert_eq!(click.payload["user"]["team_id"], "E0ORG");
    fixture.told(ALICE, "You have").await;
    assert!(fixture.admitted(ALICE, SCOPE).await);
}

#[tokio::test]
async fn an_install_for_a_whole_organisation_listens_to_no_stranger() {
    let fixture = Fixture::of(
        workspace()
            .enterprise("E0ORG", "Example Org")
            .org_wide(true),
    )
    .await;
    let card = fixture.asked(REQUEST).await;
    fixture.share(APPROVALS, true);
    let stranger = fixture.person(STRANGER);
    let click = stranger.click(&card, "approve").await;
    fixture.answered(STRANGER, "workspace").await;

    // The form that Bob gets is put before the stranger too, who submits it.
    let bob = fixture.person(BOB);
    bob.click(&card, "deny").await;
    let form = fixture.sim.wait_until(|_| bob.modal()).await;
    let mut copy = json!({"type": "modal"});
    for part in [
        "callback_id",
        "title",
        "submit",
        "private_metadata",
        "blocks",
    ] {
        copy[part] = form.json()[part].clone();
    }
    let opened: Value = reqwest::Client::new()
        .post(format!("{}views.open", fixture.sim.api_url()))
        .bearer_auth(fixture.sim.bot_token())
        .json(&json!({"trigger_id": click.payload["trigger_id"], "view": copy}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(opened["ok"], true, "{opened}");
    stranger.fill("reason", "reason", "no");
    stranger.submit().await;
    assert_eq!(fixture.kinds().await, ["requested"]);
}

#[tokio::test]
async fn slack_s_own_checks_are_answered() {
    let fixture = Fixture::start().await;
    assert!(fixture.sim.url_verification().await.is_ok());
    let answer = fixture
        .sim
        .raw(
            "/slack/commands",
            &[],
            "ssl_check=1&token=x",
            Signing::Valid,
        )
        .await;
    assert_eq!(answer.status, 200);
    let retried = [
        ("x-slack-retry-num", "1"),
        ("x-slack-retry-reason", "http_timeout"),
    ];
    let event = r#"{"type":"event_callback","team_id":"T0LOCAL","api_app_id":"A0KEYLEND",
        "event":{"type":"user_change","user":{"id":"U0BOB"}}}"#;
    let answer = fixture
        .sim
        .raw("/slack/events", &retried, event, Signing::Valid)
        .await;
    assert_eq!(answer.status, 200);
}
