//! What a target is told.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    backend::{BackendError, LayerRequest},
    domain::{
        BackendName, Email, Entitlement, Handle, Params, Receipt, RequestId, RevocationMode,
        ScopeId, UserId, Username,
    },
};

/// The version of the protocol.
const VERSION: u8 = 1;

/// The most bytes that an answer may have.
pub(in crate::backend) const ANSWER_LIMIT: usize = 64 * 1024;

/// The most bytes that a list of holders may have.
const LIST_LIMIT: usize = 4 * 1024 * 1024;

/// What is asked of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    /// Grant the access, or set its end again.
    Grant,
    /// Revoke the access.
    Revoke,
    /// Say whether the access is there.
    Status,
    /// Say what the target is and what the receiver may do in it.
    Diagnose,
    /// List who has the access.
    Inventory,
}

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Status => "status",
            Self::Diagnose => "diagnose",
            Self::Inventory => "inventory",
        }
    }
}

/// An order. Fields may be added under the same version; one that changes its meaning comes
/// with the next.
#[derive(Debug, Serialize)]
pub(in crate::backend) struct Order<'a> {
    version: u8,
    pub(super) action: Action,
    backend: &'a BackendName,
    /// Names the intention: the same for every retry, another for every new end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::backend) idempotency_key: Option<String>,
    #[serde(flatten)]
    about: About<'a>,
}

/// What an order is about.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum About<'a> {
    /// One layer of a grant.
    Layer {
        request: RequestId,
        generation: u64,
        scope: &'a ScopeId,
        requester: Requester<'a>,
        handle: &'a Handle,
        #[serde(skip_serializing_if = "Option::is_none")]
        receipt: Option<&'a Receipt>,
        entitlement: &'a Entitlement,
        params: &'a Params,
        expires_at: String,
    },
    /// What a layer gives, whoever has it.
    Access { params: &'a Params },
    /// The whole target, and the layers that are to be granted in it.
    Target { layers: &'a [Params] },
}

#[derive(Debug, Serialize)]
struct Requester<'a> {
    slack_id: &'a UserId,
    email: &'a Email,
    username: &'a Username,
}

impl<'a> Order<'a> {
    /// An order about one layer of a grant.
    pub(super) fn new(
        action: Action,
        backend: &'a BackendName,
        order: &'a LayerRequest,
        params: &'a Params,
        entitlement: &'a Entitlement,
    ) -> Self {
        Self {
            version: VERSION,
            action,
            backend,
            idempotency_key: idempotency_key(action, order),
            about: About::Layer {
                request: order.request,
                generation: order.generation,
                scope: &order.scope,
                requester: Requester {
                    slack_id: &order.requester,
                    email: &order.email,
                    username: &order.username,
                },
                handle: &order.handle,
                receipt: order.receipt.as_ref(),
                entitlement,
                params,
                expires_at: rfc3339(order),
            },
        }
    }

    pub(super) fn diagnose(backend: &'a BackendName, layers: &'a [Params]) -> Self {
        Self {
            version: VERSION,
            action: Action::Diagnose,
            backend,
            idempotency_key: None,
            about: About::Target { layers },
        }
    }

    pub(super) fn inventory(backend: &'a BackendName, params: &'a Params) -> Self {
        Self {
            version: VERSION,
            action: Action::Inventory,
            backend,
            idempotency_key: None,
            about: About::Access { params },
        }
    }

    pub(in crate::backend) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and JSON values are always JSON")
    }

    /// The most bytes that the answer may have; nothing if nobody reads it.
    pub(in crate::backend) fn answer_limit(&self) -> Option<usize> {
        match self.action {
            Action::Grant | Action::Status | Action::Diagnose => Some(ANSWER_LIMIT),
            Action::Inventory => Some(LIST_LIMIT),
            Action::Revoke => None,
        }
    }

    /// The receiver does not know the action.
    pub(in crate::backend) fn unsupported(&self) -> BackendError {
        let action = self.action.name();
        BackendError::Fail(format!("this receiver does not support `{action}`").into())
    }
}

/// What only looks has none, since an answer that a cache remembers is worth nothing there.
fn idempotency_key(action: Action, order: &LayerRequest) -> Option<String> {
    let key = format!("{}/{}/{}", order.request, order.handle, action.name());
    match action {
        Action::Grant => Some(format!("{key}/{}", rfc3339(order))),
        Action::Revoke => Some(key),
        Action::Status | Action::Diagnose | Action::Inventory => None,
    }
}

