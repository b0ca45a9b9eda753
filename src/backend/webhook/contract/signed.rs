//! What receivers that are reached over a network have to do.

use keylend::{
    backend::BackendError,
    clock::{Clock, SystemClock},
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Example, SECRET, Service, sign};
use crate::{
    schema,
    subject::{Calls as _, Subject},
};

pub(super) async fn a_call_that_keylend_did_not_sign_just_now_is_refused<E: Example>() {
    let service = Service::<E>::start("60s").await;
    let order = service.order("alice").await;
    let outcome = service.webhook("another", "60s").grant(&order, None).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
    assert!(!service.works(&order).await);

    let body = schema::order().to_string().into_bytes();
    let now = SystemClock.now().timestamp();
    let signed = |timestamp| sign(SECRET, timestamp, &body);
    let minutes = 60;
    let changed = schema::with("generation", json!(5))
        .to_string()
        .into_bytes();
    for (body, timestamp, signature) in [
        // A replay of what was signed a while ago, and of what a clock ahead of ours signed.
        (
            &body,
            (now - 6 * minutes).to_string(),
            signed(now - 6 * minutes),
        ),
        (
            &body,
            (now + 6 * minutes).to_string(),
            signed(now + 6 * minutes),
        ),
        // Parts of two calls.
        (&changed, now.to_string(), signed(now)),
        (&body, (now + 1).to_string(), signed(now)),
        (&body, String::new(), signed(now)),
        (&body, now.to_string(), String::new()),
        (&body, now.to_string(), signed(now).replace("v1=", "v0=")),
        (&body, now.to_string(), signed(now).replace("v1=", "")),
        (&body, now.to_string(), format!("{}00", signed(now))),
        (&body, now.to_string(), "v1=é".to_owned()),
        (&body, "9".repeat(5000), signed(now)),
    ] {
        let (code, text) = service.post(body.clone(), &timestamp, &signature).await;
        assert_eq!(code, 401, "{timestamp} {signature}: {text}");
    }
    let (code, text) = service
        .post(body.clone(), &now.to_string(), &signed(now))
        .await;
    assert!([200, 202].contains(&code), "{code} {text}");
}

pub(super) async fn an_order_that_is_too_large_is_not_read<E: Example>() {
    let service = Service::<E>::start("60s").await;
    let mut connection = tokio::net::TcpStream::connect(&service.address)
        .await
        .expect("it listens");
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n";
    connection
        .write_all(head.as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    connection
        .read_to_string(&mut answer)
        .await
        .expect("it closes");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}
