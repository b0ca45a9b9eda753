//! Whether the ticket of a request is open now: asked of Jira Cloud (`GET /rest/api/3/issue/{key}`), or of a web
//! service of the operator.
//!
//! A ticket is what somebody typed, so it is checked before it becomes part of a URL. Of an answer, nothing is
//! read but the status, the assignee's address and the id. An answer that is late, too long or about another
//! ticket is no answer. Redirects are not followed. Nothing is cached.
//!
//! What Jira answers is as in Atlassian's [OpenAPI document] (`GET /rest/api/3/issue/{issueIdOrKey}`, `IssueBean`,
//! `StatusDetails`, `StatusCategory`, `UserDetails`): 404 for an issue that is not there and for one that the
//! account may not see, also to somebody who is not signed in; `emailAddress` may be `null`. Jira finds an issue
//! that was moved under its old key too, and answers with the new one, so the key of the answer is not compared.
//! That document does not list the keys of the categories. Jira has four: `new`, `indeterminate`, `done`, and
//! `undefined` for a status without a category, as [go-jira] names them. Another one is not understood.
//!
//! [OpenAPI document]: https://developer.atlassian.com/cloud/jira/platform/swagger-v3.v3.json
//! [go-jira]: https://github.com/andygrunwald/go-jira/blob/main/statuscategory.go

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use glob::Pattern;
use reqwest::{
    Client,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, time::timeout};
use url::Url;

use crate::{
    clock::Clock,
    domain::{Email, IdentityKey, ScopeId, TicketProblem, TicketRead, Time},
    http_client::{self, Source},
    secret::{MissingSecret, Secret},
};

/// How long a look-up may take in all, with the wait for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// The age up to which an answer counts.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// The longest ticket that a web service is asked about, in bytes.
const LONGEST_TICKET: usize = 200;

/// How many look-ups for people run at a time. Those for grants have their own limit, so that nobody delays the
/// end of access with requests.
const AT_A_TIME: usize = 8;

/// `[tickets]`, checked.
#[derive(Debug, Clone)]
pub struct TicketSettings {
    /// Who is asked.
    pub tracker: Tracker,
    /// The scopes whose requests need an open ticket.
    pub scopes: Vec<Pattern>,
    /// Whether the ticket has to be assigned to the requester.
    pub assigned: bool,
}

/// Who knows about tickets.
#[derive(Debug, Clone)]
pub enum Tracker {
    /// Jira Cloud.
    Jira {
        /// The site: `https://`, or `http://` to this machine.
        url: Url,
        /// The address of the account that asks.
        user: String,
        /// The account's API token.
        token: Secret,
    },
    /// A web service of the operator.
    Webhook {
        /// Its address: `https://`, or `http://` to this machine.
        url: Url,
        /// The bearer token by which it recognises Keylend.
        token: Secret,
    },
}

/// The tracker cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum NoTickets {
    /// The token is not where the configuration says.
    #[error(transparent)]
    Secret(#[from] MissingSecret),
    /// The token cannot be sent.
    #[error("the token has characters that HTTP does not allow")]
    NotAToken,
    /// The HTTPS client does not start.
    #[error("the HTTPS client does not start: {0}")]
    Client(#[from] reqwest::Error),
}

/// Asks about tickets.
pub struct Tickets {
    client: Client,
    url: Url,
    is_jira: bool,
    authorization: HeaderValue,
    scopes: Vec<Pattern>,
    assigned: bool,
    turns: Semaphore,
    clock: Arc<dyn Clock>,
}

/// What the tracker says of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketStatus {
    /// It is open.
    Open,
    /// It is closed.
    Closed,
    /// There is no such ticket, or the account may not see it.
    Unknown,
}

/// A ticket as it was read.
struct Ticket {
    status: TicketStatus,
    id: Option<String>,
    /// Nothing if nobody is assigned, or the address is not shown.
    assignee: Option<IdentityKey>,
    read_at: Time,
}

