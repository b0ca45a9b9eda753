//! What Slack may say over a socket, on real connections to a Slack that says anything: what is
//! taken, what is acknowledged, and what a connection survives.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    routing::{any, post},
};
use keylend::{
    clock::{SystemClock, SystemEntropy},
    domain::DeliveryKey,
    metrics::Metrics,
    slack::{
        client::Client,
        ingress::{
            Answer, Delivery, Reach, Receive,
            http::LARGEST_BODY,
            socket::{self, Parts},
        },
    },
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a test waits for what must come.
const CEILING: Duration = Duration::from_secs(20);

/// Does what a command's text says, and notes it.
struct Inside {
    came_in: Mutex<Vec<String>>,
    /// Lets commands that say `wait` go on.
    gate: Semaphore,
    waiting: watch::Sender<usize>,
}

#[async_trait]
impl Receive for Inside {
    async fn receive(self: Arc<Self>, delivery: Delivery, _: DeliveryKey) -> Answer {
        let Delivery::Command(command) = delivery else {
            return Answer::Show(json!({ "text": "not for this kind" }));
        };
        self.came_in.lock().unwrap().push(command.text.clone());
        match command.text.as_str() {
            "busy" => Answer::Busy,
            "panic" => panic!("as it was told to"),
            "wait" => {
                self.waiting.send_modify(|waiting| *waiting += 1);
                self.gate.acquire().await.unwrap().forget();
                Answer::Received
            }
            _ => Answer::Show(json!({ "text": "heard" })),
        }
    }
}

/// Keylend's side of Socket Mode, and a Slack that the test speaks for.
struct House {
    inside: Arc<Inside>,
    reach: watch::Receiver<Reach>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    sockets: mpsc::Receiver<WebSocket>,
}

/// Hands out tickets, and each connection to the test.
async fn slack() -> (String, mpsc::Receiver<WebSocket>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, sockets) = mpsc::channel(10);
    let tickets = AtomicUsize::new(0);
    let open = move || {
        let ticket = tickets.fetch_add(1, Ordering::Relaxed);
        let url = format!("ws://{address}/link/?ticket={ticket}");
        async move { Json(json!({ "ok": true, "url": url })) }
    };
    let link = |State(sender): State<mpsc::Sender<WebSocket>>, upgrade: WebSocketUpgrade| async {
        upgrade.on_upgrade(async move |socket| drop(sender.send(socket).await))
    };
    let open = Arc::new(open);
    let routes = Router::new()
        .route("/api/apps.connections.open", post(move || open()))
        .route("/link/", any(link))
        .with_state(sender);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}/api/"), sockets)
}

impl House {
    async fn open() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (api_url, sockets) = slack().await;
        let inside = Arc::new(Inside {
            came_in: Mutex::default(),
            gate: Semaphore::new(0),
            waiting: watch::Sender::new(0),
        });
        let (telling, reach) = watch::channel(Err("not yet"));
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let clock = Arc::new(SystemClock);
        let url = api_url.parse().unwrap();
        tasks.spawn(socket::run(Parts {
            client: Client::new(&url, "xapp-of-the-tests".into(), clock.clone()).unwrap(),
            app: Some("A0KEYLEND".to_owned()),
            receive: inside.clone(),
            reach: telling,
            metrics: Arc::new(Metrics::default()),
            clock,
            entropy: Arc::new(SystemEntropy),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        }));
        Self {
            inside,
            reach,
            shutdown,
            tasks,
            sockets,
        }
    }

    /// The next connection, before anything was said.
    async fn accept(&mut self) -> Connection {
        let socket = timeout(CEILING, self.sockets.recv()).await;
        Connection(socket.expect("a connection comes").unwrap())
    }

    /// The next connection, greeted.
    async fn welcome(&mut self) -> Connection {
        let mut connection = self.accept().await;
        connection.greet("A0KEYLEND").await;
        connection
    }

    async fn until_waiting(&self, count: usize) {
        let mut waiting = self.inside.waiting.subscribe();
        let all = waiting.wait_for(|waiting| *waiting == count);
        drop(timeout(CEILING, all).await.expect("commands come in"));
    }
}

struct Connection(WebSocket);

impl Connection {
    async fn greet(&mut self, app: &str) {
        self.tell(&json!({ "type": "hello", "connection_info": { "app_id": app } }))
            .await;
    }

    async fn tell(&mut self, message: &Value) {
        self.say(Message::text(message.to_string())).await;
    }

