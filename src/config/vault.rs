//! `[secrets]`.

use serde::Deserialize;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::{secret::Secret, vault::Vault};

/// `[secrets]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultKey {
    /// The key under which credentials are kept: 32 bytes as 64 hexadecimal digits or as base64,
    /// such as `openssl rand -hex 32` gives. Lost, and the credentials of running grants cannot
    /// be shown any more; nothing else is lost with it.
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
