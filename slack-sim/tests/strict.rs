//! Slack's limits: what is at the limit is taken, what is one beyond is refused with Slack's name
//! and a pointer to the place.

mod common;

use std::{fs, path::Path};

use common::{Hand, api, workspace};
use serde_json::{Value, json};
use slack_sim::Sim;

async fn start() -> Sim {
    Sim::start_with_clock(workspace(), Hand::new().clock()).await
}

fn x(length: usize) -> String {
    "x".repeat(length)
}

fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": x(length)})
}

fn mrkdwn(length: usize) -> Value {
    json!({"type": "mrkdwn", "text": x(length)})
}

fn several(count: usize, one: impl Fn(usize) -> Value) -> Value {
    (0..count).map(one).collect()
}

fn option(index: usize) -> Value {
    json!({"text": plain(1), "value": format!("v{index}")})
}

fn button(change: Value) -> Value {
    let mut button = json!({"type": "button", "text": plain(1), "action_id": "a"});
    for (key, value) in change.as_object().unwrap() {
        button[key] = value.clone();
    }
    json!([{"type": "actions", "elements": [button]}])
}

fn confirmed(part: &str, text: Value) -> Value {
    let mut confirm = json!({
        "title": plain(1), "text": plain(1), "confirm": plain(1), "deny": plain(1),
    });
    confirm[part] = text;
    button(json!({"confirm": confirm}))
}

fn select(options: Value) -> Value {
    json!([{"type": "actions", "elements": [
        {"type": "static_select", "action_id": "a", "options": options},
    ]}])
}

fn filled(element: Value) -> Value {
    json!([{"type": "input", "label": plain(1), "element": element}])
}

