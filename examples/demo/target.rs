//! What is being protected: a production console that keeps its own list of who may enter, and
//! takes orders from Keylend over a signed webhook.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Clone, Default)]
pub struct Console {
    inside: Arc<Mutex<BTreeSet<String>>>,
}

impl Console {
    /// Starts it on loopback and answers its address.
    pub async fn start(&self) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = Router::new()
            .route("/orders", post(order))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(format!("http://{address}/orders"))
    }

    pub fn admits(&self, username: &str) -> bool {
        self.inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(username)
    }
}

async fn order(State(console): State<Console>, Json(order): Json<Value>) -> Json<Value> {
    let mut inside = console
        .inside
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let username = order["requester"]["username"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    match order["action"].as_str() {
        Some("make") => drop(inside.insert(username.clone())),
        Some("unmake") => drop(inside.remove(&username)),
        _ => {}
    }
    Json(json!({ "present": inside.contains(&username) }))
}
