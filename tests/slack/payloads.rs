//! What others recorded of Slack is read, or ignored on purpose; nothing of it is an error.
//!
//! The recordings are not part of this project: without them, what reads them is skipped.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{Json, Router, routing::any};
use keylend::{
    clock::SystemClock,
    directory::PeopleSource,
    domain::{Standing, UserId},
    slack::{
        client::Client,
        inbound::{Event, InteractionPayload, SlashCommand},
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::skip::shared;

/// What a payload was read as, in one word.
fn read(path: &Path) -> Result<&'static str, Box<dyn std::error::Error>> {
    let text = fs::read_to_string(path)?;
    let folder = path
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let form = path
        .extension()
        .is_some_and(|extension| extension == "form");
    Ok(match folder {
        "slash_commands" if form => {
            serde_urlencoded::from_str::<SlashCommand>(&text)?;
            "command"
        }
        "slash_commands" => {
            serde_json::from_str::<SlashCommand>(&text)?;
            "command"
        }
        "events" => event(&Event::parse(text.as_bytes())?),
        "http_misc" if form => "form",
        "http_misc" if text.starts_with('{') => event(&Event::parse(text.as_bytes())?),
        "http_misc" => "headers",
        "socket_mode" => enveloped(&serde_json::from_str(&text)?)?,
        _ if form => {
            let fields: Vec<(String, String)> = serde_urlencoded::from_str(&text)?;
            interaction(&InteractionPayload::parse(&fields[0].1)?)
        }
        _ => interaction(&InteractionPayload::parse(&text)?),
    })
}

/// Over a socket the same payloads come in envelopes.
fn enveloped(envelope: &Value) -> Result<&'static str, Box<dyn std::error::Error>> {
    let payload = &envelope["payload"];
    Ok(match envelope["type"].as_str() {
        Some("slash_commands") => {
            serde_json::from_value::<SlashCommand>(payload.clone())?;
            "command"
        }
        Some("interactive") => interaction(&InteractionPayload::parse(&payload.to_string())?),
        Some("events_api") => event(&Event::parse(payload.to_string().as_bytes())?),
        _ => "envelope",
    })
}

fn interaction(interaction: &InteractionPayload) -> &'static str {
    match interaction {
        InteractionPayload::Actions(_) => "actions",
        InteractionPayload::Submission(_) => "submission",
        InteractionPayload::Suggestion(_) => "suggestion",
        InteractionPayload::Shortcut(_) => "shortcut",
        InteractionPayload::Ignored { .. } => "ignored",
    }
}

fn event(event: &Event) -> &'static str {
    match event {
        Event::UrlVerification { .. } => "url verification",
        Event::PersonChanged { .. } => "person changed",
        Event::UsergroupChanged { .. } => "usergroup changed",
        Event::ChannelsChanged { .. } => "channels changed",
        Event::HomeOpened { .. } => "home opened",
        Event::Ignored { .. } => "ignored",
    }
}

/// What a file is to be read as: its folder says it, but for the few with a meaning of their own.
fn expected(path: &Path) -> &'static [&'static str] {
    let name = path
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name);
    match (
        folder.and_then(|name| name.to_str()).unwrap_or_default(),
        name,
    ) {
        ("slash_commands", _) => &["command"],
        ("block_actions", _) => &["actions"],
        ("view_submission", _) => &["submission"],
        ("block_suggestion", _) => &["suggestion"],
        ("shortcuts", _) | ("socket_mode", "interactive_shortcut") => &["shortcut"],
        ("view_closed", _) => &["ignored"],
        ("events", "user_profile_changed") => &["person changed"],
        ("events", name) if name.starts_with("app_home_opened") => &["home opened"],
        // Templates have blank ids, which name nobody.
        ("events", _) => &["ignored"],
        ("http_misc", name) if name.starts_with("url_verification") => &["url verification"],
        ("http_misc", _) => &["form", "headers"],
        ("socket_mode", name) if name.starts_with("slash_commands") => &["command"],
        ("socket_mode", "interactive_block_actions") => &["actions"],
        ("socket_mode", name) if name.starts_with("hello") || name.starts_with("disconnect") => {
            &["envelope"]
        }
        ("socket_mode", _) => &["ignored"],
        _ => &[],
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_recorded_payload_is_read_or_ignored_on_purpose() {
    let Some(folder) = shared("slack-payloads/inbound") else {
        return;
    };
    let files = files(&folder);
    for path in &files {
        let word = read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            expected(path).contains(&word),
            "{} was read as {word}",
            path.display()
        );
    }
    assert!(!files.is_empty());
}

