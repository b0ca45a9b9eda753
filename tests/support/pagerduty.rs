//! A stand-in for PagerDuty: `GET /oncalls` of its REST API, version 2. What it takes and answers has the
//! shapes of PagerDuty's [OpenAPI document](https://github.com/PagerDuty/api-schema)
//! (`reference/REST/openapiv3.json`).

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

pub const SCHEDULE: &str = "PI7DH85";

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Who is on call, on pages.
    OnCall(Vec<Value>),
    /// An error.
    Status(u16),
    /// A redirect to itself, where the people on call are.
    Redirect(Vec<Value>),
    /// More than anybody reads.
    TooLong,
    /// Nothing, ever.
    Silence,
}

#[derive(Clone)]
pub struct PagerDuty {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<u32>>,
    token: &'static str,
    url: String,
}

impl PagerDuty {
    /// Nobody is on call; who asks needs this token.
    pub async fn start(token: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pagerduty = Self {
            answer: Arc::new(Mutex::new(Answer::OnCall(Vec::new()))),
            asked: Arc::default(),
            token,
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let routes = Router::new()
            .route("/oncalls", get(oncalls))
            .route("/elsewhere", get(elsewhere))
            .with_state(pagerduty.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        pagerduty
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// These people are on call from now on, by their addresses.
    pub fn on_call<'a>(&self, addresses: impl IntoIterator<Item = &'a str>) {
        let shifts = addresses.into_iter().map(|email| shift(SCHEDULE, email));
        self.answers(Answer::OnCall(shifts.collect()));
    }

    /// How often it was asked who is on call.
    pub fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
}

/// Somebody's shift, with their address, as `include[]=users` answers it.
pub fn shift(schedule: &str, email: &str) -> Value {
    json!({
        "user": {
            "id": "PT23IWX",
            "type": "user",
            "summary": "Tim Wright",
            "self": "https://api.pagerduty.com/users/PT23IWX",
            "html_url": "https://subdomain.pagerduty.com/users/PT23IWX",
            "name": "Tim Wright",
            "email": email,
            "time_zone": "Europe/Berlin",
            "role": "user",
        },
        "schedule": {
            "id": schedule,
            "type": "schedule_reference",
            "summary": "Daily Engineering Rotation",
            "self": format!("https://api.pagerduty.com/schedules/{schedule}"),
            "html_url": format!("https://subdomain.pagerduty.com/schedules/{schedule}"),
        },
        "escalation_policy": {
            "id": "PT20YPA",
            "type": "escalation_policy_reference",
            "summary": "Engineering Escalation Policy",
            "self": "https://api.pagerduty.com/escalation_policies/PT20YPA",
            "html_url": "https://subdomain.pagerduty.com/escalation_policies/PT20YPA",
        },
        "escalation_level": 2,
        "start": "2099-11-20T15:28:51-05:00",
        "end": null,
    })
}

async fn oncalls(
    State(pagerduty): State<PagerDuty>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    *pagerduty.asked.lock().unwrap() += 1;
    let wanted = [
        ("authorization", format!("Token token={}", pagerduty.token)),
        (
            "accept",
            "application/vnd.pagerduty+json;version=2".to_owned(),
        ),
    ];
    let is_well_asked = wanted
        .iter()
        .all(|(name, value)| headers.get(*name).is_some_and(|given| given == value));
    if !is_well_asked {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let query = query.unwrap_or_default();
    let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let of = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    if of("include[]") != Some("users") || of("schedule_ids[]").is_none() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let number = |name, default| of(name).map_or(default, |text| text.parse().unwrap());
    let (limit, offset): (usize, usize) = (number("limit", 25), number("offset", 0));
    let answer = pagerduty.answer.lock().unwrap().clone();
    match answer {
        Answer::OnCall(shifts) => page(&shifts, limit, offset),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(_) => (StatusCode::FOUND, [(LOCATION, "/elsewhere")]).into_response(),
        Answer::TooLong => " ".repeat(2 * 1024 * 1024).into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

async fn elsewhere(State(pagerduty): State<PagerDuty>) -> Response {
    let answer = pagerduty.answer.lock().unwrap().clone();
    match answer {
        Answer::Redirect(shifts) => page(&shifts, shifts.len(), 0),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn page(shifts: &[Value], limit: usize, offset: usize) -> Response {
    let rest = shifts.get(offset..).unwrap_or_default();
    let page = &rest[..rest.len().min(limit)];
    Json(json!({
        "oncalls": page,
        "limit": limit,
        "offset": offset,
        "more": rest.len() > limit,
        "total": null,
    }))
    .into_response()
}
