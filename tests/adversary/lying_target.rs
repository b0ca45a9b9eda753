//! A target that is slow, or says what is not so: a web service that answers whatever a test wants it to. It
//! knows what Keylend signs for it, and nothing that Keylend has not sent it.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{any, post},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    attempts::{count, logged},
    support::fixture::{ALICE, AUDIT, Fixture, REQUEST, SCOPE},
};

type Answer = Box<dyn Fn() -> Response + Send>;

/// What the target answers to the orders of one kind instead of the truth, and whether it carries them out
/// all the same.
struct Lie {
    answer: Answer,
    is_carried_out: bool,
}

#[derive(Default)]
struct Inside {
    /// Whose access there is.
    holders: BTreeSet<String>,
    lies: BTreeMap<&'static str, Lie>,
    orders: Vec<Value>,
    /// How often the other address was called, to which it redirects.
    elsewhere: usize,
}

#[derive(Clone, Default)]
struct Liar {
    inside: Arc<Mutex<Inside>>,
    url: String,
}

impl Liar {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let liar = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let routes = Router::new()
            .route("/orders", post(take))
            .route("/elsewhere", any(elsewhere))
            .with_state(liar.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        liar
    }

    /// The service with this target in the place of the console.
    async fn fixture(&self) -> Fixture {
        let url = format!("url = \"{}/orders\"\nsecret = ", self.url);
        let config = |config: &str| {
            let config = config.replace("url = \"CONSOLE\"\nsecret = ", &url);
            config.replace("timeout = \"10s\"", "timeout = \"1s\"")
        };
        Fixture::with(config, "").await
    }

    /// From now on `action` is answered so, and not carried out.
    fn lies(&self, action: &'static str, answer: impl Fn() -> Response + Send + 'static) {
        self.answers(action, false, answer);
    }

    fn answers(
        &self,
        action: &'static str,
        is_carried_out: bool,
        answer: impl Fn() -> Response + Send + 'static,
    ) {
        let answer = Box::new(answer);
        let lie = Lie {
            answer,
            is_carried_out,
        };
        self.inside.lock().unwrap().lies.insert(action, lie);
    }

    fn is_honest(&self) {
        self.inside.lock().unwrap().lies.clear();
    }

    fn admits(&self, username: &str) -> bool {
        self.inside.lock().unwrap().holders.contains(username)
    }

    fn orders(&self, action: &str) -> usize {
        let inside = self.inside.lock().unwrap();
        let orders = inside.orders.iter();
        orders.filter(|order| order["action"] == action).count()
    }
}

async fn take(State(liar): State<Liar>, Json(order): Json<Value>) -> Response {
    let mut inside = liar.inside.lock().unwrap();
    let action = order["action"].as_str().unwrap().to_owned();
    // What Keylend asks of the target itself names nobody.
    let Some(username) = order["requester"]["username"].as_str() else {
        return StatusCode::NOT_IMPLEMENTED.into_response();
    };
    let username = username.to_owned();
    inside.orders.push(order);
    let lie = inside.lies.get(action.as_str());
    let answer = lie.map(|lie| ((lie.answer)(), lie.is_carried_out));
    if answer
        .as_ref()
        .is_none_or(|(_, is_carried_out)| *is_carried_out)
    {
        match action.as_str() {
            "grant" => drop(inside.holders.insert(username.clone())),
            "revoke" => drop(inside.holders.remove(&username)),
            _ => {}
        }
    }
    let present = inside.holders.contains(&username);
    answer.map_or_else(
        || Json(json!({ "present": present })).into_response(),
        |(lie, _)| lie,
    )
}

async fn elsewhere(State(liar): State<Liar>) -> Json<Value> {
    liar.inside.lock().unwrap().elsewhere += 1;
    Json(json!({"present": false}))
}

fn says(body: &'static str) -> impl Fn() -> Response + Send + 'static {
    move || ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A body of so many bytes, of which the first say `start`.
fn huge(start: &'static str) -> impl Fn() -> Response + Send + 'static {
    const CHUNK: &[u8] = &[b' '; 64 * 1024];
    move || {
        let first = [Bytes::from_static(start.as_bytes())].into_iter();
        let rest = (0..160).map(|_| Bytes::from_static(CHUNK));
        let chunks = first.chain(rest).map(Ok::<_, Infallible>);
        Body::from_stream(stream::iter(chunks)).into_response()
    }
}

/// A body that begins and never ends.
fn endless() -> Response {
    let bytes = stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
    });
    Body::from_stream(Box::pin(bytes)).into_response()
}

fn redirects(to: String) -> impl Fn() -> Response + Send + 'static {
    move || {
        (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, to.clone())],
        )
            .into_response()
    }
}

/// Lets the target be asked so many times more for its status, which passes time.
async fn asked_again(fixture: &Fixture, liar: &Liar, times: usize) {
    let enough = liar.orders("status") + times;
    let what = "the questions for the status";
    fixture
        .until(what, |_| liar.orders("status") >= enough)
        .await;
}

