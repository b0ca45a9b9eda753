//! Somebody at a proxy, who sees what Slack sends with its signature: they hold it back, send it again, to
//! other places and in other shapes, and change it. They do not know the secret that signs.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use slack_sim::{Delivery, DeliveryFault, DeliveryKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    attempts::{kinds_when_all_is_done, logged},
    scene::Scene,
    support::fixture::{ALICE, Fixture, REQUEST, SCOPE},
};

const FORM: &str = "application/x-www-form-urlencoded";

const PATHS: [&str; 4] = [
    "/slack/commands",
    "/slack/interactions",
    "/slack/options",
    "/slack/events",
];

/// What the proxy has seen of a delivery.
struct Seen {
    path: String,
    timestamp: String,
    signature: String,
    body: String,
}

impl Seen {
    fn of(fixture: &Fixture, delivery: &Delivery) -> Self {
        let is_signed = fixture.now() - delivery.at < TimeDelta::seconds(290);
        assert!(is_signed, "the machine was too slow: nothing is shown");
        let (timestamp, body) = (delivery.at.timestamp(), delivery.sent.clone());
        Self {
            path: delivery.path.clone(),
            timestamp: timestamp.to_string(),
            signature: slack_sim::signature(slack_sim::SIGNING_SECRET, timestamp, &body),
            body,
        }
    }

    /// The head of a request to `path`, without what says how long its body is.
    fn head(&self, path: &str, content_type: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nhost: keylend\r\nconnection: close\r\n\
             content-type: {content_type}\r\nx-slack-request-timestamp: {}\r\n\
             x-slack-signature: {}\r\n",
            self.timestamp, self.signature
        )
    }

    /// The same as it came, to another path and as another type.
    fn as_it_came(&self, path: &str, content_type: &str) -> String {
        let (head, body) = (self.head(path, content_type), &self.body);
        format!("{head}content-length: {}\r\n\r\n{body}", body.len())
    }

    /// The body in chunks of seven bytes.
    fn in_chunks(&self) -> String {
        let head = self.head(&self.path, FORM);
        let chunks = self.body.as_bytes().chunks(7).map(|chunk| {
            let text = String::from_utf8_lossy(chunk);
            format!("{:x}\r\n{text}\r\n", chunk.len())
        });
        let chunks: String = chunks.collect();
        format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    }
}

/// Sends bytes to the service at `url`; the answer's status, or nothing if it hung up.
async fn exchange(url: &str, request: &str) -> Option<u16> {
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut connection = TcpStream::connect(address).await.unwrap();
    // It may hang up before it has read everything.
    let _ = connection.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let reading = connection.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}

/// Bob's approval, which the proxy keeps: Keylend sees half of it at most.
async fn approval_that_is_held_back(fixture: &Fixture) -> Seen {
    let card = fixture.asked(REQUEST).await;
    let held = Some(DeliveryKind::Interactions);
    fixture.sim.fault_delivery(held, DeliveryFault::Drop, 1);
    let click = fixture.bob().click(&card, "approve").await;
    assert_eq!(click.status, 0, "{click:?}");
    Seen::of(fixture, &click)
}

/// A request that was withdrawn and an approval whose access has ended, to every path, as every type, in
/// every shape.
#[tokio::test]
async fn what_they_send_again_does_nothing_again_wherever_and_however_they_send_it() {
    let mut fixture = Fixture::start().await;
    let withdrawn = fixture.jit(ALICE, "request db-prod:read 10m look").await;
    logged(&fixture, &["requested"], 1).await;
    fixture.jit(ALICE, "withdraw").await;
    logged(&fixture, &["withdrawn"], 1).await;
    let card = fixture.asked(REQUEST).await;
    let approval = fixture.bob().click(&card, "approve").await;
    fixture.console.until_admits("alice").await;
    logged(&fixture, &["activated"], 1).await;
    fixture.jit(ALICE, "done").await;
    logged(&fixture, &["ended"], 1).await;
    let before = fixture.kinds().await;

    let url = fixture.url("");
    for seen in [
        Seen::of(&fixture, &withdrawn),
        Seen::of(&fixture, &approval),
    ] {
        for path in PATHS {
            for content_type in [
                FORM,
                "application/json",
                "multipart/form-data; boundary=payload",
            ] {
                let status = exchange(&url, &seen.as_it_came(path, content_type)).await;
                assert!(
                    matches!(status, Some(200 | 400)),
                    "{path} {content_type}: {status:?}"
                );
            }
        }
        let path = &seen.path;
        let plain = seen.as_it_came(path, FORM);
        let upper = seen.signature.to_uppercase().replace("V0=", "v0=");
        for again in [
            seen.in_chunks(),
            plain.replace(&seen.signature, &upper),
            plain.replacen(
                "host: keylend",
                "host: elsewhere\r\nx-slack-retry-num: 1",
                1,
            ),
            plain.replacen(path, &format!("{path}?payload=%7B%7D&user_id=U0DAVE"), 1),
            plain.replacen(path, &format!("//keylend{path}"), 1),
            plain.replacen(path, &format!("{path}/../interactions"), 1),
            // Two lengths: whoever stands between may believe the other one.
            seen.in_chunks()
                .replacen("host: keylend", "host: keylend\r\ncontent-length: 4", 1),
        ] {
            exchange(&url, &again).await;
        }
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, before);
    // Nor after a restart.
    let url = fixture.url("");
    for delivery in [&withdrawn, &approval] {
        let seen = Seen::of(&fixture, delivery);
        exchange(&url, &seen.as_it_came(&seen.path, FORM)).await;
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, before);
    assert!(!fixture.console.admits("alice"));
}

