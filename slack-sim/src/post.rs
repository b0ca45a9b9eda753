//! How deliveries look over HTTP and are signed, and what comes back.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// How a delivery is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// As Slack does, with the simulator's time.
    Valid,
    /// With another secret.
    WrongSecret,
    /// Without `X-Slack-Signature` and `X-Slack-Request-Timestamp`.
    Missing,
    /// With the right secret at this time, seconds since the epoch.
    At(i64),
}

/// The `X-Slack-Signature` of a body: `v0=` and the hex HMAC-SHA256 over `v0:{timestamp}:{body}`
/// (docs.slack.dev, authentication/verifying-requests-from-slack).
pub fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    // HMAC takes keys of any length, so there is no failure to report.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// What is particular to a delivery over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// Where it goes, if not where its kind goes.
    pub(crate) path: Option<String>,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) signing: Signing,
}

impl Post {
    /// A form, as slash commands and interactions are sent.
    pub(crate) fn form(fields: &[(&str, String)]) -> Self {
        let body = serde_urlencoded::to_string(fields).unwrap_or_default();
        Self::new("application/x-www-form-urlencoded", body)
    }

    /// A JSON body, as events are sent.
    pub(crate) fn json(payload: &Value) -> Self {
        Self::new("application/json", payload.to_string())
    }

    fn new(content_type: &str, body: String) -> Self {
        Self {
            path: None,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            body,
            signing: Signing::Valid,
        }
    }
}

/// What came back, by whichever transport.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
    /// What was wrong with an answer that counts all the same.
    pub(crate) complaint: Option<String>,
    /// `X-Slack-No-Retry: 1`.
    pub(crate) no_retry: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by hand with OpenSSL:
    /// `printf 'v0:1755000000:a=1&b=two' | openssl dgst -sha256 -hmac sesame`.
    #[test]
    fn the_signature_is_hmac_sha256_over_version_time_and_body() {
        assert_eq!(
            signature("sesame", 1_755_000_000, "a=1&b=two"),
            "v0=48ee00c23b8061bd6056223f066b7e93e22e8dca1fc03b9682422b6a7083030f"
        );
    }
}
