//! Who clicked is who the payload says, and only one of us is listened to; what a modal's fields
//! hold is what was typed there.

use std::{collections::BTreeSet, sync::OnceLock};

use keylend::{
    domain::TeamId,
    slack::{
        caller::InstallationScope,
        inbound::{InteractionPayload, Sender, View},
    },
};
use serde_json::Value;

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(interaction) = InteractionPayload::parse(text) else {
        return;
    };
    let Some(json) = super::read_again(data) else {
        return;
    };
    let kind = json["type"].as_str().unwrap_or_default();
    match &interaction {
        InteractionPayload::Actions(clicked) => {
            assert_eq!(kind, "block_actions");
            is_who_it_says(&clicked.sender, &json);
            let actions = json["actions"].as_array().map_or(0, Vec::len);
            assert_eq!(clicked.clicks.len(), actions);
            for (click, action) in clicked.clicks.iter().zip(0..) {
                let action = &json["actions"][action];
                assert_eq!(
                    click.action_id,
                    action["action_id"].as_str().unwrap_or_default()
                );
                assert_eq!(click.value(), typed(action));
            }
            clicked
                .view
                .iter()
                .for_each(|view| holds_what_was_typed(view, &json));
        }
        InteractionPayload::Submission(submitted) => {
            assert_eq!(kind, "view_submission");
            is_who_it_says(&submitted.sender, &json);
            holds_what_was_typed(&submitted.view, &json);
        }
        InteractionPayload::Suggestion(searched) => {
            assert_eq!(kind, "block_suggestion");
            is_who_it_says(&searched.sender, &json);
            assert_eq!(searched.query, json["value"].as_str().unwrap_or_default());
        }
        InteractionPayload::Shortcut(chosen) => {
            assert!(["shortcut", "message_action"].contains(&kind));
            let callback_id = json["callback_id"].as_str().unwrap_or_default();
            assert_eq!(chosen.callback_id, callback_id);
            is_who_it_says(&chosen.sender, &json);
            if let Some(message) = &chosen.message {
                let channel = said(json["channel"]["id"].as_str());
                assert_eq!(Some(message.channel.as_str()), channel);
            }
        }
        InteractionPayload::Ignored { kind: ignored } => {
            assert_eq!(ignored, kind);
            return;
        }
    }
    // However it is laid out.
    let again =
        InteractionPayload::parse(&format!("{json:#}")).expect("what was read once is read again");
    assert_eq!(format!("{again:?}"), format!("{interaction:?}"));
}

fn is_who_it_says(sender: &Sender, json: &Value) {
    let user = said(json["user"]["id"].as_str());
    assert_eq!(sender.user.as_ref().map(|id| id.as_str()), user);
    assert_eq!(sender.app.as_deref(), said(json["api_app_id"].as_str()));
    let Ok(caller) = installation().caller_of_interaction(sender) else {
        return;
    };
    assert_eq!(Some(caller.user.as_str()), user);
    assert_eq!(json["api_app_id"], "A0KEYLEND");
    let ours = |value: &Value| value == "T0LOCAL" || value == "E0LOCAL";
    let acted = [&json["enterprise"]["id"], &json["team"]["enterprise_id"]];
    let org_wide = &json["is_enterprise_install"];
    let spans = (org_wide == true || org_wide == "true") && acted.into_iter().any(ours);
    assert!(spans || ours(&json["user"]["team_id"]), "{json}");
    let place = [&json["view"]["app_installed_team_id"], &json["team"]["id"]];
    assert!(spans || place.into_iter().any(ours), "{json}");
}

fn holds_what_was_typed(view: &View, json: &Value) {
    let Some(blocks) = json["view"]["state"]["values"].as_object() else {
        return;
    };
    let elements = || blocks.values().filter_map(Value::as_object).flatten();
    for (action_id, _) in elements() {
        let found = view
            .field(action_id)
            .expect("a field that is there is found");
        let element = &blocks[found.block_id][action_id];
        assert_eq!(found.value, typed(element), "{action_id}");
        assert_eq!(view.value(action_id), found.value);
    }
}

/// What was typed into an element, or chosen.
fn typed(element: &Value) -> Option<&str> {
    let chosen = element["selected_option"]["value"].as_str();
    said(element["value"].as_str()).or(said(chosen))
}

/// A blank text says nothing.
pub fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// An app that is installed for a whole organisation: the most that is let in.
pub fn installation() -> InstallationScope {
    InstallationScope {
        teams: BTreeSet::from(["T0LOCAL", "E0LOCAL"].map(TeamId::new)),
        org_wide: true,
        app: OnceLock::from("A0KEYLEND".to_owned()),
    }
}
