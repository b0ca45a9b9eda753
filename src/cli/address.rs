//! Reads the address of the store from the configuration.

use std::path::Path;

use anyhow::Context as _;

use crate::{config, store::Address};

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
    parsed.store
        .url
        .address()
        .with_context(|| format!("failed to read `store.url` from `{}`", config.display()))
}
