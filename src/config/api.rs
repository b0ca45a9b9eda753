//! `[api]`.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use serde::Deserialize;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::secret::Secret;

/// `[api]`: who may ask whether somebody holds something. Without it nobody may.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// `tokens`: the bearer tokens that are let in, default none.
    #[serde(default)]
    pub tokens: Vec<ApiToken>,
}

/// One of `api.tokens`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// Whose it is: read in logs, never sent.
    pub name: String,
    /// The token: at least 16 characters.
    pub token: Secret,
}

/// What is shorter can be guessed.
const SHORTEST_TOKEN: usize = 16;

pub(super) fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<Api> {
    let api: Api = document.optional("api")?;
    let mut names = BTreeSet::new();
    for (index, ApiToken { name, token }) in api.tokens.iter().enumerate() {
        if name.trim().is_empty() {
            document.problem(at!["api", "tokens", index, "name"], "a token needs a name");
        } else if !names.insert(name) {
            let problem = format!("there is a token `{name}` already");
            document.problem(at!["api", "tokens", index, "name"], problem);
        }
        if secrets == Secrets::Unchecked {
            continue;
        }
        let problem = match token.read() {
            Err(missing) => missing.to_string(),
            Ok(text) if text.expose_secret().len() < SHORTEST_TOKEN => {
                format!("the token has to have {SHORTEST_TOKEN} characters at least")
            }
            Ok(_) => continue,
        };
        document.problem(at!["api", "tokens", index, "token"], problem);
    }
    Some(api)
}