/// A client of a Slack that knows this user alone.
async fn client(user: Value) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let identity = json!({ "ok": true, "team_id": "T0LOCAL" });
    let user = json!({ "ok": true, "user": user });
    let routes = Router::new()
        .route("/api/auth.test", any(async || Json(identity)))
        .route("/api/users.info", any(async || Json(user)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let clock = Arc::new(SystemClock);
    Client::new(&url.parse().unwrap(), "xoxb-of-the-tests".into(), clock).unwrap()
}

#[tokio::test]
async fn recorded_people_of_other_workspaces_are_strangers() {
    let Some(folder) = shared("slack-payloads/outbound") else {
        return;
    };
    for name in ["ok", "slackgo", "template_all_fields"] {
        let text = fs::read_to_string(folder.join(format!("users.info.{name}.json"))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let id = UserId::new(recorded["user"]["id"].as_str().unwrap());
        let profile = client(recorded["user"].clone()).await.profile(&id).await;
        let profile = profile.unwrap().expect("a profile");
        assert_eq!(profile.standing, Standing::Stranger, "{name}");
    }
}

#[test]
fn absent_null_and_blank_fields_are_one_thing() {
    for blank in [
        json!({}),
        json!({ "id": null }),
        json!({ "id": "" }),
        Value::Null,
    ] {
        let payload = json!({
            "type": "block_actions",
            "team": blank.clone(),
            "user": blank,
            "enterprise": null,
            "view": null,
            "actions": null,
        });
        let InteractionPayload::Actions(read) =
            InteractionPayload::parse(&payload.to_string()).unwrap()
        else {
            panic!("not a click");
        };
        assert_eq!(read.sender, keylend::slack::inbound::Sender::default());
        assert!(read.clicks.is_empty() && read.view.is_none());
    }
}

#[test]
fn recorded_shortcuts_name_their_message_and_nothing_that_it_says() {
    let Some(folder) = shared("slack-payloads/inbound/shortcuts") else {
        return;
    };
    let read = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        match InteractionPayload::parse(&text).unwrap() {
            InteractionPayload::Shortcut(shortcut) => shortcut,
            other => panic!("{name}: {other:?}"),
        }
    };
    let global = read("global.json");
    assert_eq!(global.callback_id, "test-global-shortcut");
    assert!(global.message.is_none() && global.trigger_id.is_some());
    let of_a_message = read("message_action.json");
    assert_eq!(of_a_message.callback_id, "test-message-action");
    let link = "https://test-test.slack.com/archives/C123/p1583636382000300";
    let message = of_a_message.message.as_ref().unwrap();
    assert_eq!(message.link().as_deref(), Some(link));
    assert!(!format!("{of_a_message:?}").contains("<@U234>"));
}

#[test]
fn what_a_kind_that_we_ignore_holds_does_not_matter() {
    let payload = r#"{"type": "next_years_idea", "team": 7, "user": [], "actions": "none"}"#;
    let InteractionPayload::Ignored { kind } = InteractionPayload::parse(payload).unwrap() else {
        panic!("not ignored");
    };
    assert_eq!(kind, "next_years_idea");
}

#[test]
fn a_modals_fields_are_found_by_their_element_whatever_their_block() {
    let payload = json!({
        "type": "view_submission",
        "view": { "id": "V1", "hash": "1.2", "callback_id": "request", "state": { "values": {
            "scope": { "scope": {
                "type": "external_select",
                "selected_option": { "text": {}, "value": "db-prod:write" },
            } },
            "duration/db-prod:write": { "duration": { "type": "plain_text_input", "value": "30m" } },
            "ticket": { "ticket": { "type": "plain_text_input", "value": null } },
        } } },
    });
    let InteractionPayload::Submission(read) =
        InteractionPayload::parse(&payload.to_string()).unwrap()
    else {
        panic!("not a submission");
    };
    assert_eq!(read.view.value("scope"), Some("db-prod:write"));
    let duration = read.view.field("duration").unwrap();
    assert_eq!(duration.block_id, "duration/db-prod:write");
    assert_eq!(duration.value, Some("30m"));
    assert_eq!(read.view.value("ticket"), None);
    assert!(read.view.field("reason").is_none());
}

#[test]
fn events_that_make_facts_old_are_told_from_all_others() {
    let event = |event: Value| {
        let body = json!({ "type": "event_callback", "api_app_id": "A0KEYLEND", "event": event });
        self::event(&Event::parse(body.to_string().as_bytes()).unwrap())
    };
    assert_eq!(
        event(json!({ "type": "user_change", "user": { "id": "U0ALICE" } })),
        "person changed"
    );
    assert_eq!(
        event(json!({ "type": "team_join", "user": { "id": "U0ALICE" } })),
        "person changed"
    );
    assert_eq!(
        event(json!({ "type": "subteam_members_changed", "subteam_id": "S0DBA" })),
        "usergroup changed"
    );
    assert_eq!(
        event(json!({ "type": "subteam_updated", "subteam": { "id": "S0DBA" } })),
        "usergroup changed"
    );
    assert_eq!(
        event(json!({ "type": "app_home_opened", "user": "U0ALICE", "tab": "home" })),
        "home opened"
    );
    assert_eq!(
        event(json!({ "type": "app_home_opened", "user": "U0ALICE", "tab": "messages" })),
        "ignored"
    );
}

#[test]
fn events_about_shared_channels_name_the_channels() {
    for (event, named) in [
        (
            json!({ "type": "channel_shared", "channel": "C0DBA" }),
            "C0DBA",
        ),
        (
            json!({ "type": "channel_unshared", "channel": "C0DBA" }),
            "C0DBA",
        ),
        (
            json!({
                "type": "channel_id_changed",
                "old_channel_id": "G0DBA", "new_channel_id": "C0DBA",
            }),
            "G0DBA C0DBA",
        ),
    ] {
        let body = json!({ "type": "event_callback", "event": event });
        let Event::ChannelsChanged { channels, .. } =
            Event::parse(body.to_string().as_bytes()).unwrap()
        else {
            panic!("no channel changed");
        };
        let channels: Vec<String> = channels.iter().map(ToString::to_string).collect();
        assert_eq!(channels.join(" "), named);
    }
}

#[test]
fn only_somebody_of_whom_slack_denies_all_else_is_told_to_be_a_member() {
    let is_member = |user: Value| {
        let body =
            json!({ "type": "event_callback", "event": { "type": "user_change", "user": user } });
        let Event::PersonChanged { is_member, .. } =
            Event::parse(body.to_string().as_bytes()).unwrap()
        else {
            panic!("nobody changed");
        };
        is_member
    };
    let member = json!({
        "id": "U0ALICE", "deleted": false, "is_bot": false, "is_restricted": false,
        "is_ultra_restricted": false,
    });
    assert!(is_member(member.clone()));
    for flag in ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"] {
        let (mut with, mut without) = (member.clone(), member.clone());
        with[flag] = json!(true);
        without.as_object_mut().unwrap().remove(flag);
        assert!(!is_member(with) && !is_member(without), "{flag}");
    }
}

#[test]
fn a_changed_group_names_the_people_whom_it_is_about() {
    let people = |event: Value| {
        let body = json!({ "type": "event_callback", "event": event });
        let Event::UsergroupChanged { people, .. } =
            Event::parse(body.to_string().as_bytes()).unwrap()
        else {
            panic!("no group changed");
        };
        people
            .into_iter()
            .map(|user| user.to_string())
            .collect::<Vec<_>>()
    };
    let members = json!({
        "type": "subteam_members_changed", "subteam_id": "S0DBA",
        "added_users": ["U0BOB"], "removed_users": ["U0ALICE"],
    });
    assert_eq!(people(members), ["U0ALICE", "U0BOB"]);
    let updated = json!({
        "type": "subteam_updated", "subteam": { "id": "S0DBA", "users": ["U0CAROL"] },
    });
    assert_eq!(people(updated), ["U0CAROL"]);
}
