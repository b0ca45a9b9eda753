//! Only Slack gets in: what is not signed, is stale, or was changed on its way is not taken.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, TimeDelta};
use hmac::{Hmac, KeyInit as _, Mac as _};
use keylend::{
    clock::Clock,
    domain::Time,
    slack::signature::{Unsigned, Verifier},
};
use proptest::prelude::*;
use sha2::Sha256;

use crate::support::clock::TestClock;

/// The example of Slack's documentation: secret, timestamp, body and signature.
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SIGNED_AT: i64 = 1_531_420_618;
const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
    &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
    &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
    %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

struct At(Time);

impl Clock for At {
    fn now(&self) -> Time {
        self.0
    }

    fn until(&self, _: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Verifies so many milliseconds after the example was signed.
fn verify(after: i64, headers: &HeaderMap, body: &[u8]) -> Result<(), Unsigned> {
    let now = DateTime::from_timestamp(SIGNED_AT, 0).unwrap() + TimeDelta::milliseconds(after);
    Verifier::new(SECRET.into(), Arc::new(At(now)))
        .verify(headers, body)
        .map(drop)
}

fn headers(timestamp: &str, signature: &str) -> HeaderMap {
    [
        ("x-slack-request-timestamp", timestamp),
        ("x-slack-signature", signature),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )
    })
    .collect()
}

fn documented() -> HeaderMap {
    headers(&SIGNED_AT.to_string(), SIGNATURE)
}

#[test]
fn the_documented_example_is_slacks() {
    assert_eq!(verify(0, &documented(), BODY.as_bytes()), Ok(()));
}

#[test]
fn exactly_300_seconds_pass_and_a_millisecond_more_does_not() {
    for after in [-300_000, 300_000] {
        assert_eq!(verify(after, &documented(), BODY.as_bytes()), Ok(()));
    }
    for after in [-300_001, 300_001, i64::from(i32::MAX)] {
        let verdict = verify(after, &documented(), BODY.as_bytes());
        assert_eq!(verdict, Err(Unsigned::Stale), "{after} ms");
    }
}

/// The example, signed at another time.
fn signed(at: i64) -> HeaderMap {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{BODY}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    headers(&at.to_string(), &format!("v0={signature}"))
}

#[test]
fn what_was_signed_long_before_another_is_stale_although_the_clock_was_set_back() {
    let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let clock = TestClock::at("2018-07-12T20:00:00Z");
    let verifier = Verifier::new(SECRET.into(), clock.clone());
    let verify = |at: i64| {
        clock.set(moment(at));
        verifier.verify(&signed(at), BODY.as_bytes()).map(drop)
    };
    assert_eq!(verify(SIGNED_AT), Ok(()));
    assert_eq!(verify(SIGNED_AT - 600), Ok(()));
    assert_eq!(verify(SIGNED_AT - 601), Err(Unsigned::Stale));
    assert_eq!(verify(SIGNED_AT + 3600), Ok(()));
    assert_eq!(verify(SIGNED_AT), Err(Unsigned::Stale));
}

#[test]
fn another_secret_is_wrong() {
    let verifier = Verifier::new(
        "another".into(),
        Arc::new(At(DateTime::from_timestamp(SIGNED_AT, 0).unwrap())),
    );
    let verdict = verifier.verify(&documented(), BODY.as_bytes());
    assert_eq!(verdict, Err(Unsigned::Wrong));
}

#[test]
fn each_header_stands_there_once_and_as_slack_writes_it() {
    let (at, hex) = (SIGNED_AT.to_string(), &SIGNATURE[3..]);
    let malformed = [
        (format!("+{at}"), SIGNATURE.to_owned()),
        (format!(" {at}"), SIGNATURE.to_owned()),
        (String::new(), SIGNATURE.to_owned()),
        ("9".repeat(40), SIGNATURE.to_owned()),
        (at.clone(), format!("v1={hex}")),
        (at.clone(), hex.to_owned()),
        (at.clone(), format!("{SIGNATURE}00")),
        (at.clone(), SIGNATURE[..65].to_owned()),
        (at.clone(), format!("v0={}", "zz".repeat(32))),
        (at.clone(), "v0=é".to_owned()),
    ];
    for (timestamp, signature) in malformed {
        let verdict = verify(0, &headers(&timestamp, &signature), BODY.as_bytes());
        assert!(
            matches!(verdict, Err(Unsigned::Malformed(_))),
            "{timestamp:?} {signature:?}: {verdict:?}"
        );
    }
    for name in ["x-slack-request-timestamp", "x-slack-signature"] {
        let mut none = documented();
        none.remove(name);
        assert_eq!(verify(0, &none, b""), Err(Unsigned::Header(name)));
        let mut two = documented();
        two.append(name, two[name].clone());
        assert_eq!(
            verify(0, &two, BODY.as_bytes()),
            Err(Unsigned::Header(name))
        );
    }
}

proptest! {
    #[test]
    fn a_body_changed_anywhere_is_not_slacks(at in 0..BODY.len(), bit in 0..8u8) {
        let mut body = BODY.as_bytes().to_vec();
        body[at] ^= 1 << bit;
        prop_assert_eq!(verify(0, &documented(), &body), Err(Unsigned::Wrong));
    }

    #[test]
    fn no_header_makes_it_panic(timestamp in "[ -~]{0,40}", signature in "[ -~]{0,80}") {
        prop_assert!(verify(0, &headers(&timestamp, &signature), b"").is_err());
    }
}
