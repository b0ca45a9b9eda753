//! Who is on call by a schedule of PagerDuty: `GET /oncalls` of its REST API, version 2.
//!
//! People are known by their addresses alone: names and summaries, which anybody may write there, are
//! not read. An answer that is late, too long, or not about the schedules that were asked for is no
//! answer. Redirects are not followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::FactsUnavailable;
use crate::{
    domain::{Email, GroupName, Time},
    secret::{MissingSecret, Secret},
};

/// How long PagerDuty may take to answer in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest page that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// How many entries PagerDuty puts on a page at most.
const PAGE: u32 = 100;

/// How many pages are read.
const PAGES: u32 = 10;

/// How many people may be on call by the schedules of one group. Slack is asked for each of them.
const PEOPLE: usize = 20;

/// Schedules of PagerDuty whose people on call are the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerDuty {
    /// The schedules by their ids, such as `PI7DH85`; one at least.
    pub schedules: BTreeSet<String>,
    /// The key for the REST API.
    pub token: Secret,
    /// The REST API: `https://`, or `http://` to this machine.
    pub url: Url,
}

/// The groups whose members are on call by a schedule, ready to be asked for.
#[derive(Default)]
pub struct Schedules(BTreeMap<GroupName, OnCall>);

/// The schedules cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum NoSchedules {
    /// The key is not where the configuration says.
    #[error(transparent)]
    Token(#[from] MissingSecret),
    /// The key cannot be sent.
    #[error("the PagerDuty token of the group `{0}` has characters that HTTP does not allow")]
    NotAToken(GroupName),
    /// The HTTPS client does not start.
    #[error("the HTTPS client does not start: {0}")]
    Client(#[from] reqwest::Error),
}

impl Schedules {
    /// Reads the keys for groups that have a schedule. Connects to nothing.
    ///
    /// # Errors
    ///
    /// If a key cannot be read or used, or the HTTPS client does not start.
    pub fn new<'a>(
        groups: impl IntoIterator<Item = (&'a GroupName, &'a PagerDuty)>,
    ) -> Result<Self, NoSchedules> {
        let mut schedules = BTreeMap::new();
        for (group, pagerduty) in groups {
            let authorization = authorization(&pagerduty.token.read()?)
                .ok_or_else(|| NoSchedules::NotAToken(group.clone()))?;
            let on_call = OnCall {
                client: client(&pagerduty.url)?,
                authorization,
                url: pagerduty.url.clone(),
                schedules: pagerduty.schedules.clone(),
            };
            schedules.insert(group.clone(), on_call);
        }
        Ok(Self(schedules))
    }

    /// The addresses of the people who are on call for a group at `now`, in lower case.
    ///
    /// # Errors
    ///
    /// If PagerDuty does not answer in time, or not well.
    pub(super) async fn on_call(
        &self,
        group: &GroupName,
        now: Time,
    ) -> Result<BTreeSet<Email>, FactsUnavailable> {
        let on_call = self
            .0
            .get(group)
            .ok_or_else(|| unavailable(format!("the group `{group}` has no schedule")))?;
        timeout(PATIENCE, on_call.addresses(now))
            .await
            .unwrap_or_else(|_| Err(late()))
    }
}

/// The value of the header `Authorization`; nothing if the key cannot stand in one.
fn authorization(token: &SecretString) -> Option<HeaderValue> {
    let text = SecretString::from(format!("Token token={}", token.expose_secret()));
    let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn client(url: &Url) -> Result<Client, reqwest::Error> {
    // The process has one TLS provider, and it is always ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("keylend/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .timeout(PATIENCE);
    match url.scheme() {
        // Sent in clear, it must not leave by a proxy.
        "http" => builder.no_proxy().build(),
        _ => builder.build(),
    }
}

/// The schedules of one group.
struct OnCall {
    client: Client,
    authorization: HeaderValue,
    url: Url,
    schedules: BTreeSet<String>,
}

/// A page of the answer. Other fields are ignored.
#[derive(Deserialize)]
struct Page {
    oncalls: Vec<Entry>,
    more: bool,
}

/// Somebody who is on call.
#[derive(Deserialize)]
struct Entry {
    user: User,
    schedule: Option<Reference>,
    start: Option<Time>,
    end: Option<Time>,
}

#[derive(Deserialize)]
struct User {
    email: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

impl OnCall {
    async fn addresses(&self, now: Time) -> Result<BTreeSet<Email>, FactsUnavailable> {
        let mut addresses = BTreeSet::new();
        for page in 0..PAGES {
            let Page { oncalls, more } = self.page(page * PAGE).await?;
            for entry in oncalls {
                let is_asked_for = entry
                    .schedule
                    .is_some_and(|schedule| self.schedules.contains(&schedule.id));
                if !is_asked_for {
                    return Err(unavailable("PagerDuty answered for another schedule"));
                }
                let email = entry.user.email.as_deref().map_or("", str::trim);
                if email.is_empty() {
                    let why = "PagerDuty does not say the address of a person on call";
                    return Err(unavailable(why));
                }
                let has_begun = entry.start.is_none_or(|start| start <= now);
                let goes_on = entry.end.is_none_or(|end| now < end);
                if has_begun && goes_on {
                    addresses.insert(Email::new(email.to_lowercase()));
                }
            }
            if addresses.len() > PEOPLE {
                return Err(unavailable(format!(
                    "more than {PEOPLE} people are on call; list fewer schedules"
                )));
            }
            if !more {
                return Ok(addresses);
            }
        }
        Err(unavailable(format!(
            "PagerDuty answered more than {} entries; list fewer schedules",
            PAGES * PAGE
        )))
    }

    async fn page(&self, offset: u32) -> Result<Page, FactsUnavailable> {
        let response = self
            .client
            .get(self.address(offset))
            .header(ACCEPT, "application/vnd.pagerduty+json;version=2")
            .header(AUTHORIZATION, self.authorization.clone())
            .send()
            .await
            .map_err(silence)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(unavailable("PagerDuty refused the token"));
            }
            status => {
                let why = format!("PagerDuty answered with status {}", status.as_u16());
                return Err(unavailable(why));
            }
        }
        let body = whole_body(response).await?;
        serde_json::from_slice(&body)
            .map_err(|_| unavailable("PagerDuty's answer is not what its API documents"))
    }

    /// Who is on call is what PagerDuty answers without `since` and `until`.
    fn address(&self, offset: u32) -> Url {
        let mut url = self.url.clone();
        let path = format!("{}/oncalls", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("include[]", "users")
            .append_pair("limit", &PAGE.to_string())
            .append_pair("offset", &offset.to_string());
        for schedule in &self.schedules {
            query.append_pair("schedule_ids[]", schedule);
        }
        drop(query);
        url
    }
}

async fn whole_body(mut response: Response) -> Result<Vec<u8>, FactsUnavailable> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(silence)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(unavailable("PagerDuty's answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn silence(error: reqwest::Error) -> FactsUnavailable {
    match error {
        error if error.is_timeout() => late(),
        error if error.is_connect() => unavailable("PagerDuty cannot be reached"),
        _ => unavailable("the connection to PagerDuty broke off"),
    }
}

fn late() -> FactsUnavailable {
    unavailable("PagerDuty did not answer in time")
}

fn unavailable(why: impl Into<String>) -> FactsUnavailable {
    FactsUnavailable(why.into())
}
