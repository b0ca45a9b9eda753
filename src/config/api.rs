//! `[api]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::secret::{Secret, is_placeholder};

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
    let mut names = BTreeMap::new();
    for (index, ApiToken { name, token }) in api.tokens.iter().enumerate() {
        if name.trim().is_empty() {
            document.problem(
                at!["api", "tokens", index, "name"],
                "`name` is empty: write who uses the token, such as `gateway`",
            );
        } else if let Some(line) = names.insert(name, document.line(at!["api", "tokens", index])) {
            let problem = format!("there is already a token `{name}`, in line {line}");
            document.problem(at!["api", "tokens", index, "name"], problem);
        }
        if secrets == Secrets::Unchecked {
            continue;
        }
        let problem = match token.read() {
            Err(missing) => missing.to_string(),
            Ok(text) if text.expose_secret().len() < SHORTEST_TOKEN => {
                format!(
                    "the {token} has fewer than {SHORTEST_TOKEN} characters: create a token with \
                     `openssl rand -hex 32`"
                )
            }
            Ok(text) => {
                if is_placeholder(&text) {
                    let warning = format!(
                        "the {token} holds a placeholder: create a token with `openssl rand -hex 32`"
                    );
                    document.warning(at!["api", "tokens", index, "token"], warning);
                }
                continue;
            }
        };
        document.problem(at!["api", "tokens", index, "token"], problem);
    }
    Some(api)
}
