//! A member of another company, who sees a channel that is shared with it, its buttons included. Slack signs
//! what they do like everything else. These tests also send what Slack never would: each id of each kind of
//! payload put in the place of another, while the rest is a colleague's.

use serde_json::{Value, json};
use slack_sim::{Delivery, Signing};

use crate::{
    attempts::{kinds_when_all_is_done, logged},
    support::fixture::{ALICE, APPROVALS, BOB, CAROL, Fixture, REQUEST, SCOPE, STRANGER},
};

const OTHER: &str = "T0OTHER";

/// Sends an interaction, signed as Slack signs it.
async fn send(fixture: &Fixture, path: &str, payload: &Value) -> Delivery {
    let form = serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap();
    fixture.sim.raw(path, &[], form, Signing::Valid).await
}

/// The payload with something else at these places.
fn with(payload: &Value, changes: &[(&str, Value)]) -> Value {
    let mut payload = payload.clone();
    for (place, value) in changes {
        let (parent, key) = place.rsplit_once('/').unwrap();
        payload.pointer_mut(parent).unwrap()[key] = value.clone();
    }
    payload
}

/// What a payload of their company has that ours has not, wherever a click or a form may show it. Each is
/// enough for nothing to be done.
fn swapped() -> Vec<Vec<(&'static str, Value)>> {
    let organisation = json!({"id": "E0OTHER", "name": "Other Corp"});
    vec![
        vec![("/user/team_id", OTHER.into())],
        vec![("/user/team_id", Value::Null)],
        vec![("/user/team_id", "".into())],
        vec![("/user/team_id", "E0OTHER".into())],
        vec![("/user", Value::Null)],
        vec![("/user/id", Value::Null)],
        vec![("/user/id", STRANGER.into())],
        vec![("/user/id", "U0NOBODY".into())],
        vec![("/api_app_id", "A0OTHER".into())],
        vec![("/api_app_id", Value::Null)],
        // As if the app were installed for their whole organisation.
        vec![
            ("/user/team_id", OTHER.into()),
            ("/enterprise", organisation.clone()),
            ("/is_enterprise_install", true.into()),
        ],
        vec![
            ("/user/team_id", "E0OTHER".into()),
            ("/team", Value::Null),
            ("/enterprise", organisation),
            ("/is_enterprise_install", "true".into()),
        ],
    ]
}

/// Somebody's click, and what it would be from Bob, who may decide.
async fn click_of_bob(fixture: &Fixture) -> Value {
    let card = fixture.asked(REQUEST).await;
    fixture.share(APPROVALS, true);
    let click = fixture.person(STRANGER).click(&card, "approve").await;
    let bob: [(&str, Value); 2] = [
        ("/user/id", BOB.into()),
        ("/user/team_id", "T0LOCAL".into()),
    ];
    with(&click.payload, &bob)
}

#[tokio::test]
async fn no_id_of_theirs_in_a_click_decides_anything() {
    let mut fixture = Fixture::start().await;
    let bobs = click_of_bob(&fixture).await;
    let elsewhere = [
        vec![("/team", Value::Null)],
        vec![("/team/id", OTHER.into())],
        vec![("/team/id", "".into())],
    ];
    for changes in swapped().into_iter().chain(elsewhere) {
        let sent = send(&fixture, "/slack/interactions", &with(&bobs, &changes)).await;
        assert_eq!(sent.status, 200, "{changes:?}");
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, ["requested"]);
    // Nothing else was wrong with it.
    send(&fixture, "/slack/interactions", &bobs).await;
    fixture.console.until_admits("alice").await;
}

