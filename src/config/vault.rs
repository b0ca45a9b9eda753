//! `[secrets]`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::{secret::Secret, vault::Vault};

/// `[secrets]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultKey {
    /// Encrypts, in the store, the credentials of grants and what Keylend keeps of people.
    #[schemars(title = "secret, 32 bytes", example = json!({ "env": "KEYLEND_SECRETS_KEY" }))]
    pub key: Secret,
}

pub(super) fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<VaultKey> {
    let vault: VaultKey = document.section("secrets")?;
    if secrets == Secrets::Checked {
        let problem = match vault.key.read() {
            Ok(key) => Vault::new(&key).err().map(|invalid| invalid.to_string()),
            Err(missing) => Some(missing.to_string()),
        };
        if let Some(problem) = problem {
            document.problem(at!["secrets", "key"], problem);
        }
    }
    Some(vault)
}
