//! Nothing is let in that was not signed with our secret, within five minutes, as it stands.
//!
//! The bytes: a line that is the timestamp, a line that is the signature, and the body.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, KeyInit, Mac};
use keylend::{clock::Clock, domain::Time, slack::signature::Verifier};
use sha2::Sha256;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// The moment at which everything here is verified, in seconds.
const NOW: i64 = 1_531_420_618;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Time {
        Time::from_timestamp(NOW, 0).expect("the moment is a time")
    }

    fn until(&self, _: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

pub fn holds(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (timestamp, signature, body) = (part(), part(), part());

    // By a second reading of Slack's documentation.
    let is_fresh = std::str::from_utf8(timestamp)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse::<i64>().ok())
        .is_some_and(|seconds| seconds.abs_diff(NOW) <= 300);
    let right = sign(SECRET, timestamp, body);
    let is_right = signature.eq_ignore_ascii_case(right.as_bytes()) && signature.starts_with(b"v0");
    assert_eq!(
        verifies(timestamp, &[signature], body),
        is_fresh && is_right
    );

    assert_eq!(verifies(timestamp, &[right.as_bytes()], body), is_fresh);
    let foreign = sign("another app's secret", timestamp, body);
    assert!(!verifies(timestamp, &[foreign.as_bytes()], body));
    assert!(!verifies(timestamp, &[right.as_bytes(), signature], body));
    assert!(!verifies(timestamp, &[], body));
    let changed = [body, b"x"].concat();
    assert!(!verifies(timestamp, &[right.as_bytes()], &changed));
    if let Some((last, kept)) = body.split_last() {
        assert!(!verifies(timestamp, &[right.as_bytes()], kept));
        let changed = [kept, &[last ^ 1]].concat();
        assert!(!verifies(timestamp, &[right.as_bytes()], &changed));
    }
}

fn verifies(timestamp: &[u8], signatures: &[&[u8]], body: &[u8]) -> bool {
    let signatures = signatures
        .iter()
        .map(|signature| ("x-slack-signature", *signature));
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-slack-request-timestamp", timestamp)]
        .into_iter()
        .chain(signatures)
    {
        match HeaderValue::from_bytes(value) {
            Ok(value) => headers.append(name, value),
            // What cannot stand in a header does not arrive.
            Err(_) => return false,
        };
    }
    let verifier = Verifier::new(SECRET.into(), Arc::new(Stopped));
    verifier.verify(&headers, body).is_ok()
}

fn sign(secret: &str, timestamp: &[u8], body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    for part in [b"v0:".as_slice(), timestamp, b":", body] {
        mac.update(part);
    }
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
