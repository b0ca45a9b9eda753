//! `[identity]`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::document::{Document, at};

/// `[identity]`: whose addresses count, and what people are called in the targets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The domains of your people's addresses. Each is matched exactly, so a subdomain is a separate entry.
    /// In the first, the part before the `@` is the login, in lower case. In the others, the whole address
    /// is the login. Addresses of other domains give no login.
    #[serde(default)]
    #[schemars(title = "list of domains", example = json!(["example.com"]))]
    #[schemars(extend("x-default" = "required if a scope grants access to a person's login, otherwise none"))]
    pub email_domains: Vec<String>,
    /// Accept an address only if Slack says that it is confirmed. Slack does not promise to say so. Test
    /// this first: people without an accepted address can neither request nor approve.
    #[serde(default)]
    #[schemars(example = true)]
    pub require_confirmed: bool,
}

pub(super) fn read(document: &mut Document<'_>) -> Option<Identity> {
    let mut identity: Identity = document.optional("identity")?;
    for domain in &mut identity.email_domains {
        domain.make_ascii_lowercase();
    }
    let domains = &identity.email_domains;
    for (index, domain) in domains.iter().enumerate() {
        let path = at!["identity", "email_domains", index];
        if let Err(problem) = check(domain) {
            document.problem(path, problem);
        } else if domains[..index].contains(domain) {
            document.problem(path, format!("`{domain}` is listed twice"));
        }
    }
    Some(identity)
}

/// Reports a missing list: `scope` is one by whose layers the requester's name reaches a target.
pub(super) fn require_domains(document: &mut Document<'_>, scope: &str) {
    document.problem(
        at!["identity", "email_domains"],
        format!(
            "`{scope}` grants access to the requester's login, which comes from their email \
             address: add `email_domains = [\"example.com\"]` to [identity], with your main domain \
             first"
        ),
    );
}

fn check(domain: &str) -> Result<(), String> {
    if domain.is_empty() {
        return Err("the domain is empty".to_owned());
    }
    let wrong = |why: &str| {
        Err(format!(
            "`{domain}` is not a domain such as `example.com`: {why}"
        ))
    };
    if domain.contains('@') {
        return wrong("remove the `@` and everything before it");
    }
    if domain.contains('*') {
        return wrong("list each domain; wildcards are not allowed");
    }
    if domain.contains(char::is_whitespace) {
        return wrong("it contains a space");
    }
    let is_label = |label: &str| {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(letters)
    };
    match domain.split('.').all(is_label) {
        true => Ok(()),
        false => wrong("use ASCII letters, digits and `-`, separated by dots"),
    }
}
