//! A target that takes orders over the webhook backend, and can be told to fail, hang or lie.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

/// How a target takes the next orders of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It does what it is told.
    Well,
    /// It answers 503 and does nothing.
    Failing,
    /// It answers 429, asks for two minutes and does nothing.
    Overloaded,
    /// It answers 403 and does nothing.
    Refusing,
    /// It does what it is told, and its answer is lost.
    LosingAnswers,
    /// It neither does anything nor answers, until its mood changes.
    Hanging,
    /// It says that it did it, and did nothing.
    Lying,
    /// It answers 202, and does what it was told when its mood is `Well` again. Until then its status
    /// is pending.
    Working,
    /// It answers 202, and has done what it was told when it is asked for the status.
    Queueing,
    /// It does what it is told and says so, and its status is pending until another order comes.
    Unfinished,
    /// It answers 409 once, as if it had received a newer order, and is well from then on.
    SupersedingOnce,
}

/// One target. Access is kept by entitlement, as a database keeps memberships.
#[derive(Clone)]
pub struct Target {
    state: Arc<Mutex<Inside>>,
    changed: watch::Sender<u64>,
    address: String,
}

#[derive(Default)]
struct Inside {
    holders: BTreeMap<String, String>,
    moods: BTreeMap<&'static str, Mood>,
    orders: Vec<Value>,
    /// The greatest generation of each handle.
    generations: BTreeMap<String, u64>,
    /// What it is working on.
    queued: Vec<(String, String, String)>,
    interrupted: BTreeSet<String>,
    /// What it answers to a grant that it carries out.
    granted: Option<Value>,
    /// What its status says of leftovers once access is gone.
    leftovers: Option<Value>,
}

impl Target {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Self {
            state: Arc::default(),
            changed: watch::Sender::new(0),
            address: format!("http://{}/orders", listener.local_addr().unwrap()),
        };
        let routes = Router::new()
            .route("/orders", post(take))
            .with_state(target.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        target
    }

    pub fn url(&self) -> &str {
        &self.address
    }

    /// Whether this person has access in the target itself.
    pub fn admits(&self, username: &str) -> bool {
        self.state
            .lock()
            .unwrap()
            .holders
            .values()
            .any(|holder| holder == username)
    }

    /// Gives standing access that Keylend did not give.
    pub fn admit(&self, entitlement: &str, username: &str) {
        self.state
            .lock()
            .unwrap()
            .holders
            .insert(entitlement.into(), username.into());
    }

    /// Sets what it answers to each grant from now on.
    pub fn answers(&self, granted: Value) {
        self.state.lock().unwrap().granted = Some(granted);
    }

    /// Sets what its status lists as left behind from now on.
    #[allow(dead_code, reason = "one of the tests that include this file calls it")]
    pub fn leaves(&self, leftovers: Value) {
        self.state.lock().unwrap().leftovers = Some(leftovers);
    }

    /// Takes away access that ends by a time limit of its own.
    pub fn expire(&self) {
        self.state.lock().unwrap().holders.clear();
    }

    /// How many pieces of access there are.
    pub fn holders(&self) -> usize {
        self.state.lock().unwrap().holders.len()
    }

    /// Sets how `action` (`grant`, `revoke`, `status`) goes from now on.
    pub fn mood(&self, action: &'static str, mood: Mood) {
        let mut inside = self.state.lock().unwrap();
        inside.moods.insert(action, mood);
        let queued = std::mem::take(&mut inside.queued);
        let (done, queued) = queued
            .into_iter()
            .partition(|(queued, ..)| mood == Mood::Well && queued == action);
        inside.queued = queued;
        drop(inside);
        let done: Vec<_> = done;
        for (action, entitlement, username) in done {
            self.carry_out(&action, &entitlement, &username);
        }
        self.changed.send_modify(|count| *count += 1);
    }

    /// How many orders of this kind came in, whatever came of them.
    pub fn orders(&self, action: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .orders
            .iter()
            .filter(|order| order["action"] == action)
            .count()
    }

    /// Every order, as it came in.
    pub fn documents(&self) -> Vec<Value> {
        self.state.lock().unwrap().orders.clone()
    }

    /// Whether access of this entitlement was ever taken away while it was there.
    pub fn was_interrupted(&self) -> bool {
        !self.state.lock().unwrap().interrupted.is_empty()
    }

    /// The entitlement that the first order was for.
    pub fn first_entitlement(&self) -> Option<String> {
        self.state
            .lock()
            .unwrap()
            .orders
            .first()
            .map(|order| order["entitlement"].as_str().unwrap().to_owned())
    }

