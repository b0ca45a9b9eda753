//! What blocks and what they hold must be.

use serde_json::{Value, json};

use super::{button, filled, mrkdwn, option, plain, refused, select, start, x};
use crate::common::api;

#[tokio::test]
async fn blocks_that_are_not_blocks_are_refused_where_they_are_wrong() {
    let text_input = json!({"type": "plain_text_input"});
    let chosen = json!({"text": plain(1), "value": "other"});
    let rows = [
        (json!([{"type": "nope"}]), "/blocks/0/type"),
        (json!([{"text": plain(1)}]), "/blocks/0"),
        (json!(["text"]), "/blocks/0"),
        (json!([{"type": "divider", "color": "red"}]), "/blocks/0"),
        (
            json!([{"type": "divider", "block_id": 1}]),
            "/blocks/0/block_id",
        ),
        (
            json!([{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]),
            "/blocks/1/block_id",
        ),
        (json!([{"type": "section"}]), "/blocks/0"),
        (
            json!([{"type": "section", "fields": []}]),
            "/blocks/0/fields",
        ),
        (
            json!([{"type": "section", "text": "bare"}]),
            "/blocks/0/text",
        ),
        (
            json!([{"type": "section", "text": {"type": "plain_text", "text": ""}}]),
            "/blocks/0/text/text",
        ),
        (
            json!([{"type": "section", "text": {"type": "markdown", "text": "x"}}]),
            "/blocks/0/text/type",
        ),
        (
            json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": true}}]),
            "/blocks/0/text",
        ),
        (
            json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x", "verbatim": "yes"}}]),
            "/blocks/0/text/verbatim",
        ),
        (
            json!([{"type": "section", "text": plain(1), "accessory": text_input}]),
            "/blocks/0/accessory/type",
        ),
        (
            json!([{"type": "header", "text": mrkdwn(1)}]),
            "/blocks/0/text/type",
        ),
        (json!([{"type": "header"}]), "/blocks/0"),
        (
            json!([{"type": "context", "elements": []}]),
            "/blocks/0/elements",
        ),
        (json!([{"type": "actions"}]), "/blocks/0"),
        (
            json!([{"type": "actions", "elements": [text_input]}]),
            "/blocks/0/elements/0/type",
        ),
        (
            json!([{"type": "input", "element": text_input}]),
            "/blocks/0",
        ),
        (json!([{"type": "input", "label": plain(1)}]), "/blocks/0"),
        (
            filled(json!({"type": "button", "text": plain(1)})),
            "/blocks/0/element/type",
        ),
        (
            json!([{"type": "image", "image_url": "https://example.com/a.png"}]),
            "/blocks/0",
        ),
        (json!([{"type": "image", "alt_text": "a"}]), "/blocks/0"),
        (
            json!([{"type": "alert", "text": plain(1)}]),
            "/blocks/0/type",
        ),
        (
            json!([{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}]),
            "/blocks/0/elements/0/type",
        ),
        (
            json!([{"type": "rich_text", "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text"}]},
            ]}]),
            "/blocks/0/elements/0/elements/0",
        ),
        (
            button(json!({"style": "default"})),
            "/blocks/0/elements/0/style",
        ),
        (button(json!({"color": "red"})), "/blocks/0/elements/0"),
        (
            button(json!({"action_id": ""})),
            "/blocks/0/elements/0/action_id",
        ),
        (
            button(json!({"confirm": {"title": plain(1)}})),
            "/blocks/0/elements/0/confirm",
        ),
        (
            json!([{"type": "actions", "elements": [
                {"type": "button", "text": plain(1), "action_id": "a"},
                {"type": "button", "text": plain(1), "action_id": "a"},
            ]}]),
            "/blocks/0/elements/1/action_id",
        ),
        (select(json!([])), "/blocks/0/elements/0/options"),
        (
            select(json!([{"text": plain(1)}])),
            "/blocks/0/elements/0/options/0",
        ),
        (
            select(json!([{"text": mrkdwn(1), "value": "v"}])),
            "/blocks/0/elements/0/options/0/text/type",
        ),
        (
            filled(
                json!({"type": "static_select", "options": [option(0)], "initial_option": chosen}),
            ),
            "/blocks/0/element/initial_option",
        ),
        (
            filled(
                json!({"type": "checkboxes", "options": [option(0)], "initial_options": [chosen]}),
            ),
            "/blocks/0/element/initial_options/0",
        ),
        (
            filled(json!({"type": "datepicker", "initial_date": "1 May"})),
            "/blocks/0/element/initial_date",
        ),
        (
            filled(json!({"type": "timepicker", "initial_time": "9:00"})),
            "/blocks/0/element/initial_time",
        ),
        (
            filled(json!({"type": "datetimepicker", "initial_date_time": 1})),
            "/blocks/0/element/initial_date_time",
        ),
        (
            filled(json!({"type": "plain_text_input", "min_length": 5, "max_length": 4})),
            "/blocks/0/element/min_length",
        ),
        (filled(json!({"type": "number_input"})), "/blocks/0/element"),
        (
            json!([
                filled(json!({"type": "plain_text_input", "focus_on_load": true}))[0],
                filled(json!({"type": "users_select", "focus_on_load": true}))[0],
            ]),
            "/blocks",
        ),
        (
            json!([{"type": "markdown", "text": x(6000)}, {"type": "markdown", "text": x(6001)}]),
            "/blocks/1/text",
        ),
    ];
    let sim = start().await;
    for (blocks, pointer) in rows {
        let answer = api(&sim, "blocks.validate", json!({"blocks": blocks})).await;
        refused(&answer, "invalid_blocks", pointer);
        let bare = answer["errors"][0].as_str().unwrap();
        assert!(!bare.starts_with("[ERROR]"), "{bare}");
    }
    let answer = api(
        &sim,
        "blocks.validate",
        json!({"blocks": {"type": "divider"}}),
    )
    .await;
    assert_eq!(answer["error"], "invalid_blocks_format");
}

