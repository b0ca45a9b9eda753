//! `[tickets]`.

use glob::Pattern;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::{
    domain::Catalogue,
    secret::{Secret, is_placeholder},
    tickets::{TicketSettings, Tracker},
    transport::is_protected,
};

/// Which kind of tracker is asked.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Jira Cloud.
    Jira,
    /// A web service of yours.
    Webhook,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// Which tracker knows about tickets.
    #[schemars(example = &"jira")]
    kind: Kind,
    /// The address of the Jira site or of the web service: `https://`, or `http://` to the same machine.
    #[schemars(title = "URL", example = &"https://example.atlassian.net")]
    url: Url,
    /// The email address of the Jira account that Keylend uses. It needs to see the issues and, with `assigned`,
    /// the email addresses of their assignees.
    #[schemars(example = &"keylend@example.com")]
    #[schemars(extend("x-default" = "required for `\"jira\"`"))]
    user: Option<String>,
    /// The API token of the Jira account, or the bearer token by which the web service recognises Keylend.
    #[schemars(title = "secret", example = json!({ "env": "JIRA_TOKEN" }))]
    token: Secret,
    /// The scopes that need an open ticket, by name, with `*` and `?`.
    #[schemars(title = "list of names", length(min = 1), example = json!(["db-prod:*"]))]
    scopes: Vec<String>,
    /// Whether the ticket must be assigned to the requester's email address.
    #[serde(default)]
    #[schemars(example = true)]
    assigned: bool,
}

/// The outer answer is nothing if the section is wrong, the inner one if there is none.
pub(super) fn read(
    document: &mut Document<'_>,
    catalogue: &Catalogue,
    secrets: Secrets,
) -> Option<Option<TicketSettings>> {
    let Some(raw) = document.optional::<Option<Raw>>("tickets")? else {
        return Some(None);
    };
    let url = url(document, raw.url);
    if secrets == Secrets::Checked {
        match raw.token.read() {
            Err(missing) => document.problem(at!["tickets", "token"], missing.to_string()),
            Ok(text) if is_placeholder(&text) => {
                let warning = format!("the {} holds a placeholder", raw.token);
                document.warning(at!["tickets", "token"], warning);
            }
            Ok(_) => {}
        }
    }
    let user = user(document, raw.kind, raw.user);
    let scopes = scopes(document, &raw.scopes, catalogue);
    let (url, user) = (url?, user?);
    Some(Some(TicketSettings {
        tracker: match raw.kind {
            Kind::Jira => Tracker::Jira {
                url,
                user,
                token: raw.token,
            },
            Kind::Webhook => Tracker::Webhook {
                url,
                token: raw.token,
            },
        },
        scopes,
        assigned: raw.assigned,
    }))
}

fn url(document: &mut Document<'_>, url: Url) -> Option<Url> {
    let problem = if !url.username().is_empty() || url.password().is_some() {
        "remove the user and password from the URL"
    } else if !matches!(url.scheme(), "https" | "http") || !is_protected(&url) {
        "the URL must start with `https://`; `http://` is allowed only to this machine"
    } else if url.query().is_some() || url.fragment().is_some() {
        "remove what follows the path from the URL, from the `?` or `#` on"
    } else {
        return Some(url);
    };
    document.problem(at!["tickets", "url"], problem);
    None
}

/// The account; empty for a web service, to which it means nothing.
fn user(document: &mut Document<'_>, kind: Kind, user: Option<String>) -> Option<String> {
    match (kind, user) {
        (Kind::Webhook, _) => Some(String::new()),
        (Kind::Jira, Some(user)) if !user.trim().is_empty() && !user.contains(':') => Some(user),
        (Kind::Jira, Some(_)) => {
            let problem = "this is not the email address of a Jira account";
            document.problem(at!["tickets", "user"], problem);
            None
        }
        (Kind::Jira, None) => {
            let problem = "`user` is missing: add the email address of the Jira account";
            document.problem(at!["tickets", "kind"], problem);
            None
        }
    }
}

fn scopes(document: &mut Document<'_>, texts: &[String], catalogue: &Catalogue) -> Vec<Pattern> {
    if texts.is_empty() {
        let problem =
            "`scopes` is empty; list the scopes that need an open ticket, such as `\"db-prod:*\"`";
        document.problem(at!["tickets", "scopes"], problem);
    }
    let mut patterns = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match Pattern::new(text) {
            Ok(pattern) => {
                if !catalogue.keys().any(|id| pattern.matches(id.as_str())) {
                    let warning = "no scope has such a name, so this requires no ticket";
                    document.warning(at!["tickets", "scopes", index], warning);
                }
                patterns.push(pattern);
            }
            Err(error) => {
                let problem = format!("this is not a pattern: {}", error.msg);
                document.problem(at!["tickets", "scopes", index], problem);
            }
        }
    }
    patterns
}