/// "Revoked", it says, and does nothing; its status is anything but a plain no.
#[tokio::test]
async fn nothing_that_it_answers_but_a_plain_no_is_taken_for_the_end() {
    let liar = Liar::start().await;
    let fixture = liar.fixture().await;
    fixture.granted(REQUEST).await;
    liar.lies("revoke", says(r#"{"revoked": true, "present": false}"#));
    fixture.advance_minutes(30);
    logged(&fixture, &["layer_revoke_failed"], 1).await;
    for status in [
        r#"{"present": false, "present": true}"#,
        r#"{"present": "false"}"#,
        r#"{"present": 0}"#,
        r#"{"present": null}"#,
        r#"{"Present": false}"#,
        "[false, false, null]",
        r#"{"present": false} {"present": true}"#,
        r#"{"present": false, "pending": true, "retry_after": 4294967295}"#,
        r#"{"present": false, "pending": "no"}"#,
        "\u{feff}{\"present\": false}",
        "",
        "gone",
    ] {
        liar.lies("status", says(status));
        asked_again(&fixture, &liar, 1).await;
        assert_eq!(count(&fixture, "ended").await, 0, "{status}");
        assert!(!fixture.admitted(ALICE, SCOPE).await);
    }
    liar.lies("status", huge(r#"{"present": false}"#));
    asked_again(&fixture, &liar, 1).await;
    liar.lies("status", redirects(format!("{}/elsewhere", liar.url)));
    asked_again(&fixture, &liar, 1).await;
    assert_eq!(count(&fixture, "ended").await, 0);
    assert_eq!(liar.inside.lock().unwrap().elsewhere, 0);
    let (_, ready) = fixture.page("/readyz").await;
    assert!(ready.contains("revocation_failing:console"), "{ready}");

    liar.is_honest();
    fixture.until_logged("ended", 1).await;
    assert!(!liar.admits("alice"));
}

/// The grant fails, whatever was done is undone, and what was too large is kept nowhere.
#[tokio::test]
async fn an_answer_to_a_grant_that_the_protocol_does_not_know_gives_no_access() {
    const RECEIPT: usize = 10 * 1024 * 1024;
    let liar = Liar::start().await;
    let fixture = liar.fixture().await;
    let receipt = |length: usize| {
        let receipt = "r".repeat(length);
        move || Json(json!({ "receipt": receipt })).into_response()
    };
    let many = || {
        let secret = json!({"label": "Token", "value": "s3cret"});
        Json(json!({"secrets": vec![secret; 5000]})).into_response()
    };
    let lies: [Answer; 6] = [
        Box::new(receipt(RECEIPT)),
        Box::new(receipt(1025)),
        Box::new(|| Json(json!({"receipt": "a\u{1b}[2Jb"})).into_response()),
        Box::new(many),
        Box::new(huge("{}")),
        Box::new(redirects(format!("{}/elsewhere", liar.url))),
    ];
    for (number, lie) in (1..).zip(lies) {
        liar.answers("grant", true, lie);
        let line = format!("request db-prod:write 30m INC-{number} fix");
        let card = fixture.asked(&line).await;
        fixture.bob().click(&card, "approve").await;
        fixture.until_logged("failed", number).await;
        assert!(!liar.admits("alice"), "{number}");
        assert!(!fixture.admitted(ALICE, SCOPE).await);
    }
    assert_eq!(count(&fixture, "activated").await, 0);
    assert_eq!(liar.inside.lock().unwrap().elsewhere, 0);
    let log = serde_json::to_string(&fixture.log().await).unwrap();
    assert!(log.len() < 1_000_000, "{} bytes", log.len());
    assert!(!log.contains("s3cret") && !log.contains("\\u001b"));
    for file in ["keylend.db", "keylend.db-wal"] {
        let file = fixture.database().with_file_name(file);
        let length = std::fs::metadata(file).map_or(0, |file| file.len());
        assert!(length < RECEIPT as u64, "{length} bytes");
    }
}

/// A body that trickles for ever, at every step. Its own grants wait; no other does.
#[tokio::test]
async fn however_slowly_it_answers_no_other_target_and_no_person_waits_for_it() {
    let liar = Liar::start().await;
    let fixture = liar.fixture().await;
    fixture.granted(REQUEST).await;
    liar.lies("revoke", endless);
    liar.lies("status", endless);
    fixture.jit(ALICE, "done").await;
    logged(&fixture, &["revocation_started"], 1).await;
    assert!(!fixture.admitted(ALICE, SCOPE).await);
    for round in 1..=3 {
        let line = format!("request db-prod:read 10m look {round}");
        let card = fixture.asked(&line).await;
        fixture.bob().click(&card, "approve").await;
        fixture.bastion.until_admits("alice").await;
        logged(&fixture, &["activated"], round + 1).await;
        fixture.jit(ALICE, "done db-prod:read").await;
        logged(&fixture, &["ended"], round).await;
        assert!(!fixture.bastion.admits("alice"));
    }
    let (_, ready) = fixture.page("/readyz").await;
    assert!(ready.contains("\"ready\":true"), "{ready}");
    liar.is_honest();
    fixture.until_logged("ended", 4).await;
    assert!(!liar.admits("alice"));
}

/// "A newer order came before yours", it says to every order, and "leave me alone for ever".
#[tokio::test]
async fn it_cannot_put_an_end_off_by_generations_that_never_were_or_by_asking_for_time() {
    let liar = Liar::start().await;
    let fixture = liar.fixture().await;
    fixture.granted(REQUEST).await;
    let refused = [
        (StatusCode::CONFLICT, "0"),
        (StatusCode::TOO_MANY_REQUESTS, "18446744073709551615"),
        (StatusCode::SERVICE_UNAVAILABLE, "99999999999999999999999"),
        (StatusCode::TOO_MANY_REQUESTS, "-1"),
        (StatusCode::ACCEPTED, "18446744073709551615"),
    ];
    fixture.advance_minutes(30);
    for (status, wait) in refused {
        liar.lies("revoke", move || {
            (status, [(header::RETRY_AFTER, wait)], "superseded").into_response()
        });
        // It is told again within five minutes or so, and again.
        for _ in 0..2 {
            let (before, since) = (liar.orders("revoke") + liar.orders("status"), fixture.now());
            let more = |_: &Fixture| liar.orders("revoke") + liar.orders("status") > before;
            fixture.until("the next order", more).await;
            let waited = fixture.now() - since;
            assert!(waited.num_minutes() <= 15, "{status} {wait}: {waited}");
        }
        assert_eq!(count(&fixture, "ended").await, 0);
        assert!(liar.admits("alice"));
    }
    liar.is_honest();
    fixture.until_logged("ended", 1).await;
    assert!(!liar.admits("alice"));
}

/// The texts in which Slack looks for mentions, links and marks: those of `mrkdwn`, and of the message itself.
fn interpreted(value: &Value) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut rest = vec![(value, true)];
    while let Some((value, is_message)) = rest.pop() {
        if let Some(text) = value["text"].as_str()
            && (is_message || value["type"] == "mrkdwn")
        {
            texts.push(text);
        }
        match value {
            Value::Array(items) => rest.extend(items.iter().map(|item| (item, false))),
            Value::Object(members) => rest.extend(members.values().map(|item| (item, false))),
            _ => {}
        }
    }
    texts
}

/// What it says stands in messages, in the log and on terminals.
#[tokio::test]
async fn what_it_says_steers_no_terminal_pings_nobody_and_fakes_nothing() {
    const SAID: &str = "no <!channel> <@U0BOB> <https://evil.example|Approve> *Approved* \
        \u{1b}]0;pwned\u{7}\u{1b}[2J\u{202e}\u{9b}31m\r\nkeylend: granted \u{0}& &lt;!here&gt;";
    let liar = Liar::start().await;
    let fixture = liar.fixture().await;
    let texts = fixture.sim.calls().len();
    liar.lies("grant", || (StatusCode::FORBIDDEN, SAID).into_response());
    let card = fixture.asked(REQUEST).await;
    fixture.bob().click(&card, "approve").await;
    fixture.until_logged("failed", 1).await;
    liar.is_honest();
    fixture
        .granted("request db-prod:write 30m INC-2 again")
        .await;
    liar.lies("revoke", || {
        (StatusCode::INTERNAL_SERVER_ERROR, SAID.repeat(500)).into_response()
    });
    fixture.advance_minutes(30);
    fixture.until_logged("layer_revoke_failed", 3).await;
    fixture
        .audited("*Alert* `revocation_failing:console`")
        .await;
    liar.is_honest();
    fixture.until_logged("ended", 1).await;
    fixture.ended(1).await;

    let said = |text: &str| text.contains("evil.example");
    let mut quoted = 0;
    for call in &fixture.sim.calls()[texts..] {
        let args = call.args.to_string();
        for raw in ["\\u001b", "\\u0007", "\u{202e}", "\u{9b}"] {
            assert!(!args.contains(raw), "{raw:?} in {args}");
        }
        for text in interpreted(&call.args) {
            quoted += usize::from(said(text));
            for raw in ["<!channel>", "&lt;!here", "<https://evil"] {
                assert!(!text.contains(raw), "{raw:?} in {text}");
            }
            assert!(!(said(text) && text.contains("<@U0BOB> <")), "{text}");
        }
    }
    assert!(quoted > 0, "{}", fixture.sim.describe());
    let shown = fixture
        .sim
        .messages(AUDIT)
        .into_iter()
        .chain(fixture.sim.dm(ALICE));
    assert!(
        shown
            .into_iter()
            .all(|message| message.text.chars().count() < 4000)
    );
    let log = serde_json::to_string(&fixture.log().await).unwrap();
    for raw in ["\\u001b", "\\u0007", "\\r", "\u{202e}", "\u{9b}"] {
        assert!(!log.contains(raw), "{raw:?}");
    }
}
