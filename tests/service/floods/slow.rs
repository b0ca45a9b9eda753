//! Those who take their time: nobody waits for them for ever, also when there is room.

use std::time::{Duration, Instant};

use super::{
    alice_is_answered, fixture,
    line::{Line, plausible_head},
    rejected,
};

/// How long a connection may take for its head.
const STEP: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_endless_request_head_times_out() {
    let fixture = fixture("").await;
    let mut line = Line::open(&fixture).await;
    let begun = Instant::now();
    line.say("GET /healthz HTTP/1.1\r\nx-a: ").await;
    while line.say("a").await {
        assert!(begun.elapsed() < 3 * STEP, "{:?}", begun.elapsed());
        // So slowly that the head is cut off for its time before it is for its length.
        for _ in 0..20 {
            fixture.page("/healthz").await;
        }
    }
    assert!(begun.elapsed() > STEP / 2, "{:?}", begun.elapsed());
    assert_eq!(rejected(&fixture, "slow").await, 1);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_times_out() {
    let fixture = fixture("").await;
    let mut line = Line::open(&fixture).await;
    let head = plausible_head(fixture.now(), 1000);
    line.say(format!("{head}\r\ntext=")).await;
    assert_eq!(line.hear().await.0, 408);
    line.closed().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_disconnected() {
    let fixture = fixture("").await;
    let mut line = Line::open(&fixture).await;
    // Answers fill what the machine holds for a connection, and then the service has to wait.
    let ask = "GET /metrics HTTP/1.1\r\nhost: k\r\n\r\n".repeat(100);
    let talking = tokio::spawn(async move { while line.say(&ask).await {} });
    let closed = async {
        while rejected(&fixture, "slow").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed)
        .await
        .expect("the service lets go");
    talking.await.unwrap();
    alice_is_answered(&fixture).await;
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let fixture = fixture("").await;
    let mut line = Line::open(&fixture).await;
    let long = "a".repeat(32 * 1024);
    line.say(format!("GET /healthz HTTP/1.1\r\nx-a: {long}\r\n\r\n"))
        .await;
    assert_eq!(line.hear().await.0, 431);
}

#[tokio::test]
async fn clients_that_have_sent_no_whole_head_do_not_delay_a_stop() {
    let mut fixture = fixture("").await;
    let mut silent = Line::open(&fixture).await;
    let mut half = Line::open(&fixture).await;
    half.say("GET /healthz HTTP/1.1\r\nhost: k\r\n").await;
    let mut kept = Line::open(&fixture).await;
    assert!(kept.is_open().await);
    let begun = Instant::now();
    fixture.stop().await;
    assert!(begun.elapsed() < STEP / 2, "{:?}", begun.elapsed());
    for line in [&mut silent, &mut half, &mut kept] {
        line.closed().await;
    }
}

#[tokio::test]
async fn heads_that_begin_just_before_a_stop_do_not_delay_it() {
    let mut fixture = fixture("").await;
    let mut lines = Line::many(&fixture, 200).await;
    for line in &mut lines {
        line.say("GET /healthz HTTP/1.1\r\nhost: k\r\n").await;
    }
    // Not all of it has been read by now.
    let begun = Instant::now();
    fixture.stop().await;
    assert!(begun.elapsed() < STEP / 2, "{:?}", begun.elapsed());
    for line in &mut lines {
        line.closed().await;
    }
}
