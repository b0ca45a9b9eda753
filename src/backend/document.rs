//! What a webhook and a program are told, and what they answer: the protocol of `docs/protocol.md`.
//! Both speak the same JSON, so that a program can move behind a URL and back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackendError, LayerRequest, Presence};
use crate::{
    domain::{Email, Entitlement, Handle, Params, RequestId, ScopeId, UserId, Username},
    sanitize::excerpt,
};

/// The most bytes that an answer may have.
pub(super) const ANSWER_LIMIT: usize = 64 * 1024;

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
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::Status => "status",
        }
    }
}

/// The document. Fields may be added under the same version; one that changes its meaning comes
/// with the next.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    version: u8,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    request: RequestId,
    generation: u64,
    scope: &'a ScopeId,
    requester: Requester<'a>,
    handle: &'a Handle,
    entitlement: Entitlement,
    params: &'a Params,
    expires_at: String,
}

#[derive(Debug, Serialize)]
struct Requester<'a> {
    slack_id: &'a UserId,
    email: &'a Email,
    username: &'a Username,
}

impl<'a> Document<'a> {
    pub(super) fn new(action: Action, order: &'a LayerRequest) -> Self {
        Self {
            version: 1,
            action,
            idempotency_key: idempotency_key(action, order),
            request: order.request,
            generation: order.generation,
            scope: &order.scope,
            requester: Requester {
                slack_id: &order.requester,
                email: &order.email,
                username: &order.username,
            },
            handle: &order.handle,
            entitlement: entitlement(order),
            params: &order.params,
            expires_at: rfc3339(order),
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and JSON values are always JSON")
    }
}

/// Names the intention: the same for every retry, another for every new end. A status has none,
/// since an answer that a cache remembers is worth nothing there.
pub(super) fn idempotency_key(action: Action, order: &LayerRequest) -> Option<String> {
    let key = format!("{}/{}/{}", order.request, order.handle, action.name());
    match action {
        Action::Grant => Some(format!("{key}/{}", rfc3339(order))),
        Action::Revoke => Some(key),
        Action::Status => None,
    }
}

/// What the layer gives: the same person with the same parameters holds the same access.
pub(super) fn entitlement(order: &LayerRequest) -> Entitlement {
    let text = serde_json_canonicalizer::to_vec(&(&order.username, &order.params))
        .expect("text and JSON values are always JSON");
    Entitlement::new(hex::encode(Sha256::digest(text)))
}

/// Reads the answer to [`Action::Status`]. Fields that it does not know are ignored.
pub(super) fn presence(answer: &[u8]) -> Result<Presence, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        present: bool,
        #[serde(default)]
        pending: bool,
        retry_after: Option<u32>,
    }

    match serde_json::from_slice(answer) {
        Ok(Answer {
            pending: true,
            retry_after,
            ..
        }) => Err(BackendError::Pending {
            retry_after: retry_after.map(|seconds| Duration::from_secs(seconds.into())),
        }),
        Ok(Answer { present: true, .. }) => Ok(Presence::Present),
        Ok(Answer { present: false, .. }) => Ok(Presence::Absent),
        Err(error) => Err(BackendError::Fail(
            format!(
                "the status is not `{{\"present\": true}}` or `{{\"present\": false}}`: {}",
                excerpt(&error.to_string())
            )
            .into(),
        )),
    }
}

fn rfc3339(order: &LayerRequest) -> String {
    order
        .expires_at
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> LayerRequest {
        LayerRequest {
            request: RequestId::new(crate::domain::Time::UNIX_EPOCH, 1),
            generation: 3,
            scope: "wiki:edit".parse().unwrap(),
            requester: UserId::new("U0ALICE"),
            email: Email::new("alice@example.com"),
            username: Username::new("alice"),
            handle: Handle::new("keylend_one_0"),
            params: serde_json::from_value(json!({"team": "docs", "level": 2})).unwrap(),
            expires_at: "2026-11-02T10:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn the_document_says_everything_a_target_needs() {
        let order = order();
        let document: serde_json::Value =
            serde_json::from_slice(&Document::new(Action::Grant, &order).to_json()).unwrap();
        let id = order.request.to_string();
        assert_eq!(
            document,
            json!({
                "version": 1,
                "action": "grant",
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
                "entitlement": entitlement(&order).as_str(),
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
        other.request = RequestId::new(crate::domain::Time::UNIX_EPOCH, 2);
        other.handle = Handle::new("keylend_two_0");
        assert_eq!(entitlement(&order()), entitlement(&other));
        other.params.insert("team".into(), "ops".into());
        assert_ne!(entitlement(&order()), entitlement(&other));
    }

    #[test]
    fn an_answer_that_says_nothing_is_not_absence() {
        assert_eq!(
            presence(br#"{"present": true}"#).unwrap(),
            Presence::Present
        );
        assert_eq!(
            presence(br#"{"present": false, "note": 1}"#).unwrap(),
            Presence::Absent
        );
        for answer in [
            "",
            "{}",
            "null",
            "false",
            r#"{"present": "no"}"#,
            r#"{"present": true} and more"#,
            r#"{"present": false, "present": true}"#,
            r#"{"pending": true}"#,
            r#"{"present": false, "pending": "no"}"#,
            r#"{"present": false, "pending": false, "retry_after": -1}"#,
        ] {
            let outcome = presence(answer.as_bytes());
            assert!(matches!(outcome, Err(BackendError::Fail(_))), "{answer}");
        }
    }

    #[test]
    fn what_is_pending_is_neither_present_nor_absent() {
        for (answer, asked_for) in [
            (r#"{"present": false, "pending": true}"#, None),
            (
                r#"{"present": true, "pending": true, "retry_after": 30}"#,
                Some(30),
            ),
        ] {
            match presence(answer.as_bytes()) {
                Err(BackendError::Pending { retry_after }) => {
                    assert_eq!(retry_after, asked_for.map(Duration::from_secs));
                }
                other => panic!("{answer}: {other:?}"),
            }
        }
    }
}
