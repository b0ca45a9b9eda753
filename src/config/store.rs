//! `[store]`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::ExposeSecret;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use url::Url;

use super::{
    Secrets,
    document::{Document, at},
};
use crate::{
    secret::{ADVICE, MissingSecret, Secret},
    store::{Address, InvalidAddress},
};

/// `[store]`, where state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// `url = "sqlite://PATH"`: one file, for one process. A path that does not begin with `/` is
    /// looked for from where Keylend is started. Or `url = "postgres://USER@HOST/DATABASE"`: a
    /// server, for several replicas; the password comes from `PGPASSWORD` or `~/.pgpass`.
    Written(String),
    /// `url = { env = "NAME" }` or `{ file = "path" }`: a URL that holds a password.
    Kept(Secret),
}

impl Store {
    /// Where the store is.
    ///
    /// # Errors
    ///
    /// If the secret is not there, or is no URL of a store.
    pub fn address(&self) -> Result<Address, NoAddress> {
        Ok(match self {
            Self::Written(url) => url.parse()?,
            Self::Kept(secret) => secret.read()?.expose_secret().parse()?,
        })
    }
}

/// Why it is not known where the store is.
#[derive(Debug, thiserror::Error)]
pub enum NoAddress {
    /// The secret is not where the configuration says.
    #[error(transparent)]
    Missing(#[from] MissingSecret),
    /// The text is not the URL of a store.
    #[error(transparent)]
    Invalid(#[from] InvalidAddress),
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Url;
        impl<'de> Visitor<'de> for Url {
            type Value = Store;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the URL of a store, or where it is kept")
            }

            fn visit_str<E>(self, url: &str) -> Result<Store, E> {
                Ok(Store::Written(url.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Store, A::Error> {
                Secret::deserialize(MapAccessDeserializer::new(map)).map(Store::Kept)
            }
        }
        deserializer.deserialize_any(Url)
    }
}

impl JsonSchema for Store {
    fn schema_name() -> Cow<'static, str> {
        "Store".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "URL or secret",
            "anyOf": [
                { "type": "string", "pattern": "^(sqlite|postgres|postgresql)://" },
                generator.subschema_for::<Secret>(),
            ],
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStore {
    /// Where Keylend keeps its state.
    #[schemars(example = &"sqlite:///var/lib/keylend/keylend.db")]
    url: Store,
}

pub(super) fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<Store> {
    let RawStore { url: store } = document.section("store")?;
    let problem = match &store {
        Store::Written(url) if holds_password(url) => {
            Some(format!("this URL holds a password: {ADVICE}"))
        }
        Store::Kept(_) if secrets == Secrets::Unchecked => None,
        _ => store.address().err().map(|error| error.to_string()),
    };
    match problem {
        Some(problem) => {
            document.problem(at!["store", "url"], problem);
            None
        }
        None => {
            let is_read = secrets == Secrets::Checked || matches!(store, Store::Written(_));
            if is_read && let Ok(address) = store.address() {
                for warning in address.warnings() {
                    document.warning(at!["store", "url"], warning);
                }
            }
            Some(store)
        }
    }
}

/// As part of the login or as a parameter.
fn holds_password(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
    })
}