#[tokio::test]
async fn no_id_of_theirs_in_a_form_decides_anything() {
    let mut fixture = Fixture::start().await;
    let card = fixture.asked(REQUEST).await;
    let bob = fixture.bob();
    bob.click(&card, "deny").await;
    fixture.in_time(|_| bob.modal()).await;
    bob.fill("reason", "reason", "no");
    let mut bobs = Value::Null;
    bob.submit_altered(|payload| {
        bobs = payload.clone();
        payload["user"]["team_id"] = OTHER.into();
    })
    .await;
    assert_eq!(bobs["view"]["app_installed_team_id"], "T0LOCAL");
    let elsewhere = [
        vec![("/view/app_installed_team_id", OTHER.into())],
        vec![
            ("/view/app_installed_team_id", Value::Null),
            ("/team/id", OTHER.into()),
        ],
        vec![
            ("/view/app_installed_team_id", Value::Null),
            ("/team", Value::Null),
        ],
    ];
    for changes in swapped().into_iter().chain(elsewhere) {
        let sent = send(&fixture, "/slack/interactions", &with(&bobs, &changes)).await;
        assert_eq!(sent.status, 200, "{changes:?}");
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, ["requested"]);
    send(&fixture, "/slack/interactions", &bobs).await;
    logged(&fixture, &["denied"], 1).await;
}

