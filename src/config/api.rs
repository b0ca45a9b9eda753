//! `[api]`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::secret::Secret;

/// `[api]`: who may ask whether somebody holds something. Without it nobody may.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// The bearer tokens of your gateways.
    #[serde(default)]
    #[schemars(title = "list of tables")]
    pub tokens: Vec<ApiToken>,
}

/// One of `api.tokens`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiToken {
    /// Whose token it is. It appears in logs.
    #[schemars(title = "text, unique", example = &"gateway")]
    pub name: String,
    /// The token.
    #[schemars(title = format!("secret, at least {SHORTEST_TOKEN} characters"))]
    #[schemars(example = json!({ "env": "KEYLEND_API_TOKEN" }))]
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
