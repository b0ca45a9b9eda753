//! `[identity]`.

use serde::Deserialize;

use super::document::{Document, at};

/// `[identity]`: whose addresses count, and what people are called in the targets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `email_domains`: the domains of your people's addresses, exactly; a subdomain is another
    /// domain. Addresses of the first give their local part as the login, those of the others are
    /// the login whole, and those of any other domain give none. Required where such a login
    /// reaches a target, default none.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// `require_confirmed`: whether an address counts only where Slack says that it is confirmed,
    /// default false. Slack does not promise to say it: then nobody can ask for anything.
    #[serde(default)]
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