#[tokio::test]
async fn no_id_of_theirs_in_a_command_requests_anything() {
    let mut fixture = Fixture::start().await;
    let typed = fixture.jit(ALICE, "help").await;
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(&typed.sent).unwrap();
    for changes in [
        &[("team_id", OTHER)][..],
        &[("team_id", "")],
        &[("user_id", "")],
        &[("user_id", STRANGER)],
        &[("user_id", "U0NOBODY")],
        &[("api_app_id", "A0OTHER")],
        &[
            ("team_id", ""),
            ("enterprise_id", "E0OTHER"),
            ("is_enterprise_install", "true"),
        ],
        &[
            ("team_id", OTHER),
            ("enterprise_id", "E0OTHER"),
            ("is_enterprise_install", "true"),
        ],
        // The last of two would have to be believed.
        &[("team_id", OTHER), ("also", "team_id=T0LOCAL")],
    ] {
        let mut fields = fields.clone();
        for (name, value) in changes.iter().chain(&[("text", REQUEST)]) {
            fields.retain(|(field, _)| field != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let mut body = serde_urlencoded::to_string(&fields).unwrap();
        if let Some(doubled) = fields.iter().find(|(field, _)| field == "also") {
            body = format!("{body}&{}", doubled.1);
        }
        let commands = "/slack/commands";
        let sent = fixture.sim.raw(commands, &[], body, Signing::Valid).await;
        assert!([200, 400].contains(&sent.status), "{changes:?}");
    }
    assert!(kinds_when_all_is_done(&mut fixture).await.is_empty());
    fixture.asked(REQUEST).await;
}

#[tokio::test]
async fn they_are_not_told_what_can_be_requested() {
    let fixture = Fixture::start().await;
    let alice = fixture.alice();
    fixture.jit(ALICE, "").await;
    fixture.in_time(|_| alice.modal()).await;
    assert!(!alice.suggest("scope", "prod").await.is_empty());
    let deliveries = fixture.sim.deliveries().into_iter();
    let mut searches = deliveries.filter(|sent| sent.payload["type"] == "block_suggestion");
    let hers = searches.next_back().unwrap().payload;
    for theirs in [
        [("/user/team_id", Value::from(OTHER))],
        [("/user/team_id", Value::Null)],
        [("/api_app_id", "A0OTHER".into())],
        [("/view/app_installed_team_id", OTHER.into())],
    ] {
        let answer = send(&fixture, "/slack/options", &with(&hers, &theirs)).await;
        assert_eq!(answer.json(), json!({"options": []}), "{theirs:?}");
    }
}

/// Keylend's shortcuts open a form, and none is taken for a click or a form.
#[tokio::test]
async fn a_shortcut_decides_nothing_whatever_it_looks_like() {
    let mut fixture = Fixture::start().await;
    let bobs = click_of_bob(&fixture).await;
    for kind in [
        "shortcut",
        "message_action",
        "workflow_step_edit",
        "view_closed",
        "",
    ] {
        let callback: [(&str, Value); 2] =
            [("/type", kind.into()), ("/callback_id", "request".into())];
        for path in ["/slack/interactions", "/slack/options"] {
            let sent = send(&fixture, path, &with(&bobs, &callback)).await;
            assert_eq!(sent.status, 200, "{kind}");
        }
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, ["requested"]);
    assert!(fixture.bob().modal().is_none());
}

/// Slack offers them no shortcuts. These are a colleague's with an id of theirs.
#[tokio::test]
async fn no_shortcut_of_theirs_opens_a_form() {
    let mut fixture = Fixture::start().await;
    let alice = fixture.alice();
    let message = alice.say("C0GENERAL", "writes are failing");
    let global = alice.shortcut("request_access").await.payload;
    fixture.in_time(|_| alice.modal()).await;
    let of_a_message = alice
        .message_shortcut(&message, "request_access_for_message")
        .await
        .payload;
    fixture
        .in_time(|sim| (sim.calls_of("views.open").len() == 2).then_some(()))
        .await;
    for payload in [global, of_a_message] {
        for theirs in [
            vec![("/user/team_id", Value::from(OTHER))],
            vec![("/user", Value::Null)],
            vec![("/user/id", STRANGER.into())],
            vec![("/user/id", "U0NOBODY".into())],
            vec![("/team/id", OTHER.into())],
            vec![("/team", Value::Null)],
            vec![("/api_app_id", "A0OTHER".into())],
        ] {
            let sent = send(&fixture, "/slack/interactions", &with(&payload, &theirs)).await;
            assert_eq!(sent.status, 200, "{theirs:?}");
        }
    }
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert!(!kinds.contains(&"requested".to_owned()), "{kinds:?}");
    assert_eq!(fixture.sim.calls_of("views.open").len(), 2);
}

/// An event says that something may have changed. What has changed, Keylend asks Slack.
#[tokio::test]
async fn no_event_about_them_or_of_them_ends_access_or_lets_anybody_decide() {
    let mut fixture = Fixture::start().await;
    fixture.granted(REQUEST).await;
    let asked = fixture.sim.arrivals("users.info");
    for event in [
        json!({"type": "user_change", "user": {"id": ALICE, "team_id": OTHER, "deleted": true}}),
        json!({"type": "user_change", "user": {
            "id": ALICE, "team_id": OTHER, "is_stranger": true, "is_restricted": true,
        }}),
        json!({"type": "team_join", "user": {"id": STRANGER, "team_id": "T0LOCAL"}}),
        json!({
            "type": "subteam_members_changed", "subteam_id": "S0ENG", "team_id": OTHER,
            "added_users": [STRANGER], "removed_users": [ALICE, BOB],
        }),
        json!({
            "type": "subteam_updated",
            "subteam": {"id": "S0DBA", "team_id": OTHER, "users": [STRANGER]},
        }),
        json!({"type": "channel_unshared", "channel": APPROVALS, "is_ext_shared": false}),
        json!({"type": "app_home_opened", "user": STRANGER, "tab": "home"}),
    ] {
        let told = fixture.sim.event(event).await;
        assert_eq!(told.status, 200);
    }
    fixture
        .in_time(|sim| (sim.arrivals("users.info") >= asked + 2).then_some(()))
        .await;
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert!(
        !kinds.contains(&"revocation_started".to_owned()),
        "{kinds:?}"
    );
    assert!(fixture.admitted(ALICE, SCOPE).await && fixture.console.admits("alice"));

    let card = fixture.asked("request db-prod:read 10m look").await;
    fixture.person(STRANGER).click(&card, "approve").await;
    let kinds = kinds_when_all_is_done(&mut fixture).await;
    assert_eq!(kinds.last().map(String::as_str), Some("requested"));
    fixture.person(CAROL).click(&card, "approve").await;
    fixture.bastion.until_admits("alice").await;
    let home = fixture.sim.home(STRANGER);
    assert!(home.is_none_or(|home| !home.says(SCOPE)));
}
