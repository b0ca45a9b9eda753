//! Reads the configuration, or only the address of the store or the key of its authentication codes.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::{
    config::{self, Secrets},
    store::{Address, StoreKey},
};

/// The whole configuration.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn configuration(file: &Path, secrets: Secrets) -> anyhow::Result<config::Config> {
    match config::Config::load(file, secrets) {
        Ok(config) => Ok(config),
        Err(problems) => bail!("the configuration is invalid\n\n{problems}"),
    }
}

/// The address in `store.url`. The rest of the configuration is not read, so it may be invalid.
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
    let parsed: Config = toml::from_str(&text)
        .with_context(|| format!("failed to read `store.url` from `{}`", config.display()))?;
    parsed
        .store
        .url
        .address()
        .with_context(|| format!("failed to read `store.url` from `{}`", config.display()))
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
