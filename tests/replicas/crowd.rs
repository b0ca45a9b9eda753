//! The people in the storm: each request has a course that they mean it to take, and they try again
//! what had no effect, as people do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use slack_sim::{Actor, Channel, Message, Person, Sim, Workspace};
use sqlx::PgPool;
use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    rng::Rng,
    support::fixture::{APPROVALS, AUDIT, GENERAL, Has},
};

const REQUESTERS: usize = 30;
const APPROVERS: usize = 6;

/// How long people wait before they try again.
const AGAIN: Duration = Duration::from_secs(6);

/// How many people do something within one look.
const AT_ONCE: usize = 20;

/// What becomes of a request, if people have their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Two approve it at once; it ends by the clock.
    Expires,
    /// Two approve it at once; the requester is done early.
    Done,
    /// Two approve it at once; one of them takes it back.
    Revoked,
    /// One approves and one denies it at once.
    Contested,
    Withdrawn,
    Unanswered,
}

struct Plan {
    course: Course,
    requester: String,
    approvers: [usize; 2],
    ticket: String,
    line: String,
    /// When it is asked for first, and when it was last.
    at: Duration,
    asked: Option<Instant>,
}

/// Everybody, and what they are about to do.
pub struct Crowd {
    sim: Sim,
    plans: Vec<Plan>,
    /// Whoever denies has one form before them at a time.
    forms: Vec<Arc<Mutex<()>>>,
}

pub fn requesters() -> Vec<String> {
    (0..REQUESTERS).map(|one| format!("req{one:02}")).collect()
}

fn approvers() -> Vec<String> {
    (0..APPROVERS).map(|one| format!("app{one:02}")).collect()
}

fn id(name: &str) -> String {
    format!("U0{}", name.to_uppercase())
}

pub fn workspace() -> Workspace {
    let ids = |names: Vec<String>| names.iter().map(|name| id(name)).collect::<Vec<_>>();
    let (asking, approving) = (ids(requesters()), ids(approvers()));
    let all = [asking.clone(), approving.clone()].concat();
    let workspace = Workspace::new()
        .manifest(include_str!("../../manifest.yml"))
        .unwrap()
        .group("S0ENG", "engineers", asking)
        .group("S0DBA", "dba", approving)
        .channel(Channel::new(APPROVALS, "dba", all.clone()))
        .channel(Channel::new(AUDIT, "audit", all.clone()))
        .channel(Channel::new(GENERAL, "general", all))
        .person(Person::member("U0SEC", "sam"));
    let people = [requesters(), approvers()].concat();
    people.iter().fold(workspace, |workspace, name| {
        workspace.person(Person::member(id(name), name.clone()))
    })
}

impl Plan {
    fn new(number: usize, rng: &mut Rng) -> Self {
        let course = match rng.below(100) {
            0..25 => Course::Expires,
            25..50 => Course::Done,
            50..60 => Course::Revoked,
            60..80 => Course::Contested,
            80..90 => Course::Withdrawn,
            _ => Course::Unanswered,
        };
        let scope = [
            "db-prod:write",
            "db-prod:read",
            "console:use",
            "console:use",
        ][rng.below(4)];
        let duration = match course {
            Course::Expires | Course::Contested => format!("{}s", 3 + rng.below(9)),
            _ => "10m".to_owned(),
        };
        let ticket = format!("INC-{}", 1000 + number);
        let first = rng.below(APPROVERS);
        Self {
            course,
            requester: id(&requesters()[rng.below(REQUESTERS)]),
            approvers: [first, (first + 1 + rng.below(APPROVERS - 1)) % APPROVERS],
            line: format!("request {scope} {duration} {ticket} the storm"),
            ticket,
            at: Duration::ZERO,
            asked: None,
        }
    }
}

impl Crowd {
    /// People who will ask `requests` times within `span`.
    pub fn new(sim: &Sim, requests: usize, span: Duration, rng: &mut Rng) -> Self {
        let step = span / u32::try_from(requests).unwrap();
        let mut plans: Vec<Plan> = (0..requests).map(|number| Plan::new(number, rng)).collect();
        // First those whose end is waited for longest.
        plans.sort_by_key(|plan| plan.course != Course::Unanswered);
        for (plan, turn) in plans.iter_mut().zip(0..) {
            plan.at = step * turn;
        }
        Self {
            sim: sim.clone(),
            plans,
            forms: (0..APPROVERS).map(|_| Arc::default()).collect(),
        }
    }