    /// Waits until `enough` orders of this kind came in; they need not be carried out yet.
    pub async fn until_ordered(&self, action: &str, enough: usize) {
        let what = format!("{enough} orders to {action}");
        self.until(&what, || self.orders(action) >= enough).await;
    }

    /// Waits until this person has access in the target itself.
    pub async fn until_admits(&self, username: &str) {
        self.until(username, || self.admits(username)).await;
    }

    async fn until(&self, what: &str, come: impl Fn() -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !come() {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait)
            .await
            .unwrap_or_else(|_| panic!("the target waits in vain for {what}"));
    }
}

async fn take(
    State(target): State<Target>,
    Json(order): Json<Value>,
) -> Result<Json<Value>, Response> {
    let action = order["action"].as_str().unwrap().to_owned();
    if action == "inventory" {
        return Err(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    let entitlement = order["entitlement"].as_str().unwrap().to_owned();
    let username = order["requester"]["username"].as_str().unwrap().to_owned();
    let handle = order["handle"].as_str().unwrap().to_owned();
    let generation = order["generation"].as_u64().unwrap();
    let is_old = {
        let mut inside = target.state.lock().unwrap();
        inside.orders.push(order);
        let newest = inside.generations.entry(handle).or_default();
        let is_old = action != "status" && generation < *newest;
        *newest = generation.max(*newest);
        if action != "status" && !is_old {
            // It replaces what is pending for the same access.
            inside.queued.retain(|queued| queued.1 != entitlement);
        }
        is_old
    };
    // Subscribed before the mood is read: a change in between is not missed.
    let mut changed = target.changed.subscribe();
    target.changed.send_modify(|count| *count += 1);
    changed.borrow_and_update();
    if is_old {
        return Err(StatusCode::CONFLICT.into_response());
    }
    loop {
        match target.mood_of(&action) {
            Mood::Hanging => changed
                .changed()
                .await
                .map_err(|_| StatusCode::GONE.into_response())?,
            Mood::Failing => return Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
            Mood::Overloaded => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                return Err((status, [(RETRY_AFTER, "120")]).into_response());
            }
            Mood::Refusing => return Err(StatusCode::FORBIDDEN.into_response()),
            Mood::LosingAnswers => {
                target.carry_out(&action, &entitlement, &username);
                return Err(StatusCode::BAD_GATEWAY.into_response());
            }
            Mood::Lying => break,
            Mood::Working => {
                let mut inside = target.state.lock().unwrap();
                inside.queued.push((action, entitlement, username));
                return Err(StatusCode::ACCEPTED.into_response());
            }
            Mood::Queueing => {
                target.carry_out(&action, &entitlement, &username);
                return Err(StatusCode::ACCEPTED.into_response());
            }
            Mood::Unfinished => {
                target.carry_out(&action, &entitlement, &username);
                let mut inside = target.state.lock().unwrap();
                let more = ("more".to_owned(), entitlement.clone(), username);
                inside.queued.push(more);
                break;
            }
            Mood::SupersedingOnce => {
                let mut inside = target.state.lock().unwrap();
                inside.moods.clear();
                return Err(StatusCode::CONFLICT.into_response());
            }
            Mood::Well => {
                target.carry_out(&action, &entitlement, &username);
                break;
            }
        }
    }
    let inside = target.state.lock().unwrap();
    if let ("grant", Some(granted)) = (action.as_str(), &inside.granted) {
        return Ok(Json(granted.clone()));
    }
    let present = inside.holders.contains_key(&entitlement);
    let pending = inside.queued.iter().any(|queued| queued.1 == entitlement);
    let mut answer = json!({ "present": present, "pending": pending });
    if let (false, Some(leftovers)) = (present, &inside.leftovers) {
        answer["leftovers"] = leftovers.clone();
    }
    Ok(Json(answer))
}

impl Target {
    fn mood_of(&self, action: &str) -> Mood {
        self.state
            .lock()
            .unwrap()
            .moods
            .get(action)
            .copied()
            .unwrap_or(Mood::Well)
    }

    fn carry_out(&self, action: &str, entitlement: &str, username: &str) {
        let mut inside = self.state.lock().unwrap();
        match action {
            "grant" => drop(inside.holders.insert(entitlement.into(), username.into())),
            "revoke" if inside.holders.remove(entitlement).is_some() => {
                inside.interrupted.insert(entitlement.into());
            }
            _ => {}
        }
        drop(inside);
        self.changed.send_modify(|count| *count += 1);
    }
}
