//! An event tells of whom it names, and of a full member only where all else is denied.

use keylend::slack::inbound::Event;
use serde_json::Value;

pub fn holds(data: &[u8]) {
    let Ok(event) = Event::parse(data) else {
        return;
    };
    let Some(json) = super::read_again(data) else {
        return;
    };
    let inner = &json["event"];
    let user = inner["user"]["id"].as_str().or(inner["user"].as_str());
    let app_of = |app: &Option<String>| {
        assert_eq!(json["type"], "event_callback");
        let said = super::interaction::said(json["api_app_id"].as_str());
        assert_eq!(app.as_deref(), said);
    };
    match &event {
        Event::UrlVerification { challenge } => {
            assert_eq!(json["type"], "url_verification");
            assert_eq!(json["challenge"], challenge.as_str());
        }
        Event::PersonChanged {
            app,
            user: who,
            is_member,
        } => {
            app_of(app);
            assert_eq!(Some(who.as_str()), user);
            let denied = ["deleted", "is_bot", "is_restricted", "is_ultra_restricted"]
                .iter()
                .all(|flag| inner["user"].get(flag) == Some(&Value::Bool(false)));
            assert_eq!(*is_member, denied);
        }
        Event::UsergroupChanged {
            app,
            usergroup,
            people,
        } => {
            app_of(app);
            let named = [&inner["subteam_id"], &inner["subteam"]["id"]];
            assert!(named.into_iter().any(|id| id == usergroup));
            let lists = [
                &inner["added_users"],
                &inner["removed_users"],
                &inner["subteam"]["users"],
            ];
            let is_named = |who: &str| {
                let mut listed = lists.iter().filter_map(|list| list.as_array()).flatten();
                listed.any(|id| id == who)
            };
            assert!(people.iter().all(|who| is_named(who.as_str())));
        }
        Event::ChannelsChanged { app, channels } => {
            app_of(app);
            let named = ["channel", "old_channel_id", "new_channel_id"];
            let is_named = |id: &str| named.iter().any(|key| inner[key].as_str() == Some(id));
            assert!(channels.iter().all(|channel| is_named(channel.as_str())));
        }
        Event::HomeOpened { app, user: who } => {
            app_of(app);
            assert_eq!(Some(who.as_str()), user);
            assert_eq!(inner["tab"], "home");
        }
        Event::Ignored { .. } => {}
    }
    let again = Event::parse(format!("{json:#}").as_bytes());
    assert_eq!(again.expect("what was read once is read again"), event);
}
