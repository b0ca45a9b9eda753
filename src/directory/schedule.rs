//! Who is on call by a schedule: of PagerDuty (`GET /oncalls` of its REST API, version 2), or by a calendar.
//!
//! People are known by their addresses alone: names and summaries, which anybody may write there, are
//! not read. An answer that is late, too long, or not about the schedules that were asked for is no
//! answer. Redirects are not followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use reqwest::{
    Client, RequestBuilder, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::{FactsUnavailable, Feed, feed};
use crate::{
    domain::{Email, GroupListedIn, GroupName, Time},
    http_client::{self, Source},
    secret::{MissingSecret, Secret},
    transport::is_protected,
};

/// How long PagerDuty, or who publishes a calendar, may take to answer in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest page or calendar that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// How many entries PagerDuty puts on a page at most.
const PAGE: u32 = 100;

/// How many pages are read.
const PAGES: u32 = 10;

/// How many people may be on call by the schedules of one group. Slack is asked for each of them.
const PEOPLE: usize = 20;

/// Where people on call are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Schedules of PagerDuty.
    PagerDuty(PagerDuty),
    /// A calendar.
    Feed(Feed),
}

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
    /// The key, or a calendar's address, is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] MissingSecret),
    /// The key cannot be sent.
    #[error("the PagerDuty token of the group `{0}` has characters that HTTP does not allow")]
    NotAToken(GroupName),
    /// The address of a calendar is not one, or others could read what it answers.
    #[error("the calendar's address of the group `{0}` is not a URL that starts with `https://`")]
    NotAnAddress(GroupName),
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
        groups: impl IntoIterator<Item = (&'a GroupName, &'a Schedule)>,
    ) -> Result<Self, NoSchedules> {
        let mut schedules = BTreeMap::new();
        for (group, schedule) in groups {
            let (url, way) = match schedule {
                Schedule::PagerDuty(pagerduty) => {
                    let authorization = authorization(&pagerduty.token.read()?)
                        .ok_or_else(|| NoSchedules::NotAToken(group.clone()))?;
                    let schedules = pagerduty.schedules.clone();
                    (
                        pagerduty.url.clone(),
                        Way::PagerDuty {
                            authorization,
                            schedules,
                        },
                    )
                }
                Schedule::Feed(feed) => {
                    let url = calendar_address(&feed.url.read()?)
                        .ok_or_else(|| NoSchedules::NotAnAddress(group.clone()))?;
                    (url, Way::Feed)
                }
            };
            let client = http_client::client(&url, PATIENCE).build()?;
            schedules.insert(group.clone(), OnCall { client, url, way });
        }
        Ok(Self(schedules))
    }

    /// The addresses of the people who are on call for a group at `now`, in lower case, and where they are
    /// listed.
    ///
    /// # Errors
    ///
    /// If the schedule cannot be read in time, or not well.
    pub(super) async fn on_call(
        &self,
        group: &GroupName,
        now: Time,
    ) -> Result<(GroupListedIn, BTreeSet<Email>), FactsUnavailable> {
        let on_call = self
            .0
            .get(group)
            .ok_or_else(|| unavailable(format!("the group `{group}` has no schedule")))?;
        let addresses = timeout(PATIENCE, on_call.addresses(now))
            .await
            .unwrap_or_else(|_| Err(on_call.late()))?;
        if addresses.len() > PEOPLE {
            return Err(unavailable(format!(
                "more than {PEOPLE} people are on call; list fewer schedules"
            )));
        }
        Ok((on_call.listed_in(), addresses))
    }
}

/// The address of a calendar, if it is one that nobody between can read.
pub fn calendar_address(text: &SecretString) -> Option<Url> {
    let url = Url::parse(text.expose_secret()).ok()?;
    (matches!(url.scheme(), "https" | "http") && is_protected(&url)).then_some(url)
}

