//! The console's own list of who has which door, kept by the orders that Keylend sends.
//!
//! An order counts only if its signature is right and fresh; `src/backend/webhook.rs` tells how
//! orders look.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use hmac::{Hmac, KeyInit, Mac};
use keylend::clock::Clock;
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use crate::clock::DemoClock;

/// An order is a page of JSON at most.
const MOST_BYTES: usize = 64 * 1024;
/// How many seconds an order may be old.
const FRESH: u64 = 300;

#[derive(Clone)]
pub struct List {
    /// The person and the door, by entitlement.
    entries: Arc<Mutex<BTreeMap<String, (String, String)>>>,
    secret: Arc<str>,
    clock: DemoClock,
}

#[derive(Deserialize)]
struct Order {
    action: String,
    entitlement: String,
    requester: Requester,
    params: Params,
}

#[derive(Deserialize)]
struct Requester {
    username: String,
}

#[derive(Deserialize)]
struct Params {
    door: String,
}

impl List {
    pub fn signed_with(secret: &str, clock: DemoClock) -> Self {
        Self {
            entries: Arc::default(),
            secret: secret.into(),
            clock,
        }
    }

    /// Where orders arrive.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/", post(take))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .with_state(self.clone())
    }

    pub fn has(&self, username: &str, door: &str) -> bool {
        let wanted = (username.to_owned(), door.to_owned());
        self.entries().values().any(|entry| *entry == wanted)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, (String, String)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_genuine(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (Some(timestamp), Some(signature)) = (
            header("Keylend-Timestamp"),
            header("Keylend-Signature").and_then(|signature| signature.strip_prefix("v1=")),
        ) else {
            return false;
        };
        let (Ok(sent_at), Ok(signature)) = (timestamp.parse::<i64>(), hex::decode(signature))
        else {
            return false;
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(format!("v1:{timestamp}:").as_bytes());
        mac.update(body);
        let age = self.clock.now().timestamp().abs_diff(sent_at);
        mac.verify_slice(&signature).is_ok() && age <= FRESH
    }
}

async fn take(State(list): State<List>, headers: HeaderMap, body: Bytes) -> Response {
    if !list.is_genuine(&headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(order) = serde_json::from_slice::<Order>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut entries = list.entries();
    match order.action.as_str() {
        "grant" => {
            let entry = (order.requester.username, order.params.door);
            entries.insert(order.entitlement.clone(), entry);
        }
        "revoke" => {
            entries.remove(&order.entitlement);
        }
        _ => {}
    }
    let present = entries.contains_key(&order.entitlement);
    axum::Json(json!({"present": present})).into_response()
}
