//! A stand-in for ticket trackers: `GET /rest/api/3/issue/{key}` and `/rest/api/3/myself` of Jira Cloud, with the
//! shapes of Atlassian's [OpenAPI document](https://developer.atlassian.com/cloud/jira/platform/swagger-v3.v3.json),
//! and `GET /tickets` as `docs/tickets.md` describes an operator's web service.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const USER: &str = "keylend@example.com";

/// How it answers about tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// As the tickets are.
    True,
    /// An error.
    Status(u16),
    /// 404 about each issue, as to somebody whom it does not know, and 401 about the account.
    Stranger,
    /// Nothing, ever.
    Silence,
    /// About another ticket, or with a status that nobody documents.
    Nonsense,
}

#[derive(Debug, Clone)]
struct Ticket {
    category: &'static str,
    assignee: Option<String>,
    as_of: Option<String>,
}

struct Inside {
    tickets: BTreeMap<String, Ticket>,
    answer: Answer,
    asked: Vec<String>,
}

#[derive(Clone)]
pub struct Tracker {
    inside: Arc<Mutex<Inside>>,
    token: &'static str,
    url: String,
}

impl Tracker {
    /// There are no tickets; who asks needs this token.
    pub async fn start(token: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tracker = Self {
            inside: Arc::new(Mutex::new(Inside {
                tickets: BTreeMap::new(),
                answer: Answer::True,
                asked: Vec::new(),
            })),
            token,
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let routes = Router::new()
            .route("/rest/api/3/issue/{key}", get(issue))
            .route("/rest/api/3/myself", get(myself))
            .route("/tickets", get(ticket))
            .with_state(tracker.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        tracker
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        change(&mut self.inside.lock().unwrap())
    }

    pub fn answers(&self, answer: Answer) {
        self.change(|inside| inside.answer = answer);
    }

    /// There is such an open ticket.
    pub fn opens(&self, key: &str, assignee: Option<&str>) {
        let ticket = Ticket {
            category: "indeterminate",
            assignee: assignee.map(str::to_owned),
            as_of: None,
        };
        self.change(|inside| inside.tickets.insert(key.to_owned(), ticket));
    }

    pub fn closes(&self, key: &str) {
        self.change(|inside| inside.tickets.get_mut(key).unwrap().category = "done");
    }

    pub fn deletes(&self, key: &str) {
        self.change(|inside| inside.tickets.remove(key).unwrap());
    }

    /// The web service answers with what it knew then.
    pub fn knew_at(&self, key: &str, time: &str) {
        self.change(|inside| inside.tickets.get_mut(key).unwrap().as_of = Some(time.to_owned()));
    }

    /// The tickets that it was asked about.
    pub fn asked(&self) -> Vec<String> {
        self.change(|inside| inside.asked.clone())
    }

    fn is_jira_account(&self, headers: &HeaderMap) -> bool {
        let pair = STANDARD.encode(format!("{USER}:{}", self.token));
        let wanted = format!("Basic {pair}");
        headers
            .get(AUTHORIZATION)
            .is_some_and(|given| given == wanted.as_str())
    }

    /// The ticket, or what is answered instead.
    async fn look_up(&self, key: &str) -> Result<Option<Ticket>, Response> {
        let (answer, ticket) = self.change(|inside| {
            inside.asked.push(key.to_owned());
            (inside.answer, inside.tickets.get(key).cloned())
        });
        match answer {
            Answer::True => Ok(ticket),
            Answer::Status(status) => Err(StatusCode::from_u16(status).unwrap().into_response()),
            Answer::Stranger => Ok(None),
            Answer::Silence => std::future::pending().await,
            Answer::Nonsense => Ok(ticket.map(|ticket| Ticket {
                category: "half-open",
                ..ticket
            })),
        }
    }
}

async fn issue(
    State(tracker): State<Tracker>,
    Path(key): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if query.get("fields").map(String::as_str) != Some("status,assignee") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let found = match tracker.look_up(&key).await {
        Ok(found) => found.filter(|_| tracker.is_jira_account(&headers)),
        Err(instead) => return instead,
    };
    let Some(ticket) = found else {
        let said = "Issue does not exist or you do not have permission to see it.";
        let error = json!({ "errorMessages": [said], "errors": {} });
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    };
    let assignee = ticket.assignee.map(|email| {
        json!({
            "accountId": "5b10a2844c20165700ede21g",
            "accountType": "atlassian",
            "active": true,
            "displayName": "<!channel> *Mia*",
            "emailAddress": email,
        })
    });
    Json(json!({
        "expand": "renderedFields,names,schema",
        "id": "10002",
        "key": key,
        "self": format!("{}/rest/api/3/issue/10002", tracker.url),
        "fields": {
            "assignee": assignee,
            "status": {
                "id": "10000",
                "name": "<!channel> *status*",
                "statusCategory": {
                    "colorName": "yellow",
                    "id": 4,
                    "key": ticket.category,
                    "name": "In Progress",
                },
            },
        },
    }))
    .into_response()
}

async fn myself(State(tracker): State<Tracker>, headers: HeaderMap) -> Response {
    let is_stranger = tracker.change(|inside| inside.answer == Answer::Stranger);
    if is_stranger || !tracker.is_jira_account(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({ "accountId": "5b10ac8d82e05b22cc7d4ef5", "emailAddress": USER })).into_response()
}

async fn ticket(
    State(tracker): State<Tracker>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let wanted = format!("Bearer {}", tracker.token);
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|given| given != wanted.as_str())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let key = query.get("ticket").cloned().unwrap_or_default();
    let is_nonsense = tracker.change(|inside| inside.answer == Answer::Nonsense);
    let answer: Value = match tracker.look_up(&key).await {
        Ok(None) => json!({ "ticket": key, "status": "unknown" }),
        Ok(Some(_)) if is_nonsense => json!({ "ticket": "INC-1", "status": "open" }),
        Ok(Some(ticket)) => json!({
            "ticket": key,
            "status": if ticket.category == "done" { "closed" } else { "open" },
            "assignee": ticket.assignee,
            "as_of": ticket.as_of,
        }),
        Err(instead) => return instead,
    };
    Json(answer).into_response()
}
