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

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// Which tracker knows about tickets: `"jira"` is Jira Cloud, `"webhook"` a web service of yours.
    #[schemars(title = "\"jira\" or \"webhook\"", example = &"jira")]
    #[schemars(extend("x-default" = "requests need no open ticket"))]
    kind: Option<Kind>,
    /// The address of the Jira site or of the web service: `https://`, or `http://` to the same machine.
    #[schemars(title = "URL", example = &"https://example.atlassian.net")]
    #[schemars(extend("x-default" = "required with `kind`"))]
    url: Option<Url>,
    /// The email address of the Jira account that Keylend uses. It needs to see the issues and the email addresses
    /// of their assignees.
    #[schemars(example = &"keylend@example.com")]
    #[schemars(extend("x-default" = "required for `\"jira\"`"))]
    user: Option<String>,
    /// The API token of the Jira account.
    #[schemars(example = json!({ "env": "JIRA_TOKEN" }))]
    #[schemars(extend("x-default" = "required for `\"jira\"`"))]
    token: Option<Secret>,
    /// What the web service recognises Keylend by: Keylend sends it as a bearer token.
    #[schemars(example = json!({ "env": "TICKETS_SECRET" }))]
    #[schemars(extend("x-default" = "required for `\"webhook\"`"))]
    secret: Option<Secret>,
    /// The scopes that need an open ticket, by name, with `*` and `?`.
    #[schemars(title = "list of names", example = json!(["db-prod:*"]))]
    #[schemars(extend("x-default" = "required with `kind`"))]
    #[serde(default)]
    scopes: Vec<String>,
    /// Whether the ticket must be assigned to the requester's email address.
    #[serde(default)]
    assigned: bool,
}

/// The outer answer is nothing if the section is wrong, the inner one if no scope needs an open ticket.
pub(super) fn read(
    document: &mut Document<'_>,
    catalogue: &Catalogue,
    secrets: Secrets,
) -> Option<Option<TicketSettings>> {
    let raw: Raw = document.optional("tickets")?;
    let Some(kind) = raw.kind else {
        if let Some(key) = document.first_key(at!["tickets"]) {
            let problem = "`kind` is missing: add `kind = \"jira\"` or `kind = \"webhook\"`";
            document.problem(at!["tickets", &*key], problem);
            return None;
        }
        return Some(None);
    };
    let url = url(document, raw.url);
    let (own, own_key, other, other_key) = match kind {
        Kind::Jira => (raw.token, "token", raw.secret, "secret"),
        Kind::Webhook => (raw.secret, "secret", raw.token, "token"),
    };
    if other.is_some() {
        let problem = format!("this kind has no `{other_key}`: use `{own_key}`");
        document.problem(at!["tickets", other_key], problem);
    }
    if own.is_none() {
        let problem =
            format!("`{own_key}` is missing: name a secret, such as `{{ env = \"NAME\" }}`");
        document.problem(at!["tickets", "kind"], problem);
    }
    if let Some(secret) = &own
        && secrets == Secrets::Checked
    {
        match secret.read() {
            Err(missing) => document.problem(at!["tickets", own_key], missing.to_string()),
            Ok(text) if is_placeholder(&text) => {
                let warning = format!("the {secret} holds a placeholder");
                document.warning(at!["tickets", own_key], warning);
            }
            Ok(_) => {}
        }
    }
    let user = user(document, kind, raw.user);
    let scopes = scopes(document, &raw.scopes, catalogue);
    let (url, secret, user) = (url?, own?, user?);
    Some(Some(TicketSettings {
        tracker: match kind {
            Kind::Jira => Tracker::Jira {
                url,
                user,
                token: secret,
            },
            Kind::Webhook => Tracker::Webhook { url, secret },
        },
        scopes,
        assigned: raw.assigned,
    }))
}

fn url(document: &mut Document<'_>, url: Option<Url>) -> Option<Url> {
    let Some(url) = url else {
        let problem =
            "`url` is missing: add one, such as `url = \"https://example.atlassian.net\"`";
        document.problem(at!["tickets", "kind"], problem);
        return None;
    };
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

/// The account; empty for a web service, which has none.
fn user(document: &mut Document<'_>, kind: Kind, user: Option<String>) -> Option<String> {
    match (kind, user) {
        (Kind::Webhook, None) => Some(String::new()),
        (Kind::Webhook, Some(_)) => {
            let problem = "only `kind = \"jira\"` has a user: remove `user`";
            document.problem(at!["tickets", "user"], problem);
            None
        }
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
        let problem = "`scopes` is empty or missing: list the scopes that need an open ticket, such as \
                       `scopes = [\"db-prod:*\"]`";
        document.problem(at!["tickets", "kind"], problem);
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
