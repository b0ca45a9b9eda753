//! A target that Keylend reaches over a signed webhook: a list of who has which role.
//!
//! It takes an order only if its signature is right and recent. A receiver of yours also refuses
//! orders that are older than the last one: docs/protocol.md says how, and has complete examples.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use hmac::{Hmac, KeyInit, Mac};
use keylend::{
    clock::{Clock, SystemEntropy},
    vault::generate_password,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use crate::{clock::DemoClock, database::Member};

/// The longest order, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How old an order may be, in seconds.
const MAX_AGE: u64 = 300;

/// A list that orders change. Clones are the same one.
#[derive(Clone)]
pub struct Receiver {
    /// By entitlement.
    access: Arc<Mutex<BTreeMap<String, Access>>>,
    secret: Arc<str>,
    clock: DemoClock,
}

/// What one person has.
struct Access {
    login: String,
    role: String,
    /// Of a login that was generated for one grant.
    password: Option<SecretString>,
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum Order {
    Grant(Grant),
    Revoke(Layer),
    Status(Layer),
    #[serde(other)]
    Unsupported,
}

#[derive(Deserialize)]
struct Layer {
    entitlement: String,
}

#[derive(Deserialize)]
struct Grant {
    entitlement: String,
    handle: String,
    requester: Requester,
    params: Params,
}

#[derive(Deserialize)]
struct Requester {
    username: String,
}

#[derive(Deserialize)]
struct Params {
    role: String,
    #[serde(default)]
    login: Login,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Login {
    #[default]
    Named,
    Generated,
}

impl Receiver {
    /// A list that nobody is on. `secret` is the one with which orders are signed.
    pub fn new(secret: &str, clock: DemoClock) -> Self {
        Self {
            access: Arc::default(),
            secret: secret.into(),
            clock,
        }
    }

    /// Where orders arrive.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/", post(receive))
            .layer(DefaultBodyLimit::max(MAX_BYTES))
            .with_state(self.clone())
    }

    /// Who is on the list.
    pub fn members(&self) -> Vec<Member> {
        let access = self.access();
        let members = access.values().map(|access| Member {
            login: access.login.clone(),
            role: access.role.clone(),
        });
        members.collect()
    }

    fn access(&self) -> MutexGuard<'_, BTreeMap<String, Access>> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
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
        mac.verify_slice(&signature).is_ok() && age <= MAX_AGE
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    if !receiver.is_genuine(&headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(order) = serde_json::from_slice::<Order>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut access = receiver.access();
    match order {
        Order::Grant(grant) => granted(&mut access, grant),
        Order::Revoke(layer) => {
            access.remove(&layer.entitlement);
            StatusCode::NO_CONTENT.into_response()
        }
        Order::Status(layer) => {
            let present = access.contains_key(&layer.entitlement);
            Json(json!({"present": present})).into_response()
        }
        Order::Unsupported => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

/// A repeated order gets the same answer.
fn granted(list: &mut BTreeMap<String, Access>, grant: Grant) -> Response {
    let is_generated = grant.params.login == Login::Generated;
    let access = list.entry(grant.entitlement).or_insert_with(|| Access {
        login: match is_generated {
            true => grant.handle,
            false => grant.requester.username,
        },
        role: grant.params.role,
        password: is_generated.then(|| generate_password(&SystemEntropy)),
    });
    match &access.password {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(password) => Json(json!({"secrets": [
            {"label": "Login", "value": access.login},
            {"label": "Password", "value": password.expose_secret()},
        ]}))
        .into_response(),
    }
}
