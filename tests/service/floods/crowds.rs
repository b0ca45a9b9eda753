//! More connections than there are places.

use super::{
    alice_is_answered, fixture,
    line::{Line, plausible_head},
    metric, rejected,
};

/// Places, and many times as many who want one.
const PLACES: &str = "max_connections = 32\nmax_connections_per_address = 32";
const CROWD: usize = 400;

#[tokio::test]
async fn idle_connections_are_evicted_and_the_service_keeps_answering() {
    let fixture = fixture(PLACES).await;
    let mut crowd = Line::many(&fixture, CROWD).await;
    alice_is_answered(&fixture).await;
    assert!(metric(&fixture, "keylend_connections").await <= 32);
    let gone = rejected(&fixture, "evicted").await;
    assert!(gone >= (CROWD - 32) as u64, "{gone}");
    // The first to come was the first to go.
    crowd[0].closed().await;
    assert!(crowd[CROWD - 1].is_open().await);
}

#[tokio::test]
async fn slow_request_heads_are_evicted() {
    let fixture = fixture(PLACES).await;
    let mut crowd = Line::many(&fixture, CROWD).await;
    for line in &mut crowd {
        line.say("POST /slack/commands HTTP/1.1\r\nhost: k\r\nx-a: ")
            .await;
    }
    for line in &mut crowd {
        line.say("a").await;
    }
    alice_is_answered(&fixture).await;
}

#[tokio::test]
async fn slow_bodies_are_evicted() {
    let fixture = fixture(PLACES).await;
    let head = plausible_head(fixture.now(), 1000);
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut line = Line::open(&fixture).await;
        line.say(format!("{head}\r\ntext=")).await;
        crowd.push(line);
    }
    alice_is_answered(&fixture).await;
    assert!(metric(&fixture, "keylend_connections").await <= 32);
}

#[tokio::test]
async fn authenticated_connections_survive_a_connection_flood() {
    let fixture = fixture(PLACES).await;
    let question = r#"{"subject":{"type":"user","id":"U0ALICE"},"action":{"name":"write"},"resource":{"type":"scope","id":"db-prod"}}"#;
    let check = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: k\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{question}",
        crate::support::fixture::TOKEN,
        question.len()
    );
    let mut gateway = Line::open(&fixture).await;
    gateway.say(&check).await;
    assert_eq!(gateway.hear().await.0, 200);
    let _crowd = Line::many(&fixture, CROWD).await;
    gateway.say(&check).await;
    assert_eq!(gateway.hear().await.0, 200);
}

#[tokio::test]
async fn one_address_cannot_take_the_connections_of_others() {
    let fixture = fixture("max_connections = 32\nmax_connections_per_address = 8").await;
    let mut neighbour = Line::from("127.0.0.3", &fixture).await;
    let mut greedy = Vec::new();
    for _ in 0..CROWD {
        greedy.push(Line::from("127.0.0.2", &fixture).await);
    }
    greedy[0].closed().await;
    assert!(neighbour.is_open().await);
    assert!(greedy[CROWD - 1].is_open().await);
}

#[tokio::test]
async fn a_trusted_proxy_can_open_every_connection() {
    let server = "max_connections = 64\nmax_connections_per_address = 4\n\
                  trusted_proxies = [\"127.0.0.2\"]";
    let fixture = fixture(server).await;
    let mut pool = Vec::new();
    for _ in 0..40 {
        pool.push(Line::from("127.0.0.2", &fixture).await);
    }
    for line in &mut pool {
        assert!(line.is_open().await);
    }
    assert_eq!(rejected(&fixture, "evicted").await, 0);
}