#[tokio::test]
async fn every_kind_of_element_is_known() {
    let offered = json!([option(0)]);
    let inputs = [
        json!({"type": "channels_select", "initial_channel": "C0DBA"}),
        json!({"type": "checkboxes", "options": offered, "initial_options": offered}),
        json!({"type": "conversations_select", "default_to_current_conversation": true, "filter": {"include": ["im"]}}),
        json!({"type": "datepicker", "initial_date": "2026-05-01"}),
        json!({"type": "datetimepicker", "initial_date_time": 1_755_000_000}),
        json!({"type": "email_text_input", "initial_value": "alice@example.com"}),
        json!({"type": "external_select", "min_query_length": 0, "placeholder": plain(5)}),
        json!({"type": "file_input", "filetypes": ["png"]}),
        json!({"type": "multi_channels_select"}),
        json!({"type": "multi_conversations_select"}),
        json!({"type": "multi_external_select", "max_selected_items": 2}),
        json!({"type": "multi_static_select", "options": offered, "initial_options": offered}),
        json!({"type": "multi_users_select", "initial_users": ["U0BOB"]}),
        json!({"type": "number_input", "is_decimal_allowed": false, "min_value": "1"}),
        json!({"type": "plain_text_input", "multiline": true, "min_length": 1, "max_length": 2}),
        json!({"type": "radio_buttons", "options": [{"text": mrkdwn(1), "value": "v"}]}),
        json!({"type": "rich_text_input"}),
        json!({"type": "timepicker", "initial_time": "09:00", "timezone": "Europe/Berlin"}),
        json!({"type": "url_text_input"}),
        json!({"type": "users_select", "initial_user": "U0BOB"}),
    ];
    let mut blocks: Vec<Value> = inputs
        .iter()
        .map(|one| filled(one.clone())[0].clone())
        .collect();
    blocks.push(json!({"type": "rich_text", "elements": [
        {"type": "rich_text_list", "style": "bullet", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U0BOB"}]},
        ]},
    ]}));
    blocks.push(json!({"type": "context_actions", "elements": [
        {"type": "feedback_buttons", "positive_button": {}, "negative_button": {}},
    ]}));
    blocks.push(json!({"type": "image", "alt_text": "a", "slack_file": {"id": "F0EXAMPLE"}}));
    let sim = start().await;
    let answer = api(&sim, "blocks.validate", json!({"blocks": blocks})).await;
    assert_eq!(answer["ok"], true, "{answer}");
}