/// The value of the header `Authorization`; nothing if the key cannot stand in one.
fn authorization(token: &SecretString) -> Option<HeaderValue> {
    let text = SecretString::from(format!("Token token={}", token.expose_secret()));
    let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The schedules of one group.
struct OnCall {
    client: Client,
    url: Url,
    way: Way,
}

/// How it is said who is on call.
enum Way {
    PagerDuty {
        authorization: HeaderValue,
        schedules: BTreeSet<String>,
    },
    Feed,
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
    /// Where people are listed, for the log. The address of a calendar may be a secret; its host is not.
    fn listed_in(&self) -> GroupListedIn {
        match &self.way {
            Way::PagerDuty { schedules, .. } => {
                GroupListedIn::PagerDutySchedules(schedules.iter().cloned().collect())
            }
            Way::Feed => {
                let host = self.url.host_str().unwrap_or_default();
                GroupListedIn::ICalendar(host.to_owned())
            }
        }
    }

    async fn addresses(&self, now: Time) -> Result<BTreeSet<Email>, FactsUnavailable> {
        match &self.way {
            Way::PagerDuty {
                authorization,
                schedules,
            } => self.of_pagerduty(authorization, schedules, now).await,
            Way::Feed => self.of_feed(now).await,
        }
    }

    async fn of_feed(&self, now: Time) -> Result<BTreeSet<Email>, FactsUnavailable> {
        let request = self.client.get(self.url.clone());
        let body = self.answer(request.header(ACCEPT, "text/calendar")).await?;
        let text =
            String::from_utf8(body).map_err(|_| unavailable("what was read is not a calendar"))?;
        // It may have thousands of events.
        let reading = tokio::task::spawn_blocking(move || feed::on_call(&text, now));
        reading
            .await
            .unwrap_or_else(|_| Err(unavailable("the calendar cannot be read")))
    }

    async fn of_pagerduty(
        &self,
        authorization: &HeaderValue,
        schedules: &BTreeSet<String>,
        now: Time,
    ) -> Result<BTreeSet<Email>, FactsUnavailable> {
        let mut addresses = BTreeSet::new();
        for page in 0..PAGES {
            let request = self
                .client
                .get(self.page(schedules, page * PAGE))
                .header(ACCEPT, "application/vnd.pagerduty+json;version=2")
                .header(AUTHORIZATION, authorization.clone());
            let body = self.answer(request).await?;
            let Page { oncalls, more } = serde_json::from_slice(&body)
                .map_err(|_| unavailable("PagerDuty's answer is not what its API documents"))?;
            for entry in oncalls {
                let is_asked_for = entry
                    .schedule
                    .is_some_and(|schedule| schedules.contains(&schedule.id));
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
                    addresses.insert(Email::new(email.to_ascii_lowercase()));
                }
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

    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, FactsUnavailable> {
        let source = self.source();
        let body = source.ask(request).await.map_err(unavailable)?;
        body.ok_or_else(|| unavailable(source.answered(StatusCode::NOT_FOUND)))
    }

    /// Who is on call is what PagerDuty answers without `since` and `until`.
    fn page(&self, schedules: &BTreeSet<String>, offset: u32) -> Url {
        let mut url = self.url.clone();
        let path = format!("{}/oncalls", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut query = url.query_pairs_mut();
        query
            .append_pair("include[]", "users")
            .append_pair("limit", &PAGE.to_string())
            .append_pair("offset", &offset.to_string());
        for schedule in schedules {
            query.append_pair("schedule_ids[]", schedule);
        }
        drop(query);
        url
    }

    fn source(&self) -> Source {
        let (name, refused) = match self.way {
            Way::PagerDuty { .. } => ("PagerDuty", "PagerDuty refused the token"),
            Way::Feed => (
                "the server of the calendar",
                "the server of the calendar refused access",
            ),
        };
        Source {
            name,
            refused,
            longest: LONGEST,
        }
    }

    fn late(&self) -> FactsUnavailable {
        unavailable(self.source().late())
    }
}

fn unavailable(why: impl Into<String>) -> FactsUnavailable {
    FactsUnavailable(why.into())
}
