//! What a webhook and a program are told, and what they answer: the protocol of `docs/protocol.md`.
//! Both speak the same JSON, so that a program can move behind a URL and back.

use std::time::Duration;

use chrono::SubsecRound;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackendError, Granted, LayerRequest, Presence};
use crate::{
    domain::{
        Email, Entitlement, Handle, Params, Receipt, RequestId, RevocationMode, ScopeId, Time,
        UserId, Username,
    },
    sanitize::{excerpt, is_control, turns_direction},
    secret::SecretField,
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

/// An order. Fields may be added under the same version; one that changes its meaning comes
/// with the next.
#[derive(Debug, Serialize)]
pub(super) struct Order<'a> {
    version: u8,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
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
}

#[derive(Debug, Serialize)]
struct Requester<'a> {
    slack_id: &'a UserId,
    email: &'a Email,
    username: &'a Username,
}

impl<'a> Order<'a> {
    pub(super) fn new(
        action: Action,
        order: &'a LayerRequest,
        params: &'a Params,
        entitlement: &'a Entitlement,
    ) -> Self {
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
            receipt: order.receipt.as_ref(),
            entitlement,
            params,
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

/// What an order is for: as it was when the grant was approved, also where the configuration has changed
/// since; `today` before that.
pub(super) fn committed(order: &LayerRequest, today: impl FnOnce() -> Entitlement) -> Entitlement {
    order.entitlement.clone().unwrap_or_else(today)
}

/// The most secrets of one answer.
const SECRETS: usize = 10;

/// The longest label of a secret, in characters.
const LABEL: usize = 80;

/// Reads the answer to [`Action::Grant`], which may be empty. Fields that it does not know are ignored.
pub(super) fn granted(answer: &[u8]) -> Result<Granted, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        secrets: Vec<Field>,
        receipt: Option<Receipt>,
        ends_at: Option<Time>,
    }
    #[derive(Deserialize)]
    struct Field {
        label: String,
        value: SecretString,
    }

    if answer.trim_ascii().is_empty() {
        return Ok(Granted::default());
    }
    let fail = |message: String| BackendError::Fail(message.into());
    // What is wrong with it is not quoted: it may be a secret.
    let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
        fail(format!(
            "the answer to `grant` is not as the protocol says, at line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    if answer.secrets.len() > SECRETS {
        return Err(fail(format!("the target gave more than {SECRETS} secrets")));
    }
    let field = |field: Field| {
        let label = field.label.trim();
        let is_label = (1..=LABEL).contains(&label.chars().count())
            && !label
                .chars()
                .any(|char| is_control(char) || turns_direction(char));
        let value = field.value.expose_secret();
        let is_text = !value.is_empty()
            && !value
                .chars()
                .any(|char| is_control(char) && !matches!(char, '\n' | '\r' | '\t'));
        match is_label && is_text {
            true => Ok(SecretField {
                label: label.to_owned(),
                value: field.value,
            }),
            false => Err(fail(format!(
                "a secret of the target is not text, or has no label of 1 to {LABEL} characters"
            ))),
        }
    };
    let secrets = answer.secrets.into_iter().map(field);
    Ok(Granted {
        secrets: secrets.collect::<Result<_, _>>()?,
        receipt: answer.receipt,
        ends_at: answer.ends_at.map(to_millis),
    })
}

/// Cut to the millisecond, as [`Time`] is everywhere.
fn to_millis(at: Time) -> Time {
    at.trunc_subsecs(3)
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
    use serde_json::{Value, json};

    use super::*;

    fn order() -> LayerRequest {
        LayerRequest {
            request: RequestId::new(Time::UNIX_EPOCH, 1),
            generation: 3,
            scope: "wiki:edit".parse().unwrap(),
            requester: UserId::new("U0ALICE"),
            email: Email::new("alice@example.com"),
            username: Username::new("alice"),
            handle: Handle::new("keylend_one_0"),
            entitlement: None,
            receipt: None,
            expires_at: "2026-11-02T10:00:00Z".parse().unwrap(),
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
        let document = Order::new(Action::Grant, &order, &params, &entitlement).to_json();
        let document: Value = serde_json::from_slice(&document).unwrap();
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

    #[test]
    fn a_grant_may_answer_with_secrets_a_receipt_and_its_end() {
        for nothing in ["", " \n", "{}", r#"{"present": true}"#] {
            let nothing = granted(nothing.as_bytes()).unwrap();
            assert!(nothing.secrets.is_empty() && nothing.receipt.is_none());
        }
        let answer = json!({
            "secrets": [{"label": " Token ", "value": "s3cret"}],
            "receipt": "lease-7",
            "ends_at": "2026-11-02T10:00:00.123456Z",
        });
        let answer = granted(answer.to_string().as_bytes()).unwrap();
        assert_eq!(answer.secrets[0].label, "Token");
        assert_eq!(answer.secrets[0].value.expose_secret(), "s3cret");
        assert_eq!(answer.receipt.unwrap().as_str(), "lease-7");
        let ends_at: Time = "2026-11-02T10:00:00.123Z".parse().unwrap();
        assert_eq!(answer.ends_at, Some(ends_at));
    }

    #[test]
    fn a_wrong_answer_to_a_grant_fails_without_telling_a_secret() {
        let many = vec![json!({"label": "s3cret", "value": "s3cret"}); 11];
        for answer in [
            "s3cret".to_owned(),
            r#"{"secrets": "s3cret"}"#.to_owned(),
            r#"{"secrets": [{"label": "s3cret"}]}"#.to_owned(),
            r#"{"secrets": [{"label": "s3cret\u202e", "value": "s3cret"}]}"#.to_owned(),
            r#"{"secrets": [{"label": "", "value": "s3cret"}]}"#.to_owned(),
            r#"{"receipt": "s3cret\n"}"#.to_owned(),
            r#"{"ends_at": "s3cret"}"#.to_owned(),
            json!({ "secrets": many }).to_string(),
        ] {
            match granted(answer.as_bytes()) {
                Err(BackendError::Fail(failure)) => {
                    assert!(!failure.to_string().contains("s3cret"), "{failure}");
                }
                other => panic!("{answer}: {other:?}"),
            }
        }
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
