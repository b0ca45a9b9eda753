//! Slack's own SDKs against the simulator: what they take for Slack, an app may.
//!
//! `app.py` (slack_bolt, slack_sdk) and `app.js` (@slack/bolt with @slack/web-api and
//! @slack/socket-mode) are one small app, written twice as Slack's documentation has it. The SDKs
//! are unchanged and run in processes of their own; all they are told is where the Web API is.
//! `./test.sh` installs them. A test whose SDK is missing fails: it never passes unseen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod app;
#[path = "../common/mod.rs"]
mod common;
mod refusals;
mod story;

use app::{
    App,
    Sdk::{Node, Python},
    Transport::{Http, Socket},
};

#[tokio::test]
async fn python_over_http_plays_the_story() {
    story::play(&App::start(Python, Http).await).await;
}

#[tokio::test]
async fn python_over_socket_mode_plays_the_story() {
    story::play(&App::start(Python, Socket).await).await;
}

#[tokio::test]
async fn python_understands_every_answer() {
    refusals::check(&App::start(Python, Http).await).await;
}

#[tokio::test]
async fn python_takes_our_signature_and_no_other() {
    story::sign(&App::start(Python, Http).await).await;
}

#[tokio::test]
async fn python_comes_back_when_its_connection_ends() {
    story::reconnect(&App::start(Python, Socket).await).await;
}

#[tokio::test]
async fn node_over_http_plays_the_story() {
    story::play(&App::start(Node, Http).await).await;
}

#[tokio::test]
async fn node_over_socket_mode_plays_the_story() {
    story::play(&App::start(Node, Socket).await).await;
}

#[tokio::test]
async fn node_understands_every_answer() {
    refusals::check(&App::start(Node, Http).await).await;
}

#[tokio::test]
async fn node_takes_our_signature_and_no_other() {
    story::sign(&App::start(Node, Http).await).await;
}

#[tokio::test]
async fn node_comes_back_when_its_connection_ends() {
    story::reconnect(&App::start(Node, Socket).await).await;
}
