//! Those who are not who they say they are.

use super::{
    alice_is_answered, fixture,
    line::{Line, plausible_head},
    metric, rejected,
};

/// What nobody signed, and whose body never comes.
const UNSIGNED: &str = "POST /slack/commands HTTP/1.1\r\nhost: k\r\ncontent-length: 1000\r\n";

/// More than an address may fail at once.
const MANY: usize = 60;

/// The status of the answer to a head, from an address of this machine.
async fn status(
    fixture: &crate::support::fixture::Fixture,
    source: &str,
    head: &str,
) -> (u16, String) {
    let mut line = Line::from(source, fixture).await;
    line.say(format!("{head}\r\n")).await;
    let (status, head, _) = line.hear().await;
    (status, head)
}

#[tokio::test]
async fn forged_signatures_limit_only_their_own_address() {
    let fixture = fixture("").await;
    let mut heard = Vec::new();
    for _ in 0..MANY {
        heard.push(status(&fixture, "127.0.0.2", UNSIGNED).await);
    }
    assert!(heard[..20].iter().all(|(status, _)| *status == 401));
    let (last, head) = &heard[MANY - 1];
    assert_eq!(*last, 429);
    assert!(head.contains("retry-after: "), "{head}");
    assert_eq!(status(&fixture, "127.0.0.3", UNSIGNED).await.0, 401);
    alice_is_answered(&fixture).await;
    assert!(rejected(&fixture, "throttled").await >= 30);
}

#[tokio::test]
async fn slack_is_let_in_although_a_forger_shares_its_address() {
    let fixture = fixture("").await;
    let body = "text=status";
    let forged = format!("{}\r\n{body}", plausible_head(fixture.now(), body.len()));
    for number in 0..MANY {
        let mut line = Line::open(&fixture).await;
        line.say(&forged).await;
        // Time that passes meanwhile may let one or two more fail.
        match (number, line.hear().await.0) {
            (..20, status) => assert_eq!(status, 401),
            (30.., status) => assert_eq!(status, 429),
            _ => {}
        }
        alice_is_answered(&fixture).await;
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let fixture = fixture("").await;
    for _ in 0..MANY {
        status(&fixture, "127.0.0.1", UNSIGNED).await;
    }
    let head = plausible_head(fixture.now(), 1_000_000);
    assert_eq!(status(&fixture, "127.0.0.1", &head).await.0, 429);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_caller_has_a_limit_of_their_own() {
    let fixture = fixture("trusted_proxies = [\"127.0.0.2\", \"10.0.0.0/8\"]").await;
    let from = |callers: &str| format!("{UNSIGNED}x-forwarded-for: {callers}\r\n");
    for number in 0..MANY {
        // What the caller wrote before reaching a proxy of ours is not believed.
        let forged = from(&format!("192.0.2.{number}, 203.0.113.9, 10.0.0.7"));
        status(&fixture, "127.0.0.2", &forged).await;
    }
    let ask = async |callers| status(&fixture, "127.0.0.2", &from(callers)).await.0;
    assert_eq!(ask("203.0.113.9").await, 429);
    assert_eq!(ask("203.0.113.9:4711, 10.0.0.7").await, 429);
    assert_eq!(ask("203.0.113.10").await, 401);
    assert_eq!(ask("203.0.113.9, 203.0.113.10").await, 401);
    assert_eq!(ask("nonsense").await, 401);
}

#[tokio::test]
async fn an_ipv6_network_counts_as_one_caller() {
    let fixture = fixture("trusted_proxies = [\"127.0.0.2\"]").await;
    let from = |caller: String| format!("{UNSIGNED}x-forwarded-for: {caller}\r\n");
    for number in 0..MANY {
        let forged = from(format!("2001:db8:1:1::{number}"));
        status(&fixture, "127.0.0.2", &forged).await;
    }
    let ask = async |caller: &str| status(&fixture, "127.0.0.2", &from(caller.into())).await.0;
    assert_eq!(ask("2001:db8:1:1:ffff::1").await, 429);
    assert_eq!(ask("2001:db8:1:2::1").await, 401);
}

#[tokio::test]
async fn a_client_cannot_forge_the_forwarded_header() {
    let fixture = fixture("trusted_proxies = [\"10.0.0.0/8\"]").await;
    let mut last = 0;
    for number in 0..MANY {
        let head = format!("{UNSIGNED}x-forwarded-for: 192.0.2.{number}\r\n");
        last = status(&fixture, "127.0.0.2", &head).await.0;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_known_token_is_let_in_although_its_address_guesses() {
    let fixture = fixture("").await;
    let guess = "POST /access/v1/evaluation HTTP/1.1\r\nhost: k\r\ncontent-length: 2\r\n\
                 authorization: Bearer a-token-that-is-only-guessed\r\n";
    let mut last = 0;
    for _ in 0..MANY {
        last = status(&fixture, "127.0.0.1", guess).await.0;
    }
    assert_eq!(last, 429);
    assert!(!fixture.admitted("U0ALICE", "db-prod:write").await);
}

#[tokio::test]
async fn bodies_that_are_still_arriving_share_a_bound_of_memory() {
    let fixture = fixture("").await;
    let head = plausible_head(fixture.now(), 1024 * 1024);
    let most = "x".repeat(1024 * 1024 - 1);
    let mut lines = Vec::new();
    for _ in 0..24 {
        let mut line = Line::open(&fixture).await;
        line.say(format!("{head}\r\n{most}")).await;
        lines.push(line);
    }
    let bounded = async {
        while rejected(&fixture, "evicted").await < 8 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(4), bounded)
        .await
        .expect("bodies give way");
    alice_is_answered(&fixture).await;
    assert!(metric(&fixture, "keylend_connections").await <= 20);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let fixture = fixture("").await;
    let head = plausible_head(fixture.now(), 1024 * 1024 + 1);
    assert_eq!(status(&fixture, "127.0.0.1", &head).await.0, 413);
}