impl Tickets {
    /// Reads the token. Connects to nothing.
    ///
    /// # Errors
    ///
    /// If the token cannot be read or used, or the HTTPS client does not start.
    pub fn new(settings: &TicketSettings, clock: Arc<dyn Clock>) -> Result<Self, NoTickets> {
        let (url, is_jira, credentials) = match &settings.tracker {
            Tracker::Jira { url, user, token } => {
                let pair = format!("{user}:{}", token.read()?.expose_secret());
                (url, true, format!("Basic {}", STANDARD.encode(pair)))
            }
            Tracker::Webhook { url, token } => {
                let bearer = format!("Bearer {}", token.read()?.expose_secret());
                (url, false, bearer)
            }
        };
        let credentials = SecretString::from(credentials);
        let mut authorization =
            HeaderValue::from_str(credentials.expose_secret()).map_err(|_| NoTickets::NotAToken)?;
        authorization.set_sensitive(true);
        Ok(Self {
            client: http_client::client(url, PATIENCE).build()?,
            url: url.clone(),
            is_jira,
            authorization,
            scopes: settings.scopes.clone(),
            assigned: settings.assigned,
            turns: Semaphore::new(AT_A_TIME),
            clock,
        })
    }

    /// Whether requests for this scope need an open ticket.
    pub fn covers(&self, scope: &ScopeId) -> bool {
        let name = scope.as_str();
        self.scopes.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether the ticket is open now and, where the configuration says so, assigned to the requester, whose
    /// verified address is `email`.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn check(
        &self,
        ticket: Option<&str>,
        email: Option<&Email>,
    ) -> Result<TicketRead, TicketProblem> {
        let key = ticket.ok_or(TicketProblem::Missing)?;
        let asking = async {
            let _turn = self.turns.acquire().await;
            self.read(key).await
        };
        let ticket = timeout(PATIENCE, asking)
            .await
            .unwrap_or_else(|_| Err(self.late()))?;
        match ticket.status {
            TicketStatus::Open => {}
            TicketStatus::Closed => return Err(TicketProblem::Closed),
            TicketStatus::Unknown => return Err(TicketProblem::Unknown),
        }
        let address = email.map(IdentityKey::address);
        let is_theirs = address.is_some() && ticket.assignee == address;
        if self.assigned && !is_theirs {
            return Err(TicketProblem::NotAssigned);
        }
        let kind = if self.is_jira { "jira" } else { "webhook" };
        Ok(TicketRead {
            source: format!("{kind} {}", self.url.host_str().unwrap_or_default()),
            id: ticket.id,
            read_at: ticket.read_at,
        })
    }

    /// What the tracker says of the ticket of a grant now.
    ///
    /// # Errors
    ///
    /// If that is not known.
    pub async fn status(&self, key: &str) -> Result<TicketStatus, TicketProblem> {
        let ticket = timeout(PATIENCE, self.read(key))
            .await
            .unwrap_or_else(|_| Err(self.late()))?;
        Ok(ticket.status)
    }

    async fn read(&self, key: &str) -> Result<Ticket, TicketProblem> {
        let asked_at = self.clock.now();
        let ticket = match self.is_jira {
            true => self.of_jira(key, asked_at).await?,
            false => self.of_webhook(key, asked_at).await?,
        };
        match (self.clock.now() - ticket.read_at).abs() {
            age if age > FRESH => Err(TicketProblem::Stale),
            _ => Ok(ticket),
        }
    }

    async fn of_jira(&self, key: &str, read_at: Time) -> Result<Ticket, TicketProblem> {
        if !is_jira_key(key) {
            return Err(TicketProblem::Malformed);
        }
        let mut url = self.jira(&["issue", key]);
        url.query_pairs_mut()
            .append_pair("fields", "status,assignee");
        let Some(issue) = self.get::<Issue>(url).await? else {
            // Jira answers the same to somebody whom it does not know.
            let myself = self.get::<serde::de::IgnoredAny>(self.jira(&["myself"]));
            return match myself.await? {
                Some(_) => Ok(Ticket {
                    status: TicketStatus::Unknown,
                    id: None,
                    assignee: None,
                    read_at,
                }),
                None => Err(unavailable("Jira does not know the account that asks")),
            };
        };
        let is_id =
            (1..=20).contains(&issue.id.len()) && issue.id.bytes().all(|it| it.is_ascii_digit());
        if !is_id {
            return Err(self.unreadable());
        }
        let status = match issue.fields.status.category.key.as_str() {
            "done" => TicketStatus::Closed,
            "new" | "indeterminate" | "undefined" => TicketStatus::Open,
            _ => return Err(self.unreadable()),
        };
        let assignee = issue.fields.assignee;
        Ok(Ticket {
            status,
            id: Some(issue.id),
            assignee: address(assignee.and_then(|assignee| assignee.email)),
            read_at,
        })
    }