    async fn say(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    async fn command(&mut self, id: &str, text: &str) {
        self.tell(&json!({
            "envelope_id": id, "type": "slash_commands", "accepts_response_payload": true,
            "payload": { "text": text },
        }))
        .await;
    }

    /// The next acknowledgement; nothing if the connection ends instead.
    async fn heard(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.0.recv().await {
                    Some(Ok(Message::Text(text))) => {
                        return Some(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return None,
                }
            }
        };
        timeout(CEILING, next).await.expect("something is heard")
    }
}

fn acknowledged(id: &str) -> Option<Value> {
    Some(json!({ "envelope_id": id }))
}

fn heard(id: &str) -> Option<Value> {
    Some(json!({ "envelope_id": id, "payload": { "text": "heard" } }))
}

#[tokio::test]
async fn junk_ends_nothing_and_what_nobody_knows_is_acknowledged() {
    let mut house = House::open().await;
    let mut slack = house.welcome().await;
    for junk in [
        "",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"type\":7}",
        "{\"payload\":{}}",
    ] {
        slack.say(Message::text(junk)).await;
    }
    slack.say(Message::binary(vec![0xff; 100])).await;
    slack.say(Message::Ping("are you there".into())).await;
    slack.tell(&json!({ "type": "of_tomorrow" })).await;
    let unknown = json!({ "envelope_id": "e-0", "type": "of_tomorrow", "payload": { "text": 1 } });
    slack.tell(&unknown).await;
    assert_eq!(slack.heard().await, acknowledged("e-0"));
    slack.command("e-1", "status").await;
    assert_eq!(slack.heard().await, heard("e-1"));
}

#[tokio::test]
async fn what_breaks_or_is_not_taken_is_not_acknowledged_and_the_connection_goes_on() {
    let mut house = House::open().await;
    let mut slack = house.welcome().await;
    slack.command("e-1", "panic").await;
    slack.command("e-2", "busy").await;
    let unreadable = json!({ "envelope_id": "e-3", "type": "interactive", "payload": "text" });
    slack.tell(&unreadable).await;
    slack.command("e-4", "status").await;
    assert_eq!(slack.heard().await, heard("e-4"));
}

#[tokio::test]
async fn an_answer_goes_only_where_slack_takes_one() {
    let mut house = House::open().await;
    let mut slack = house.welcome().await;
    let event = json!({ "envelope_id": "e-1", "type": "events_api", "payload": {} });
    slack.tell(&event).await;
    assert_eq!(slack.heard().await, acknowledged("e-1"));
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_its_connection_and_another_takes_its_place() {
    let mut house = House::open().await;
    let (mut first, mut second) = (house.welcome().await, house.welcome().await);
    let large = Message::text("x".repeat(LARGEST_BODY + 1));
    // It may be cut off before it was sent whole.
    drop(first.0.send(large).await);
    let mut third = house.welcome().await;
    for (slack, id) in [(&mut second, "e-2"), (&mut third, "e-3")] {
        slack.command(id, "status").await;
        assert_eq!(slack.heard().await, heard(id));
    }
}

#[tokio::test]
async fn an_envelope_whose_connection_ended_is_acknowledged_over_another() {
    let mut house = House::open().await;
    let (mut first, mut second) = (house.welcome().await, house.welcome().await);
    first.command("e-1", "wait").await;
    house.until_waiting(1).await;
    drop(first);
    let _third = house.accept().await;
    house.inside.gate.add_permits(1);
    assert_eq!(second.heard().await, acknowledged("e-1"));
}

#[tokio::test]
async fn what_is_too_much_is_left_for_slack_to_deliver_again() {
    let mut house = House::open().await;
    let mut slack = house.welcome().await;
    for number in 0..256 {
        slack.command(&format!("e-{number}"), "wait").await;
    }
    house.until_waiting(256).await;
    slack.command("too-much", "status").await;
    slack.say(Message::Ping("is it read".into())).await;
    while !matches!(slack.0.recv().await, Some(Ok(Message::Pong(_)))) {}
    house.inside.gate.add_permits(256);
    for _ in 0..256 {
        let heard = slack.heard().await.unwrap();
        assert_ne!(heard["envelope_id"], "too-much");
    }
    slack.command("again", "status").await;
    assert_eq!(slack.heard().await, heard("again"));
}

#[tokio::test]
async fn a_connection_for_another_app_is_not_used() {
    let mut house = House::open().await;
    let mut slack = house.accept().await;
    slack.greet("A0OTHER").await;
    assert_eq!(slack.heard().await, None);
    assert!(house.reach.borrow().is_err());
}

#[tokio::test]
async fn at_the_shutdown_what_is_under_way_is_acknowledged_and_nothing_more_is_taken() {
    let mut house = House::open().await;
    let mut slack = house.welcome().await;
    house.reach.wait_for(Result::is_ok).await.unwrap();
    slack.command("e-1", "wait").await;
    house.until_waiting(1).await;
    house.shutdown.cancel();
    slack.command("e-2", "status").await;
    house.inside.gate.add_permits(1);
    assert_eq!(slack.heard().await, acknowledged("e-1"));
    assert_eq!(slack.heard().await, None);
    house.tasks.close();
    timeout(CEILING, house.tasks.wait())
        .await
        .expect("all ends");
    assert!(house.reach.borrow().is_err());
}
