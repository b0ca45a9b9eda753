//! `[secrets]`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::{
    secret::{MissingSecret, Secret, key_bytes},
    store::StoreKey,
    vault::{InvalidKey, Vault},
};

/// `[secrets]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultKey {
    /// Encrypts, in the store, the credentials of grants and what Keylend keeps of people. The authentication
    /// codes of the log are made under it.
    #[schemars(title = "secret, 32 bytes", example = json!({ "env": "KEYLEND_SECRETS_KEY" }))]
    pub key: Secret,
}

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoStoreKey {
    /// It is not where the configuration says.
    #[error(transparent)]
    Missing(#[from] MissingSecret),
    /// It is not a key.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

impl VaultKey {
    /// The key in this file.
    pub fn in_file(path: PathBuf) -> Self {
        let key = Secret::File(path);
        Self { key }
    }

    /// The key of the authentication codes of the log, which follows from it.
    ///
    /// # Errors
    ///
    /// If it is not there, or not a key.
    pub fn store_key(&self) -> Result<StoreKey, NoStoreKey> {
        let bytes = key_bytes(&self.key.read()?).ok_or(InvalidKey)?;
        Ok(StoreKey::derive(&bytes))
    }
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
