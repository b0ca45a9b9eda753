//! Whatever comes in is answered in Slack's way, and the simulator goes on.

use std::net::SocketAddr;

use serde_json::json;
use slack_sim::{CannotStart, DisconnectReason, Sim};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::common::{App, Hand, api, post, workspace};

const FORM: &str = "application/x-www-form-urlencoded";

async fn start() -> Sim {
    Sim::start_with_clock(workspace(), Hand::new().clock()).await
}

fn authority(sim: &Sim) -> String {
    let url = sim.api_url();
    let rest = url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// Sends these bytes on a connection of their own; everything that comes back.
async fn raw(sim: &Sim, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(authority(sim)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn is_well(sim: &Sim) {
    assert_eq!(api(sim, "auth.test", json!({})).await["ok"], true);
}

#[tokio::test]
async fn each_kind_of_bad_body_has_slacks_own_name() {
    let sim = start().await;
    let url = format!("{}chat.postMessage", sim.api_url());
    let token = sim.bot_token();
    let cases = [
        ("application/json", "{\"channel\":", "invalid_json"),
        ("application/json; charset=utf-8", "[1]", "json_not_object"),
        ("application/json; charset=koi8-r", "{}", "invalid_charset"),
        ("application/xml", "<x/>", "invalid_post_type"),
        (
            "multipart/form-data; boundary=x",
            "--x--",
            "invalid_form_data",
        ),
        (FORM, "text=without+a+channel", "invalid_arguments"),
    ];
    for (kind, body, error) in cases {
        let answer = post(&url, kind, Some(&token), body.to_owned())
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(answer.json()["ok"], false, "{body}");
        assert_eq!(answer.json()["error"], error, "{kind} {body}");
    }
    is_well(&sim).await;
}

#[tokio::test]
async fn bytes_that_are_not_text_are_an_error_and_not_the_end() {
    let sim = start().await;
    let head = |kind: &str, length: usize| {
        let host = authority(&sim);
        let token = sim.bot_token();
        format!(
            "POST /api/chat.postMessage HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: {kind}\r\n\
             content-length: {length}\r\n\r\n"
        )
    };
    let cases = [
        ("application/json", "invalid_json"),
        (FORM, "invalid_form_data"),
    ];
    for (kind, error) in cases {
        let mut request = head(kind, 4).into_bytes();
        request.extend([0xff, 0xfe, b'{', 0x80]);
        let answer = raw(&sim, &request).await;
        assert!(answer.contains(error), "{kind}: {answer}");
    }
    let mut request = b"GET /api/auth.test\xff HTTP/1.1\r\n\r\n".to_vec();
    request.extend([0xff; 16]);
    let answer = raw(&sim, &request).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(
        raw(&sim, b"\x16\x03\x01 not http\r\n\r\n")
            .await
            .lines()
            .next(),
        Some("HTTP/1.1 400 Bad Request")
    );
    let untyped =
        b"POST /api/auth.test HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
    assert!(raw(&sim, untyped).await.contains("missing_post_type"));
    is_well(&sim).await;
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused_unread() {
    let sim = start().await;
    let url = format!("{}chat.postMessage", sim.api_url());
    let token = sim.bot_token();
    let body = "x".repeat(2 * 1024 * 1024);
    let answer = post(&url, FORM, Some(&token), body).await.unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(
        answer.json(),
        json!({"ok": false, "error": "request_too_large"})
    );

    // The answer comes although the body that was promised never does.
    let promised = format!(
        "POST /api/chat.postMessage HTTP/1.1\r\nhost: {}\r\ncontent-type: {FORM}\r\n\
         content-length: 999999999\r\n\r\n",
        authority(&sim)
    );
    let mut stream = TcpStream::connect(authority(&sim)).await.unwrap();
    stream.write_all(promised.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");

    // A body whose length nobody said is read up to the limit.
    let chunk = "x".repeat(0x1000);
    let mut chunked = format!(
        "POST /api/chat.postMessage HTTP/1.1\r\nhost: {}\r\ncontent-type: {FORM}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        authority(&sim)
    );
    for _ in 0..300 {
        chunked += &format!("1000\r\n{chunk}\r\n");
    }
    let mut stream = TcpStream::connect(authority(&sim)).await.unwrap();
    stream.write_all(chunked.as_bytes()).await.unwrap();
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    assert!(sim.calls_of("chat.postMessage").is_empty());
    is_well(&sim).await;
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let sim = start().await;
    let endless = format!(
        "GET /api/auth.test HTTP/1.1\r\nx: {}",
        "x".repeat(256 * 1024)
    );
    let mut stream = TcpStream::connect(authority(&sim)).await.unwrap();
    stream.write_all(endless.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 431");
    is_well(&sim).await;
}

#[tokio::test]
async fn methods_that_are_not_there_are_unknown() {
    let sim = start().await;
    for method in [
        "no.such.method",
        "chat.postMessage/again",
        "%ff%fe",
        "chat.postmessage",
    ] {
        assert_eq!(
            api(&sim, method, json!({})).await["error"],
            "unknown_method",
            "{method}"
        );
    }
    let nowhere = format!("http://{}/nowhere", authority(&sim));
    assert_eq!(
        post(&nowhere, FORM, None, String::new())
            .await
            .unwrap()
            .status,
        404
    );
    is_well(&sim).await;
}

#[tokio::test]
async fn a_method_is_called_by_get_or_post_and_by_nothing_else() {
    let sim = start().await;
    let request = |verb: &str| {
        let (host, token) = (authority(&sim), sim.bot_token());
        format!(
            "{verb} /api/users.info?user=U0ALICE HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\n\r\n"
        )
    };
    let got = raw(&sim, request("GET").as_bytes()).await;
    assert!(got.contains("Alice Liddell"), "{got}");
    let posted = raw(&sim, request("POST").as_bytes()).await;
    assert!(posted.contains("Alice Liddell"), "{posted}");
    let deleted = raw(&sim, request("DELETE").as_bytes()).await;
    assert!(deleted.starts_with("HTTP/1.1 405"), "{deleted}");
}

#[tokio::test]
async fn a_response_url_says_what_is_wrong_in_plain_text() {
    let sim = start().await;
    let app = App::start(&sim).await;
    sim.person("U0ALICE").command("C0DBA", "/jit", "").await;
    let url = app.last().form()["response_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let bad = post(&url, "application/json", None, "{".to_owned())
        .await
        .unwrap();
    assert_eq!((bad.status, bad.body.as_str()), (400, "invalid_payload"));
    let large = "x".repeat(2 * 1024 * 1024);
    let large = post(&url, "application/json", None, large).await.unwrap();
    assert_eq!(large.status, 413);
    let good = post(
        &url,
        "application/json",
        None,
        json!({"text": "well"}).to_string(),
    )
    .await;
    assert_eq!(good.unwrap().status, 200);
    let unknown = format!("http://{}/commands/T0LOCAL/0/none", authority(&sim));
    let unknown = post(&unknown, "application/json", None, "{}".to_owned())
        .await
        .unwrap();
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_socket_without_a_ticket_or_without_an_upgrade_is_refused() {
    let sim = start().await;
    let plain = b"GET /link/?ticket=x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = raw(&sim, plain).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let url = format!("ws://{}/link/?ticket=never-issued", authority(&sim));
    assert!(crate::common::socket::Client::at(&url).await.is_err());
    sim.disconnect(DisconnectReason::RefreshRequested);
    is_well(&sim).await;
}

#[tokio::test]
async fn the_newest_ten_thousand_calls_are_remembered() {
    let sim = start().await;
    let mut stream = TcpStream::connect(authority(&sim)).await.unwrap();
    let request = "GET /api/api.test HTTP/1.1\r\nhost: x\r\n\r\n".repeat(73);
    let (mut read, mut write) = stream.split();
    let send = async {
        for _ in 0..137 {
            write.write_all(request.as_bytes()).await.unwrap();
        }
    };
    let receive = async {
        let mut buffer = [0; 16 * 1024];
        while sim.arrivals("api.test") < 10_001 {
            assert!(read.read(&mut buffer).await.unwrap() > 0);
        }
    };
    tokio::join!(send, receive);
    api(&sim, "api.test", json!({"is": "last"})).await;
    let calls = sim.calls();
    assert_eq!(calls.len(), 10_000);
    assert_eq!(calls[9_999].args["is"], "last");
}

#[tokio::test]
async fn it_starts_at_a_loopback_address_of_the_callers_and_nowhere_else() {
    let clock = Hand::new().clock();
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = Sim::start_at(workspace(), clock.clone(), everywhere).await;
    assert!(matches!(refused, Err(CannotStart::NotLoopback(_))));
    let here: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let sim = Sim::start_at(workspace(), clock.clone(), here)
        .await
        .unwrap();
    is_well(&sim).await;
    let taken = authority(&sim).parse().unwrap();
    let refused = Sim::start_at(workspace(), clock, taken).await;
    assert!(matches!(refused, Err(CannotStart::Bind { .. })));
}
