//! The door for Slack over HTTP, on a real socket: what is let in, and what is turned away.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use keylend::{
    clock::Clock,
    domain::{DeliveryKey, Time},
    slack::{
        ingress::{Answer, Delivery, Receive, http},
        signature::Verifier,
    },
};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SECRET: &str = "a signing secret";
const NOW: i64 = 1_800_000_000;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Time {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }

    fn until(&self, _: Time) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Notes what comes through the door.
#[derive(Default)]
struct Inside {
    came_in: Mutex<Vec<String>>,
}

#[async_trait]
impl Receive for Inside {
    async fn receive(self: Arc<Self>, delivery: Delivery, _: DeliveryKey) -> Answer {
        self.came_in.lock().unwrap().push(match &delivery {
            Delivery::Command(command) => format!("command {}", command.text),
            Delivery::Interaction(_) => "interaction".to_owned(),
            Delivery::Event(_) => "event".to_owned(),
        });
        match delivery {
            Delivery::Command(_) => Answer::Show(json!({ "text": "heard" })),
            Delivery::Interaction(_) => Answer::Busy,
            Delivery::Event(_) => Answer::Received,
        }
    }
}

struct House {
    address: SocketAddr,
    inside: Arc<Inside>,
}

impl House {
    async fn open() -> Self {
        let inside = Arc::<Inside>::default();
        let verifier = Verifier::new(SECRET.into(), Arc::new(Noon));
        let router = http::router(verifier, inside.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inside }
    }

    async fn post(&self, path: &str, body: &str, headers: &[(&str, String)]) -> (u16, String) {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: keylend\r\ncontent-length: {}\r\nconnection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        self.exchange(&format!("{request}\r\n{body}")).await
    }

    async fn post_signed(&self, path: &str, body: &str) -> (u16, String) {
        self.post(path, body, &signed(NOW, body)).await
    }

    async fn exchange(&self, request: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    fn came_in(&self) -> Vec<String> {
        self.inside.came_in.lock().unwrap().clone()
    }
}

fn signed(at: i64, body: &str) -> Vec<(&'static str, String)> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    vec![
        ("x-slack-request-timestamp", at.to_string()),
        ("x-slack-signature", signature),
    ]
}

const PATHS: [&str; 4] = [
    "/slack/commands",
    "/slack/interactions",
    "/slack/options",
    "/slack/events",
];

#[tokio::test]
async fn what_slack_did_not_sign_is_turned_away_unparsed() {
    let house = House::open().await;
    for path in PATHS {
        let body = "text=status";
        assert_eq!(house.post(path, body, &[]).await, (401, String::new()));
        let stale = signed(NOW - 301, body);
        assert_eq!(house.post(path, body, &stale).await.0, 401);
        let of_another_body = signed(NOW, "text=help");
        assert_eq!(house.post(path, body, &of_another_body).await.0, 401);
        assert_eq!(house.post(path, "\u{0}{not anything", &[]).await.0, 401);
    }
    assert!(house.came_in().is_empty());
}

#[tokio::test]
async fn what_slack_signed_comes_in_and_its_answer_goes_out() {
    let house = House::open().await;
    let heard = (200, r#"{"text":"heard"}"#.to_owned());
    assert_eq!(house.post_signed(PATHS[0], "text=status").await, heard);
    let payload = "payload=%7B%22type%22%3A%22block_actions%22%7D";
    for path in [PATHS[1], PATHS[2]] {
        assert_eq!(house.post_signed(path, payload).await.0, 503);
    }
    let event = r#"{"type":"event_callback","event":{"type":"user_change"}}"#;
    let mut again = signed(NOW, event);
    again.push(("x-slack-retry-num", "1".to_owned()));
    again.push(("x-slack-retry-reason", "http_timeout".to_owned()));
    let received = (200, String::new());
    assert_eq!(house.post(PATHS[3], event, &again).await, received);
    assert_eq!(
        house.came_in(),
        ["command status", "interaction", "interaction", "event"]
    );
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused_before_it_is_read() {
    let house = House::open().await;
    for path in PATHS {
        let announced = format!(
            "POST {path} HTTP/1.1\r\nhost: keylend\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            http::LARGEST_BODY + 1
        );
        assert_eq!(house.exchange(&announced).await.0, 413, "{path}");
    }
    let most = format!("text={}", "x".repeat(http::LARGEST_BODY - 5));
    assert_eq!(house.post_signed(PATHS[0], &most).await.0, 200);
}

#[tokio::test]
async fn a_body_is_not_waited_for_if_the_head_cannot_be_slacks() {
    let house = House::open().await;
    for headers in [vec![], signed(NOW - 301, "text=status")] {
        let mut head = "POST /slack/commands HTTP/1.1\r\nhost: keylend\r\n".to_owned();
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "content-length: 1000\r\n\r\n";
        let mut connection = TcpStream::connect(house.address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_its_length_is_cut_off_too() {
    let house = House::open().await;
    let mut connection = TcpStream::connect(house.address).await.unwrap();
    let mut head =
        "POST /slack/events HTTP/1.1\r\nhost: keylend\r\ntransfer-encoding: chunked\r\n".to_owned();
    for (name, value) in signed(NOW, "something else") {
        head += &format!("{name}: {value}\r\n");
    }
    connection
        .write_all(format!("{head}\r\n").as_bytes())
        .await
        .unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        // The door may close while we still talk.
        if connection.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert!(house.came_in().is_empty());
}

#[tokio::test]
async fn an_ssl_check_is_answered_with_nothing_and_does_nothing() {
    let house = House::open().await;
    let nothing = (200, String::new());
    for path in PATHS {
        let alone = "token=something&ssl_check=1";
        assert_eq!(house.post(path, alone, &[]).await, nothing, "{path}");
        let asked = format!("GET {path}?{alone} HTTP/1.1\r\nhost: k\r\nconnection: close\r\n\r\n");
        assert_eq!(house.exchange(&asked).await, nothing, "{path}");
    }
    let within = "user_id=U0ALICE&text=status&ssl_check=1";
    assert_eq!(house.post_signed(PATHS[0], within).await, nothing);
    assert!(house.came_in().is_empty());
}

#[tokio::test]
async fn nothing_slips_past_the_signature_as_an_ssl_check() {
    let house = House::open().await;
    for body in [
        "ssl_check=1&text=status",
        "ssl_check=0",
        "ssl_check=1&ssl_check=1",
    ] {
        assert_eq!(house.post(PATHS[0], body, &[]).await.0, 401, "{body}");
    }
    let asked = "GET /slack/commands?text=status HTTP/1.1\r\nhost: k\r\nconnection: close\r\n\r\n";
    assert_eq!(house.exchange(asked).await.0, 405);
    assert!(house.came_in().is_empty());
}

#[tokio::test]
async fn the_address_is_verified_by_sending_the_challenge_back() {
    let house = House::open().await;
    let body = r#"{"type":"url_verification","token":"t","challenge":"3eZbrw1a"}"#;
    let (status, answer) = house.post_signed(PATHS[3], body).await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer, json!({ "challenge": "3eZbrw1a" }));
    assert_eq!(house.post(PATHS[3], body, &[]).await.0, 401);
    assert!(house.came_in().is_empty());
}

#[tokio::test]
async fn a_signed_body_that_is_no_payload_is_a_bad_request() {
    let house = House::open().await;
    for (path, body) in [
        (PATHS[1], "payload=nonsense"),
        (PATHS[1], "text=status"),
        (PATHS[3], "{"),
    ] {
        assert_eq!(house.post_signed(path, body).await.0, 400, "{path} {body}");
    }
    assert!(house.came_in().is_empty());
}
