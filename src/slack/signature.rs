//! Whether a payload comes from Slack: HMAC-SHA256 over the raw body, as Slack documents it under
//! "Verifying requests from Slack", <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
//!
//! It works on the bytes as they came, before anything is parsed, and compares in constant time.
//! Whose workspace it is and who clicked is another question: see [`caller`](super::caller).

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::{
    clock::Clock,
    domain::{DeliveryKey, Time},
};

/// How far the sender's clock and ours may be apart, in milliseconds; exactly this passes.
const LARGEST_SKEW: u64 = 300_000;

/// How many seconds before the latest that was taken another may have been signed. Right clocks allow as
/// much. A clock that was set back would let in what was signed long ago, and is remembered no more.
const OLDEST: i64 = 600;

const TIMESTAMP: &str = "x-slack-request-timestamp";
const SIGNATURE: &str = "x-slack-signature";

/// Why a payload is not taken for Slack's. For the process's log: the sender is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A header is not there, or there more than once.
    #[error("there is not exactly one header `{0}`")]
    Header(&'static str),
    /// The header is not what Slack writes: seconds in digits, or `v0=` and 64 hexadecimal digits.
    #[error("the header `{0}` is malformed")]
    Malformed(&'static str),
    /// It was signed more than 300 s before or after now, or more than 600 s before another that was taken.
    #[error("it was signed more than 300 s before or after now, or 600 s before another")]
    Stale,
    /// It was signed with another secret, or changed on its way.
    #[error("the signature is not of this body")]
    Wrong,
}

/// The signing secret, and the clock that signatures are held against.
pub struct Verifier {
    secret: SecretString,
    clock: Arc<dyn Clock>,
    /// When the latest that was taken was signed, in seconds.
    latest: AtomicI64,
}

impl Verifier {
    /// Verifies with the app's signing secret.
    pub fn new(secret: SecretString, clock: Arc<dyn Clock>) -> Self {
        Self {
            secret,
            clock,
            latest: AtomicI64::new(0),
        }
    }

    /// Whether Slack sent exactly this body, and not long ago. Answers the key of the delivery.
    ///
    /// # Errors
    ///
    /// Why it is not taken for Slack's.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<DeliveryKey, Unsigned> {
        let claim = claim(headers, self.clock.now())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(b"v0:");
        mac.update(claim.timestamp.as_bytes());
        mac.update(b":");
        mac.update(body);
        mac.verify_slice(&claim.signature)
            .map_err(|_| Unsigned::Wrong)?;
        // Only of what Slack signed: nobody else moves it.
        let latest = self.latest.fetch_max(claim.seconds, Relaxed);
        if claim.seconds < latest - OLDEST {
            return Err(Unsigned::Stale);
        }
        Ok(DeliveryKey::derive(&claim.signature))
    }

    /// Whether the head alone leaves it open that Slack sent this. Anybody can write such a head.
    ///
    /// # Errors
    ///
    /// Why it cannot be Slack's, whatever the body is.
    pub fn plausible(&self, headers: &HeaderMap) -> Result<(), Unsigned> {
        claim(headers, self.clock.now()).map(drop)
    }
}

/// What a head claims: that its body was signed, and when.
pub struct Claim<'a> {
    timestamp: &'a str,
    seconds: i64,
    signature: [u8; 32],
}

/// Reads the claim, as far as it can be held against a rule without the body.
///
/// # Errors
///
/// Why it cannot be Slack's, whatever the body is.
pub fn claim(headers: &HeaderMap, now: Time) -> Result<Claim<'_>, Unsigned> {
    let timestamp = only(headers, TIMESTAMP)?;
    let signature = only(headers, SIGNATURE)?;
    let seconds = seconds(timestamp).ok_or(Unsigned::Malformed(TIMESTAMP))?;
    let signature = digest(signature).ok_or(Unsigned::Malformed(SIGNATURE))?;
    let skew = seconds
        .saturating_mul(1000)
        .saturating_sub(now.timestamp_millis())
        .unsigned_abs();
    if skew > LARGEST_SKEW {
        return Err(Unsigned::Stale);
    }
    Ok(Claim {
        timestamp,
        seconds,
        signature,
    })
}

fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Unsigned> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Unsigned::Header(name));
    };
    value.to_str().map_err(|_| Unsigned::Malformed(name))
}

fn seconds(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text.strip_prefix("v0=")?, &mut digest).ok()?;
    Some(digest)
}