/// Held back, and then sent to two replicas at once, many times.
#[tokio::test(flavor = "multi_thread")]
async fn what_they_send_to_every_replica_at_once_is_done_once() {
    let mut scene = Scene::on_postgres().await;
    scene.fixture.join().await;
    let fixture = &scene.fixture;
    let seen = approval_that_is_held_back(fixture).await;
    assert_eq!(scene.kinds().await, ["requested"]);
    let urls = [fixture.url(""), fixture.replica_url("")];
    let plain = seen.as_it_came(&seen.path, FORM);
    let sent = (0..20).map(|number| exchange(&urls[number % 2], &plain));
    let heard = join_all(sent).await;
    assert!(heard.iter().all(|status| *status == Some(200)), "{heard:?}");
    let grant = fixture.in_time(|_| fixture.grants(ALICE).pop()).await;
    fixture.alice().click(&grant, "done").await;
    scene.until("SELECT state FROM requests", &["ended"]).await;

    // And again at the replica that was not told of the end.
    exchange(&fixture.replica_url(""), &plain).await;
    scene.fixture.stop().await;
    let kinds = scene.kinds().await;
    let approved = kinds.iter().filter(|kind| *kind == "approved").count();
    assert_eq!(approved, 1, "{kinds:?}");
    assert_eq!(kinds.last().map(String::as_str), Some("ended"));
    assert_eq!(scene.fixture.console.orders("grant"), 1);
}

#[tokio::test]
async fn what_they_change_is_refused() {
    let mut fixture = Fixture::start().await;
    let seen = approval_that_is_held_back(&fixture).await;
    let url = fixture.url("");
    let path = &seen.path;
    let changed = |change: &dyn Fn(&mut Seen)| {
        let mut other = Seen {
            path: seen.path.clone(),
            timestamp: seen.timestamp.clone(),
            signature: seen.signature.clone(),
            body: seen.body.clone(),
        };
        change(&mut other);
        other.as_it_came(&other.path, FORM)
    };
    let one_more = |header: &str, value: &str| {
        let plain = seen.as_it_came(path, FORM);
        plain.replacen(
            "host: keylend",
            &format!("host: keylend\r\n{header}: {value}"),
            1,
        )
    };
    let (time, signature) = ("x-slack-request-timestamp", "x-slack-signature");
    let later: i64 = seen.timestamp.parse().unwrap();
    for forged in [
        changed(&|seen| seen.timestamp = (later + 1).to_string()),
        changed(&|seen| seen.timestamp = (later - 1).to_string()),
        changed(&|seen| seen.timestamp.insert(0, '0')),
        changed(&|seen| seen.body.truncate(seen.body.len() - 1)),
        changed(&|seen| seen.body.push_str("&payload=%7B%7D")),
        changed(&|seen| seen.body.insert_str(0, "payload=%7B%7D&")),
        changed(&|seen| seen.body = seen.body.replace("U0BOB", "U0ALICE")),
        changed(&|seen| seen.body.clear()),
        changed(&|seen| seen.body = "ssl_check=1".to_owned()),
        one_more(time, &seen.timestamp),
        one_more(signature, &seen.signature),
        one_more(signature, "v0="),
    ] {
        let status = exchange(&url, &forged).await;
        assert_eq!(status, Some(401), "{forged}");
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, ["requested"]);
    assert!(!fixture.admitted(ALICE, SCOPE).await);
}

/// A body that ends before its end is nobody's word, however well its head is signed.
#[tokio::test]
async fn what_they_cut_off_is_not_done() {
    let mut fixture = Fixture::start().await;
    let seen = approval_that_is_held_back(&fixture).await;
    let plain = seen.as_it_came(&seen.path, FORM);
    let chunks = seen.in_chunks();
    let url = fixture.url("");
    let address = url.strip_prefix("http://").unwrap();
    for whole in [&plain, &chunks] {
        for left in [1, 6, whole.len() / 3] {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let cut = &whole.as_bytes()[..whole.len() - left];
            connection.write_all(cut).await.unwrap();
            connection.shutdown().await.unwrap();
            let mut answer = Vec::new();
            let _ = connection.read_to_end(&mut answer).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
    assert_eq!(kinds_when_all_is_done(&mut fixture).await, ["requested"]);
    // Whole, it is Bob's word.
    let url = fixture.url("");
    assert_eq!(exchange(&url, &chunks).await, Some(200));
    fixture.console.until_admits("alice").await;
}
