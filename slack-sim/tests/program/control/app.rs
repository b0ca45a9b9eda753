//! A small app: `/jit` posts a card, whose button opens a form, whose submission updates the card.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use slack_sim::Sim;
use tokio::task::AbortHandle;

use crate::common;

/// Ends with the test.
pub(crate) struct App(AbortHandle);

impl Drop for App {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl App {
    pub(crate) async fn start(sim: &Sim) -> Self {
        let router = Router::new()
            .route("/slack/commands", post(command))
            .route("/slack/interactions", post(interaction))
            .route("/slack/options", post(options))
            .route("/slack/events", post(event))
            .with_state(sim.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        sim.connect_to(&format!("http://{address}")).unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self(serving.abort_handle())
    }
}

fn form(body: &str) -> Value {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(body).unwrap();
    let fields = pairs
        .into_iter()
        .map(|(key, value)| (key, Value::from(value)));
    fields.collect()
}

fn payload(body: &str) -> Value {
    serde_json::from_str(form(body)["payload"].as_str().unwrap()).unwrap()
}

async fn command(State(sim): State<Sim>, body: String) -> &'static str {
    let command = form(&body);
    let card = common::card("r1");
    let text = format!("<@{}> asks for it", command["user_id"].as_str().unwrap());
    let args = json!({"channel": command["channel_id"], "text": text, "blocks": card});
    common::api(&sim, "chat.postMessage", args).await;
    "Asked."
}

async fn interaction(State(sim): State<Sim>, body: String) -> Response {
    let payload = payload(&body);
    let Some(action) = payload["actions"].get(0) else {
        return submission(&sim, &payload).await;
    };
    if action["action_id"] == "approve" {
        let mut view = common::modal();
        view["private_metadata"] = payload["message"]["ts"].clone();
        let args = json!({"trigger_id": payload["trigger_id"], "view": view});
        assert_eq!(common::api(&sim, "views.open", args).await["ok"], true);
    }
    ().into_response()
}

async fn submission(sim: &Sim, payload: &Value) -> Response {
    let values = &payload["view"]["state"]["values"];
    let reason = values["reason"]["reason"]["value"].as_str();
    if payload["type"] == "view_submission" && reason == Some("no") {
        let errors = json!({"reason": "Say more than that."});
        return Json(json!({"response_action": "errors", "errors": errors})).into_response();
    }
    if payload["type"] == "view_submission" {
        let ts = &payload["view"]["private_metadata"];
        let scope = &values["scope"]["scope"]["selected_option"]["value"];
        let duration = &values["duration"]["duration"]["selected_option"]["value"];
        let text = format!("Approved: {scope} for {duration}");
        let args = json!({"channel": "C0DBA", "ts": ts, "text": text});
        assert_eq!(common::api(sim, "chat.update", args).await["ok"], true);
    }
    ().into_response()
}

async fn options(body: String) -> Json<Value> {
    let payload = payload(&body);
    let typed = payload["value"].as_str().unwrap();
    let option =
        |value: String| json!({"text": {"type": "plain_text", "text": value}, "value": value});
    Json(json!({"options": [option(format!("{typed}-prod"))]}))
}

async fn event(State(sim): State<Sim>, Json(callback): Json<Value>) -> Json<Value> {
    let event = &callback["event"];
    if event["type"] == "app_home_opened" {
        let blocks = common::card("home");
        let view = json!({"type": "home", "blocks": blocks});
        let args = json!({"user_id": event["user"], "view": view});
        common::api(&sim, "views.publish", args).await;
    }
    Json(json!({}))
}