/// What the layer gives: the same person with the same parameters holds the same access, unless only
/// a time limit ends it.
pub(super) fn entitlement(
    order: &LayerRequest,
    params: &Params,
    revocation: RevocationMode,
) -> Entitlement {
    let own = (revocation == RevocationMode::TimeLimit).then_some(&order.handle);
    let text = match own {
        Some(handle) => serde_json_canonicalizer::to_vec(&(&order.username, params, handle)),
        None => serde_json_canonicalizer::to_vec(&(&order.username, params)),
    };
    let text = text.expect("text and JSON values are always JSON");
    Entitlement::new(hex::encode(Sha256::digest(text)))
}

fn rfc3339(order: &LayerRequest) -> String {
    order
        .expires_at
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Time;

    fn order() -> LayerRequest {
        LayerRequest {
            request: RequestId::new(Time::UNIX_EPOCH, 1),
            generation: 3,
            scope: "wiki:edit".parse().unwrap(),
            dangerous: false,
            requester: UserId::new("U0ALICE"),
            email: Email::new("alice@example.com"),
            username: Username::new("alice"),
            handle: Handle::new("keylend_one_0"),
            entitlement: None,
            receipt: None,
            expires_at: "2026-11-02T10:00:00Z".parse().unwrap(),
            instance: None,
        }
    }

    fn params(value: Value) -> Params {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_document_says_everything_a_target_needs() {
        let mut order = order();
        order.receipt = Some("lease-7".to_owned().try_into().unwrap());
        let params = params(json!({"team": "docs", "level": 2}));
        let entitlement = entitlement(&order, &params, RevocationMode::Call);
        let backend = BackendName::new("wiki");
        let document = Order::new(Action::Grant, &backend, &order, &params, &entitlement);
        let document: Value = serde_json::from_slice(&document.to_json()).unwrap();
        let id = order.request.to_string();
        assert_eq!(
            document,
            json!({
                "version": 1,
                "action": "grant",
                "backend": "wiki",
                "idempotency_key": format!("{id}/keylend_one_0/grant/2026-11-02T10:00:00.000Z"),
                "request": id,
                "generation": 3,
                "scope": "wiki:edit",
                "requester": {
                    "slack_id": "U0ALICE",
                    "email": "alice@example.com",
                    "username": "alice",
                },
                "handle": "keylend_one_0",
                "receipt": "lease-7",
                "entitlement": entitlement.as_str(),
                "params": {"team": "docs", "level": 2},
                "expires_at": "2026-11-02T10:00:00.000Z",
            })
        );
    }

    #[test]
    fn the_key_stays_over_retries_and_changes_with_the_end() {
        let first = order();
        let mut extended = order();
        extended.expires_at += Duration::from_secs(60);
        let key = idempotency_key;
        assert_eq!(key(Action::Grant, &first), key(Action::Grant, &first));
        assert_ne!(key(Action::Grant, &first), key(Action::Grant, &extended));
        assert_eq!(key(Action::Revoke, &first), key(Action::Revoke, &extended));
        assert_eq!(key(Action::Status, &first), None);
    }

    #[test]
    fn the_entitlement_is_the_person_and_the_parameters_whichever_grant_gives_it() {
        let mut other = order();
        other.request = RequestId::new(Time::UNIX_EPOCH, 2);
        other.handle = Handle::new("keylend_two_0");
        let entitled = |order: &LayerRequest, team: &str, revocation| {
            entitlement(order, &params(json!({ "team": team })), revocation)
        };
        for mode in [RevocationMode::Call, RevocationMode::CallAndTimeLimit] {
            assert_eq!(
                entitled(&order(), "docs", mode),
                entitled(&other, "docs", mode)
            );
            assert_ne!(
                entitled(&order(), "docs", mode),
                entitled(&other, "ops", mode)
            );
        }
        // What nothing but its time limit ends cannot outlive one grant for the sake of another.
        let mode = RevocationMode::TimeLimit;
        assert_ne!(
            entitled(&order(), "docs", mode),
            entitled(&other, "docs", mode)
        );
    }
}
