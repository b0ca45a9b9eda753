//! What Slack says over a connection, <https://docs.slack.dev/apis/events-api/using-socket-mode>:
//! `hello`, envelopes, `disconnect`. What is in an envelope is what comes over HTTP, read alike.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::super::Delivery;
use crate::{
    domain::DeliveryKey,
    slack::inbound::{Event, InteractionPayload},
};

/// One message of Slack's.
pub(super) enum Said {
    /// The connection is ready.
    Hello {
        /// The app that it is for.
        app: Option<String>,
    },
    /// The connection ends, now or soon.
    Disconnect(Reason),
    /// Something for us.
    Envelope(Envelope),
    /// Nothing that we know.
    Unknown,
}

/// Why Slack ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It has lived long enough; another is to take its place.
    Refresh,
    /// Socket Mode was switched off.
    SwitchedOff,
    /// The app has ten others.
    TooMany,
}

/// A delivery in its envelope.
pub(super) struct Envelope {
    /// What the acknowledgement names.
    pub(super) id: String,
    /// Whether the acknowledgement may bring an answer.
    pub(super) takes_answer: bool,
    /// Why Slack delivers it again, if it does.
    pub(super) retry: Option<String>,
    kind: String,
    payload: Box<RawValue>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
    connection_info: Option<ConnectionInfo>,
    envelope_id: Option<String>,
    payload: Option<Box<RawValue>>,
    accepts_response_payload: Option<bool>,
    retry_attempt: Option<u32>,
    retry_reason: Option<String>,
}

#[derive(Deserialize)]
struct ConnectionInfo {
    app_id: Option<String>,
}

impl Said {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or a field that we read has another shape.
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let raw: Raw = serde_json::from_str(text)?;
        let kind = raw.kind.unwrap_or_default();
        Ok(match (kind.as_str(), raw.envelope_id, raw.payload) {
            ("hello", ..) => Self::Hello {
                app: raw.connection_info.and_then(|info| info.app_id),
            },
            ("disconnect", ..) => Self::Disconnect(match raw.reason.as_deref() {
                Some("link_disabled") => Reason::SwitchedOff,
                Some("too_many_websockets") => Reason::TooMany,
                // `warning`, `refresh_requested`, and whatever Slack invents next.
                _ => Reason::Refresh,
            }),
            (_, Some(id), Some(payload)) => Self::Envelope(Envelope {
                id,
                takes_answer: raw.accepts_response_payload == Some(true),
                retry: (raw.retry_attempt > Some(0)).then(|| raw.retry_reason.unwrap_or_default()),
                kind,
                payload,
            }),
            _ => Self::Unknown,
        })
    }
}

impl Envelope {
    /// What is in it; nothing if it is of a kind that we do not know.
    ///
    /// # Errors
    ///
    /// If it is not what Slack documents.
    pub(super) fn delivery(&self) -> Result<Option<Delivery>, serde_json::Error> {
        let json = self.payload.get();
        Ok(Some(match self.kind.as_str() {
            "slash_commands" => Delivery::Command(serde_json::from_str(json)?),
            "interactive" => Delivery::Interaction(Box::new(InteractionPayload::parse(json)?)),
            "events_api" => Delivery::Event(Event::parse(json.as_bytes())?),
            _ => return Ok(None),
        }))
    }

    /// By what it is known if it comes again.
    pub(super) fn key(&self) -> DeliveryKey {
        DeliveryKey::derive(self.id.as_bytes())
    }

    /// The acknowledgement, with the answer where one is taken.
    pub(super) fn acknowledgement(&self, answer: Option<Value>) -> String {
        #[derive(Serialize)]
        struct Acknowledgement<'a> {
            envelope_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            payload: Option<Value>,
        }
        let acknowledgement = Acknowledgement {
            envelope_id: &self.id,
            payload: answer.filter(|_| self.takes_answer),
        };
        serde_json::to_string(&acknowledgement).expect("text and JSON make JSON")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(changes: Value) -> Envelope {
        let mut envelope = json!({"envelope_id": "e-1", "type": "slash_commands", "payload": {}});
        for (key, value) in changes.as_object().unwrap() {
            envelope[key] = value.clone();
        }
        match Said::parse(&envelope.to_string()).unwrap() {
            Said::Envelope(envelope) => envelope,
            _ => panic!("{envelope} is an envelope"),
        }
    }

    #[test]
    fn an_answer_goes_only_where_one_is_taken() {
        let answer = || Some(json!({"text": "heard"}));
        let takes = envelope(json!({"accepts_response_payload": true}));
        assert_eq!(
            takes.acknowledgement(answer()),
            r#"{"envelope_id":"e-1","payload":{"text":"heard"}}"#
        );
        let bare = r#"{"envelope_id":"e-1"}"#;
        assert_eq!(takes.acknowledgement(None), bare);
        for changes in [json!({}), json!({"accepts_response_payload": null})] {
            assert_eq!(envelope(changes).acknowledgement(answer()), bare);
        }
    }

    #[test]
    fn a_kind_that_nobody_knows_holds_nothing_and_is_no_error() {
        let unknown = envelope(json!({"type": "of_tomorrow", "payload": [1]}));
        assert!(unknown.delivery().unwrap().is_none());
        assert!(
            envelope(json!({"type": "interactive", "payload": 1}))
                .delivery()
                .is_err()
        );
    }

    #[test]
    fn a_disconnect_for_a_reason_of_tomorrow_is_a_refresh() {
        for (reason, read) in [
            ("warning", Reason::Refresh),
            ("refresh_requested", Reason::Refresh),
            ("of_tomorrow", Reason::Refresh),
            ("link_disabled", Reason::SwitchedOff),
            ("too_many_websockets", Reason::TooMany),
        ] {
            let text = json!({"type": "disconnect", "reason": reason}).to_string();
            let said = Said::parse(&text).unwrap();
            assert!(
                matches!(said, Said::Disconnect(found) if found == read),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_first_delivery_is_not_a_retry() {
        assert_eq!(envelope(json!({})).retry, None);
        let first = json!({"retry_attempt": 0, "retry_reason": ""});
        assert_eq!(envelope(first).retry, None);
        let again = json!({"retry_attempt": 1, "retry_reason": "timeout"});
        assert_eq!(envelope(again).retry.as_deref(), Some("timeout"));
    }
}