/// Something with a limit: blocks of a size, the most of it, and where it is counted.
type Row = (fn(usize) -> Value, usize, &'static str);

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

/// Whether the answer has this name, and points to this place.
fn refused(answer: &Value, error: &str, pointer: &str) {
    assert_eq!(answer["error"], error, "{pointer}: {answer}");
    let messages = answer["response_metadata"]["messages"].as_array().unwrap();
    let place = format!("[json-pointer:{pointer}]");
    let points = |message: &Value| message.as_str().unwrap().ends_with(&place);
    assert!(messages.iter().any(points), "{pointer}: {messages:?}");
    assert!(
        messages
            .iter()
            .all(|one| one.as_str().unwrap().starts_with("[ERROR] "))
    );
}

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

fn modal(change: Value) -> Value {
    let mut view = json!({"type": "modal", "title": plain(1), "blocks": [{"type": "divider"}]});
    for (key, value) in change.as_object().unwrap() {
        view[key] = value.clone();
    }
    view
}

/// A view that is taken is only short of a trigger.
async fn opened(sim: &Sim, view: Value) -> Value {
    api(
        sim,
        "views.open",
        json!({"trigger_id": "1.2.3", "view": view}),
    )
    .await
}

#[tokio::test]
async fn views_are_taken_at_their_limits_and_refused_one_beyond() {
    let rows: [Row; 7] = [
        (
            |n| modal(json!({"title": plain(n)})),
            24,
            "/view/title/text",
        ),
        (
            |n| modal(json!({"submit": plain(n)})),
            24,
            "/view/submit/text",
        ),
        (
            |n| modal(json!({"close": plain(n)})),
            24,
            "/view/close/text",
        ),
        (
            |n| modal(json!({"private_metadata": x(n)})),
            3000,
            "/view/private_metadata",
        ),
        (
            |n| modal(json!({"callback_id": x(n)})),
            255,
            "/view/callback_id",
        ),
        (
            |n| modal(json!({"external_id": x(n)})),
            255,
            "/view/external_id",
        ),
        (
            |n| modal(json!({"blocks": several(n, |_| json!({"type": "divider"}))})),
            100,
            "/view/blocks",
        ),
    ];
    let sim = start().await;
    for (view, most, pointer) in rows {
        let at = opened(&sim, view(most)).await;
        assert_eq!(
            at["error"], "invalid_trigger_id",
            "{pointer} at {most}: {at}"
        );
        refused(
            &opened(&sim, view(most + 1)).await,
            "invalid_arguments",
            pointer,
        );
    }
    let large =
        |index| json!({"type": "section", "text": plain(2600), "block_id": format!("b{index}")});
    let view = modal(json!({"blocks": several(100, large)}));
    assert_eq!(opened(&sim, view).await["error"], "view_too_large");
}

#[tokio::test]
async fn views_of_the_wrong_shape_are_refused() {
    let sim = start().await;
    let input = filled(json!({"type": "plain_text_input"}));
    let home = json!({"type": "home", "blocks": [{"type": "divider"}]});
    for (view, pointer) in [
        (json!({"type": "modal", "blocks": []}), "/view"),
        (json!({"type": "modal", "title": plain(1)}), "/view"),
        (json!({"title": plain(1), "blocks": []}), "/view"),
        (json!({"type": "workflow_step", "blocks": []}), "/view/type"),
        (modal(json!({"blocks": input})), "/view"),
        (
            modal(json!({"blocks": [{"type": "markdown", "text": "x"}]})),
            "/view/blocks/0/type",
        ),
        (
            modal(json!({"notify_on_close": "yes"})),
            "/view/notify_on_close",
        ),
        (modal(json!({"hash": "1.x"})), "/view"),
        (home.clone(), "/view/type"),
    ] {
        refused(&opened(&sim, view).await, "invalid_arguments", pointer);
    }
    let publish = async |view: &Value| {
        api(
            &sim,
            "views.publish",
            json!({"user_id": "U0BOB", "view": view}),
        )
        .await
    };
    assert_eq!(publish(&home).await["ok"], true);
    let mut with_submit = home.clone();
    with_submit["submit"] = plain(1);
    refused(&publish(&with_submit).await, "invalid_arguments", "/view");
    refused(
        &publish(&modal(json!({}))).await,
        "invalid_arguments",
        "/view/type",
    );
}

#[tokio::test]
async fn messages_are_taken_at_their_limits_and_refused_one_beyond() {
    let sim = start().await;
    let post = async |change: Value| {
        let mut args = json!({"channel": "C0DBA", "text": "x"});
        for (key, value) in change.as_object().unwrap() {
            args[key] = value.clone();
        }
        api(&sim, "chat.postMessage", args).await
    };
    let about =
        |length| json!({"metadata": {"event_type": "e", "event_payload": {"id": x(length)}}});
    let attached = |count| json!({"attachments": several(count, |_| json!({"text": "x"}))});
    for (taken, beyond, error) in [
        (
            json!({"text": x(40_000)}),
            json!({"text": x(40_001)}),
            "msg_too_long",
        ),
        (json!({"text": "x"}), json!({"text": ""}), "no_text"),
        (attached(100), attached(101), "too_many_attachments"),
        (about(100), about(16_000), "metadata_too_large"),
        (
            about(1),
            json!({"metadata": {"event_type": "e"}}),
            "invalid_metadata_format",
        ),
        (
            json!({"thread_ts": null}),
            json!({"thread_ts": "1.1"}),
            "thread_not_found",
        ),
        (
            json!({"channel": "#dba-approvals"}),
            json!({"channel": "#none"}),
            "channel_not_found",
        ),
        (
            json!({"channel": "U0BOB"}),
            json!({"channel": "U0KEYLEND"}),
            "cannot_dm_bot",
        ),
    ] {
        assert_eq!(post(taken).await["ok"], true, "{error}");
        assert_eq!(post(beyond).await["error"], error);
    }
    let posted = post(json!({})).await;
    let update = async |text: String| {
        let args = json!({"channel": posted["channel"], "ts": posted["ts"], "text": text});
        api(&sim, "chat.update", args).await
    };
    assert_eq!(update(x(4000)).await["ok"], true);
    assert_eq!(update(x(4001)).await["error"], "msg_too_long");
}

/// The samples that the judges of what is sent are themselves tried with.
#[tokio::test]
async fn the_judges_samples_are_judged_alike() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/tools/slack/samples");
    if !samples.is_dir() {
        eprintln!("skipped: there are no samples at {}", samples.display());
        return;
    }
    let sim = start().await;
    for (folder, is_good) in [("good", true), ("bad", false)] {
        for file in fs::read_dir(samples.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let sample: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            // Slack takes an unwise mention; what it makes of an answer to a submission is shown
            // where submissions are.
            let is_other = sample.get("response_action").is_some();
            if is_other || path.to_string_lossy().contains("mrkdwn_injection") {
                continue;
            }
            let taken = match sample["type"].as_str() {
                Some("home") => {
                    let args = json!({"user_id": "U0BOB", "view": sample});
                    api(&sim, "views.publish", args).await["ok"] == true
                }
                Some(_) => opened(&sim, sample).await["error"] == "invalid_trigger_id",
                None => {
                    let mut args = match sample.is_array() {
                        true => json!({"blocks": sample, "text": "x"}),
                        false => sample,
                    };
                    args["channel"] = json!("C0DBA");
                    api(&sim, "chat.postMessage", args).await["ok"] == true
                }
            };
            assert_eq!(taken, is_good, "{}", path.display());
        }
    }
}
