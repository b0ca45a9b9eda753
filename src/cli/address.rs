//! Where the configuration says that the store is, and under which key its authentication codes are.

use std::path::Path;

use anyhow::Context as _;

use crate::{
    config,
    store::{Address, StoreKey},
};

/// The one line of the configuration that says where the store is; the rest may be wrong.
pub(super) fn address_in(config: &Path) -> anyhow::Result<Address> {
    #[derive(serde::Deserialize)]
    struct Config {
        store: Store,
    }
    #[derive(serde::Deserialize)]
    struct Store {
        url: config::Store,
    }
    let text = std::fs::read_to_string(config)
        .with_context(|| format!("failed to read `{}`", config.display()))?;
    let said: Config = toml::from_str(&text)
        .with_context(|| format!("failed to find the store in `{}`", config.display()))?;
    said.store
        .url
        .address()
        .with_context(|| format!("failed to find the store in `{}`", config.display()))
}

/// The key of the store's authentication codes, by the one line of the configuration that says where it
/// is; the rest may be wrong.
pub(super) fn key_in(config: &Path) -> anyhow::Result<StoreKey> {
    #[derive(serde::Deserialize)]
    struct Config {
        secrets: config::VaultKey,
    }
    let text = std::fs::read_to_string(config)
        .with_context(|| format!("failed to read `{}`", config.display()))?;
    let said: Config = toml::from_str(&text)
        .with_context(|| format!("failed to find secrets.key in `{}`", config.display()))?;
    let key = said.secrets.store_key();
    key.context("failed to read secrets.key")
}
