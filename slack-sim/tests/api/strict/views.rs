//! Modals and App Homes.

use serde_json::{Value, json};
use slack_sim::Sim;

use super::{Row, filled, plain, refused, several, start, x};
use crate::common::{App, api};

pub(crate) fn modal(change: Value) -> Value {
    let mut view = json!({"type": "modal", "title": plain(1), "blocks": [{"type": "divider"}]});
    for (key, value) in change.as_object().unwrap() {
        view[key] = value.clone();
    }
    view
}

/// A view that is taken is only short of a trigger.
pub(crate) async fn opened(sim: &Sim, view: Value) -> Value {
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

/// A trigger of Alice's, from a command.
async fn trigger(sim: &Sim, app: &App) -> Value {
    sim.person("U0ALICE").command("C0DBA", "/jit", "").await;
    app.last().form()["trigger_id"].clone()
}

#[tokio::test]
async fn three_views_lie_on_each_other_and_no_fourth() {
    let sim = start().await;
    let app = App::start(&sim).await;
    let show = async |method: &str| {
        let args = json!({"trigger_id": trigger(&sim, &app).await, "view": modal(json!({}))});
        api(&sim, method, args).await
    };
    assert_eq!(show("views.push").await["error"], "not_found");
    let root = show("views.open").await;
    assert_eq!(
        show("views.push").await["view"]["root_view_id"],
        root["view"]["id"]
    );
    assert_eq!(show("views.push").await["ok"], true);
    assert_eq!(show("views.push").await["error"], "push_limit_reached");
}

#[tokio::test]
async fn an_external_id_is_in_use_once() {
    let sim = start().await;
    let app = App::start(&sim).await;
    let view = modal(json!({"external_id": "form-1"}));
    let args = json!({"trigger_id": trigger(&sim, &app).await, "view": view});
    assert_eq!(api(&sim, "views.open", args).await["ok"], true);
    let args = json!({"trigger_id": trigger(&sim, &app).await, "view": view});
    assert_eq!(
        api(&sim, "views.push", args).await["error"],
        "duplicate_external_id"
    );
    let args = json!({"external_id": "form-1", "view": view});
    assert_eq!(api(&sim, "views.update", args).await["ok"], true);
    let home = json!({"type": "home", "external_id": "form-1", "blocks": []});
    let args = json!({"user_id": "U0BOB", "view": home});
    assert_eq!(
        api(&sim, "views.publish", args).await["error"],
        "duplicate_external_id"
    );
}
