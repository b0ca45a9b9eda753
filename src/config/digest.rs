//! What replicas have to agree on.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::policy::Policy;

/// The sections that each replica has for itself: where it listens, and how it reaches the store. And the
/// version of the format: there is only one that this program reads, whether or not it is written down.
const OWN: [&str; 3] = ["server", "store", "version"];

/// A digest of the configuration in `source` and of the rules. How it is laid out, its comments and
/// the files' names do not count; the version of this program does, for its base rules and all that
/// it decides by itself.
pub(super) fn of(source: &str, policy: &Policy) -> String {
    // It was read before, so it can be read again.
    let mut said: Value = toml::from_str(source).unwrap_or_default();
    if let Some(sections) = said.as_object_mut() {
        for own in OWN {
            sections.remove(own);
        }
        if let Some(Value::Object(policy)) = sections.get_mut("policy") {
            policy.remove("files");
        }
    }
    let canonical = serde_json_canonicalizer::to_vec(&said).unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    digest.update(policy.hash());
    digest.update(canonical);
    hex::encode(digest.finalize())
}
