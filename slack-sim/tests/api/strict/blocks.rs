//! How much blocks and what they hold may have.

use serde_json::json;

use super::{
    Row, button, confirmed, filled, mrkdwn, option, plain, refused, select, several, start, x,
};
use crate::common::api;

#[tokio::test]
async fn blocks_are_taken_at_their_limits_and_refused_one_beyond() {
    let rows: [Row; 37] = [
        (
            |n| several(n, |_| json!({"type": "divider"})),
            50,
            "/blocks",
        ),
        (
            |n| json!([{"type": "divider", "block_id": x(n)}]),
            255,
            "/blocks/0/block_id",
        ),
        (
            |n| json!([{"type": "section", "text": mrkdwn(n)}]),
            3000,
            "/blocks/0/text/text",
        ),
        (
            |n| json!([{"type": "section", "fields": several(n, |_| plain(1))}]),
            10,
            "/blocks/0/fields",
        ),
        (
            |n| json!([{"type": "section", "fields": [plain(n)]}]),
            2000,
            "/blocks/0/fields/0/text",
        ),
        (
            |n| json!([{"type": "header", "text": plain(n)}]),
            150,
            "/blocks/0/text/text",
        ),
        (
            |n| json!([{"type": "context", "elements": several(n, |_| plain(1))}]),
            10,
            "/blocks/0/elements",
        ),
        (
            |n| {
                json!([{"type": "actions", "elements": several(n, |index| {
                    json!({"type": "button", "text": plain(1), "action_id": format!("a{index}")})
                })}])
            },
            25,
            "/blocks/0/elements",
        ),
        (
            |n| button(json!({"text": plain(n)})),
            75,
            "/blocks/0/elements/0/text/text",
        ),
        (
            |n| button(json!({"value": x(n)})),
            2000,
            "/blocks/0/elements/0/value",
        ),
        (
            |n| button(json!({"url": x(n)})),
            3000,
            "/blocks/0/elements/0/url",
        ),
        (
            |n| button(json!({"action_id": x(n)})),
            255,
            "/blocks/0/elements/0/action_id",
        ),
        (
            |n| button(json!({"accessibility_label": x(n)})),
            75,
            "/blocks/0/elements/0/accessibility_label",
        ),
        (
            |n| confirmed("title", plain(n)),
            100,
            "/blocks/0/elements/0/confirm/title/text",
        ),
        (
            |n| confirmed("text", mrkdwn(n)),
            300,
            "/blocks/0/elements/0/confirm/text/text",
        ),
        (
            |n| confirmed("confirm", plain(n)),
            30,
            "/blocks/0/elements/0/confirm/confirm/text",
        ),
        (
            |n| confirmed("deny", plain(n)),
            30,
            "/blocks/0/elements/0/confirm/deny/text",
        ),
        (
            |n| select(several(n, option)),
            100,
            "/blocks/0/elements/0/options",
        ),
        (
            |n| select(json!([{"text": plain(n), "value": "v"}])),
            75,
            "/blocks/0/elements/0/options/0/text/text",
        ),
        (
            |n| select(json!([{"text": plain(1), "value": x(n)}])),
            75,
            "/blocks/0/elements/0/options/0/value",
        ),
        (
            |n| select(json!([{"text": plain(1), "value": "v", "description": plain(n)}])),
            75,
            "/blocks/0/elements/0/options/0/description/text",
        ),
        (
            |n| {
                filled(
                    json!({"type": "multi_static_select", "option_groups": several(n, |index| {
                        json!({"label": plain(1), "options": [option(index)]})
                    })}),
                )
            },
            100,
            "/blocks/0/element/option_groups",
        ),
        (
            |n| {
                filled(json!({"type": "static_select", "option_groups": [
                    {"label": plain(n), "options": [option(0)]},
                ]}))
            },
            75,
            "/blocks/0/element/option_groups/0/label/text",
        ),
        (
            |n| filled(json!({"type": "radio_buttons", "options": several(n, option)})),
            10,
            "/blocks/0/element/options",
        ),
        (
            |n| filled(json!({"type": "checkboxes", "options": several(n, option)})),
            10,
            "/blocks/0/element/options",
        ),
        (
            |n| {
                json!([{"type": "section", "text": plain(1), "accessory": {
                    "type": "overflow", "options": several(n, option),
                }}])
            },
            5,
            "/blocks/0/accessory/options",
        ),
        (
            |n| filled(json!({"type": "users_select", "placeholder": plain(n)})),
            150,
            "/blocks/0/element/placeholder/text",
        ),
        (
            |n| filled(json!({"type": "plain_text_input", "max_length": n})),
            3000,
            "/blocks/0/element/max_length",
        ),
        (
            |n| filled(json!({"type": "file_input", "max_files": n})),
            10,
            "/blocks/0/element/max_files",
        ),
        (
            |n| json!([{"type": "input", "label": plain(n), "element": {"type": "plain_text_input"}}]),
            2000,
            "/blocks/0/label/text",
        ),
        (
            |n| json!([{"type": "input", "label": plain(1), "hint": plain(n), "element": {"type": "plain_text_input"}}]),
            2000,
            "/blocks/0/hint/text",
        ),
        (
            |n| json!([{"type": "image", "alt_text": x(n), "image_url": "https://example.com/a.png"}]),
            2000,
            "/blocks/0/alt_text",
        ),
        (
            |n| json!([{"type": "image", "alt_text": "a", "image_url": x(n)}]),
            3000,
            "/blocks/0/image_url",
        ),
        (
            |n| json!([{"type": "image", "alt_text": "a", "image_url": "b", "title": plain(n)}]),
            2000,
            "/blocks/0/title/text",
        ),
        (
            |n| json!([{"type": "markdown", "text": x(n)}]),
            12_000,
            "/blocks/0/text",
        ),
        (
            |n| json!([{"type": "table", "rows": several(n, |_| json!([{"type": "raw_text", "text": "x"}]))}]),
            100,
            "/blocks/0/rows",
        ),
        (
            |n| json!([{"type": "table", "rows": [several(n, |_| json!({"type": "raw_text", "text": "x"}))]}]),
            20,
            "/blocks/0/rows/0",
        ),
    ];
    let sim = start().await;
    for (blocks, most, pointer) in rows {
        let at = api(&sim, "blocks.validate", json!({"blocks": blocks(most)})).await;
        assert_eq!(at["ok"], true, "{pointer} at {most}: {at}");
        let beyond = api(&sim, "blocks.validate", json!({"blocks": blocks(most + 1)})).await;
        refused(&beyond, "invalid_blocks", pointer);
    }
}