    async fn of_webhook(&self, key: &str, asked_at: Time) -> Result<Ticket, TicketProblem> {
        if key.len() > LONGEST_TICKET || key.chars().any(char::is_control) {
            return Err(TicketProblem::Malformed);
        }
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("ticket", key);
        let answer = self.get::<Answer>(url).await?;
        let answer = answer.ok_or_else(|| unavailable("the ticket service answered with 404"))?;
        if answer.ticket != key {
            return Err(unavailable(
                "the ticket service answered for another ticket",
            ));
        }
        Ok(Ticket {
            status: match answer.status {
                AnsweredStatus::Open => TicketStatus::Open,
                AnsweredStatus::Closed => TicketStatus::Closed,
                AnsweredStatus::Unknown => TicketStatus::Unknown,
            },
            id: None,
            assignee: address(answer.assignee),
            read_at: answer.as_of.unwrap_or(asked_at),
        })
    }

    fn jira(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        // An address that starts with `http` always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["rest", "api", "3"])
                .extend(path);
        }
        url
    }

    /// The answer; nothing if it is 404.
    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<Option<T>, TicketProblem> {
        let request = self
            .client
            .get(url)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, self.authorization.clone());
        let body = self.source().ask(request).await.map_err(unavailable)?;
        body.map(|body| serde_json::from_slice(&body))
            .transpose()
            .map_err(|_| self.unreadable())
    }

    fn source(&self) -> Source {
        let (name, refused) = match self.is_jira {
            true => ("Jira", "Jira refused the token"),
            false => ("the ticket service", "the ticket service refused the token"),
        };
        Source {
            name,
            refused,
            longest: LONGEST,
        }
    }

    fn late(&self) -> TicketProblem {
        unavailable(self.source().late())
    }

    fn unreadable(&self) -> TicketProblem {
        let name = self.source().name;
        unavailable(format!("the answer of {name} is not as documented"))
    }
}

fn unavailable(why: impl Into<String>) -> TicketProblem {
    TicketProblem::Unavailable(why.into())
}

fn address(email: Option<String>) -> Option<IdentityKey> {
    let email = email?;
    let email = email.trim();
    (!email.is_empty()).then(|| IdentityKey::address(&Email::new(email)))
}

/// Whether this can be the key of an issue, such as `INC-4211`: the name of a project in capital letters, digits
/// and `_`, and a number.
fn is_jira_key(key: &str) -> bool {
    let Some((project, number)) = key.split_once('-') else {
        return false;
    };
    let in_project = |it: u8| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_';
    (2..=32).contains(&project.len())
        && project.as_bytes()[0].is_ascii_uppercase()
        && project.bytes().all(in_project)
        && (1..=10).contains(&number.len())
        && !number.starts_with('0')
        && number.bytes().all(|it| it.is_ascii_digit())
}

/// An issue of Jira. Other fields are ignored.
#[derive(Deserialize)]
struct Issue {
    id: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    status: Status,
    assignee: Option<Assignee>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(rename = "statusCategory")]
    category: Category,
}

#[derive(Deserialize)]
struct Category {
    key: String,
}

#[derive(Deserialize)]
struct Assignee {
    #[serde(rename = "emailAddress")]
    email: Option<String>,
}

/// The answer of the operator's web service. Other fields are ignored.
#[derive(Deserialize)]
struct Answer {
    ticket: String,
    status: AnsweredStatus,
    assignee: Option<String>,
    as_of: Option<Time>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AnsweredStatus {
    Open,
    Closed,
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::{address, is_jira_key};

    #[test]
    fn addresses_of_assignees_lose_the_case_of_ascii_letters_alone() {
        let of = |written: &str| address(Some(written.to_owned()));
        assert_eq!(of(" Kim@Example.com "), of("kim@example.com"));
        // The Kelvin sign, whose lower case is `k`.
        assert_ne!(of("\u{212a}im@example.com"), of("kim@example.com"));
        assert_eq!(of("  "), None);
    }

    #[test]
    fn nothing_but_a_key_is_put_into_the_path() {
        for key in ["INC-4211", "OPS_2-1", "A1-9999999999"] {
            assert!(is_jira_key(key), "{key}");
        }
        for text in [
            "",
            "INC",
            "INC-",
            "-1",
            "I-1",
            "inc-1",
            "1NC-1",
            "INC-01",
            "INC-1a",
            "INC-1-2",
            "INC-1/../../myself",
            "INC-1?fields=*all",
            "INC-1%2F",
            "INC-\u{661}",
            "INC-12345678901",
            " INC-1",
            "INC-1\n",
        ] {
            assert!(!is_jira_key(text), "{text:?}");
        }
    }
}
