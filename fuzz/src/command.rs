//! A slash command means the same as a form and as JSON, and proves nothing that it does not hold.

use keylend::slack::inbound::SlashCommand;
use serde_json::{Map, Value};

use super::interaction::{installation, said};

pub fn holds(data: &[u8]) {
    let Ok(command) = serde_urlencoded::from_bytes::<SlashCommand>(data) else {
        return;
    };
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(data).expect("what was read once is a form");
    let value = |name: &str| {
        let mut values = fields.iter().filter(|(field, _)| field == name);
        values.next_back().map(|(_, value)| value.as_str())
    };
    let sender = command.sender();
    assert_eq!(
        sender.user.as_ref().map(|id| id.as_str()),
        said(value("user_id"))
    );
    assert_eq!(sender.app.as_deref(), said(value("api_app_id")));
    assert_eq!(
        sender.team.as_ref().map(|id| id.as_str()),
        said(value("team_id"))
    );
    assert_eq!(
        sender.org_wide,
        value("is_enterprise_install") == Some("true")
    );
    assert_eq!(command.text, value("text").unwrap_or_default());

    if let Ok(caller) = installation().caller_of_command(&sender) {
        assert_eq!(Some(caller.user.as_str()), value("user_id"));
        assert!([None, Some("A0KEYLEND")].contains(&said(value("api_app_id"))));
        let homes = [value("team_id"), value("enterprise_id")];
        assert!(homes.contains(&Some(caller.team.as_str())));
        let of_ours = |home: &Option<&str>| home.is_some_and(|home| home.ends_with("LOCAL"));
        assert!(homes.iter().any(of_ours), "{homes:?}");
    }

    let object: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let socket: SlashCommand =
        serde_json::from_value(object.into()).expect("a form's fields are texts");
    assert_eq!(socket.sender(), sender);
    assert_eq!(
        (
            socket.text,
            socket.channel_id,
            socket.trigger_id,
            socket.response_url
        ),
        (
            command.text,
            command.channel_id,
            command.trigger_id,
            command.response_url
        )
    );
}