    /// Goes on until every plan has become a request and all requests are settled.
    pub async fn settle(mut self, store: &PgPool, patience: Duration) {
        let begun = Instant::now();
        let mut tried: BTreeMap<String, Instant> = BTreeMap::new();
        let mut acts = JoinSet::new();
        let mut looks = tokio::time::interval(Duration::from_millis(500));
        loop {
            looks.tick().await;
            // The store may be away: then people wait.
            let Ok(found) = requests(store).await else {
                continue;
            };
            let tickets: BTreeSet<&str> = found.iter().map(|found| found.ticket.as_str()).collect();
            let is_due = |plan: &Plan| !tickets.contains(plan.ticket.as_str());
            let (mut missing, mut busy) = (0, 0);
            for plan in self.plans.iter_mut().filter(|plan| is_due(plan)) {
                missing += 1;
                let waited = plan.asked.is_none_or(|asked| asked.elapsed() > AGAIN);
                if waited && begun.elapsed() >= plan.at && busy < AT_ONCE {
                    busy += 1;
                    plan.asked = Some(Instant::now());
                    let (person, line) = (self.sim.person(&plan.requester), plan.line.clone());
                    acts.spawn(async move { drop(person.command(GENERAL, "/jit", &line).await) });
                }
            }
            let open: Vec<&Found> = found.iter().filter(|found| found.is_open()).collect();
            if missing == 0 && open.is_empty() {
                break;
            }
            assert!(
                begun.elapsed() < patience,
                "{missing} were never asked for and {} are not settled: {open:#?}",
                open.len()
            );
            let cards = self.cards();
            for request in open {
                let waited = tried.get(&request.id).is_none_or(|at| at.elapsed() > AGAIN);
                if waited && busy < AT_ONCE && self.act(request, cards.get(&request.id), &mut acts)
                {
                    busy += 1;
                    tried.insert(request.id.clone(), Instant::now());
                }
            }
        }
        while let Some(act) = acts.join_next().await {
            act.unwrap();
        }
    }

    /// The approval cards that wait for an answer, by their requests.
    fn cards(&self) -> BTreeMap<String, Message> {
        let cards = self.sim.messages(APPROVALS).into_iter();
        cards
            .filter_map(|card| Some((request_of(&card, "approve")?, card)))
            .collect()
    }

    /// Does what is to be done about a request now; false if there is nothing to do.
    fn act(&self, request: &Found, card: Option<&Message>, acts: &mut JoinSet<()>) -> bool {
        let mut plans = self.plans.iter();
        let Some(plan) = plans.find(|plan| plan.ticket == request.ticket) else {
            return false;
        };
        let requester = self.sim.person(&plan.requester);
        let approver = |one: usize| self.sim.person(&id(&approvers()[one]));
        let [first, second] = plan.approvers;
        match (request.state.as_str(), plan.course, card) {
            ("pending", Course::Expires | Course::Done | Course::Revoked, Some(card)) => {
                // Both click twice, and each click goes to another replica.
                for person in [first, second, first, second].map(approver) {
                    let card = card.clone();
                    acts.spawn(async move { drop(person.click(&card, "approve").await) });
                }
            }
            ("pending", Course::Contested, Some(card)) => {
                let (person, yes) = (approver(first), card.clone());
                let (no, form) = (card.clone(), self.forms[second].clone());
                let denying = deny(self.sim.clone(), approver(second), no, form);
                acts.spawn(async move {
                    tokio::join!(denying, person.click(&yes, "approve"));
                });
            }
            ("pending", Course::Withdrawn, _) => {
                let id = request.id.clone();
                let dm = requester.dm().into_iter();
                let mut cards =
                    dm.filter(|card| request_of(card, "withdraw").as_ref() == Some(&id));
                let Some(card) = cards.next() else {
                    return false;
                };
                acts.spawn(async move { drop(requester.click(&card, "withdraw").await) });
            }
            ("active", Course::Done, _) => {
                let line = format!("done {} anyway", request.id);
                acts.spawn(async move { drop(requester.command(GENERAL, "/jit", &line).await) });
            }
            ("active", Course::Revoked, _) => {
                let line = format!("revoke {} enough", request.id);
                let (sim, form) = (self.sim.clone(), self.forms[first].clone());
                acts.spawn(revoke(sim, approver(first), line, form));
            }
            _ => return false,
        }
        true
    }
}

/// Denies, if the form opens in time.
async fn deny(sim: Sim, person: Actor, card: Message, form: Arc<Mutex<()>>) {
    let _alone = form.lock().await;
    close_modals(&person).await;
    person.click(&card, "deny").await;
    say_why(&sim, &person, "not in this faults").await;
}

/// Revokes, if the form opens in time.
async fn revoke(sim: Sim, person: Actor, line: String, form: Arc<Mutex<()>>) {
    let _alone = form.lock().await;
    close_modals(&person).await;
    person.command(GENERAL, "/jit", &line).await;
    say_why(&sim, &person, "enough").await;
}

async fn close_modals(person: &Actor) {
    while person.modal().is_some() {
        person.close_modal().await;
    }
}

/// Submits the form that asks for a reason, if it opens in time.
async fn say_why(sim: &Sim, person: &Actor, reason: &str) {
    let opened = sim.try_wait_for(AGAIN / 2, |_| person.modal());
    let asks_why = |opened: slack_sim::View| opened.action_ids().iter().any(|id| id == "reason");
    if opened.await.is_ok_and(asks_why) {
        person.fill("reason", "reason", reason);
        person.submit().await;
    }
}

/// The request that a button is for.
fn request_of(card: &Message, action: &str) -> Option<String> {
    let value = card.has(action).then(|| card.value_of(action))??;
    Some(value.split_once('.')?.0.to_owned())
}

/// A request as it stands in the store.
#[derive(Debug, sqlx::FromRow)]
struct Found {
    id: String,
    ticket: String,
    state: String,
    open: i64,
}

impl Found {
    fn is_open(&self) -> bool {
        self.open == 1
    }
}

async fn requests(store: &PgPool) -> sqlx::Result<Vec<Found>> {
    sqlx::query_as(
        "SELECT id, snapshot::json #>> '{terms,ticket}' AS ticket, state, open FROM requests",
    )
    .fetch_all(store)
    .await
}
