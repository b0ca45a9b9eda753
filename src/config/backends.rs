//! `[backends]`.

use std::{collections::BTreeMap, sync::Arc};

use super::document::{Document, at};
use crate::{
    backend::BackendConfig,
    clock::SystemClock,
    domain::{BackendName, Catalogue, RevocationMode, Risk},
};

pub(super) fn read(document: &mut Document<'_>) -> BTreeMap<BackendName, BackendConfig> {
    let backends = document.entries("backends");
    backends
        .into_iter()
        .map(|(name, backend)| (BackendName::new(name), backend))
        .collect()
}

/// Makes each target ready, connecting to none, and says where the worst access rests on Keylend
/// alone.
pub(super) fn check_secrets(
    document: &mut Document<'_>,
    backends: &BTreeMap<BackendName, BackendConfig>,
    catalogue: &Catalogue,
) {
    for (name, config) in backends {
        if let Err(problem) = config.build(name, Arc::new(SystemClock)) {
            document.problem(at!["backends", name.as_str()], problem.to_string());
        }
    }
    for scope in catalogue
        .values()
        .filter(|scope| scope.risk == Risk::Critical)
    {
        let only_by_keylend = scope.layers.iter().all(|layer| {
            backends.get(&layer.backend).is_some_and(|backend| {
                backend.revocation_mode(&layer.params) == RevocationMode::Call
            })
        });
        if only_by_keylend {
            document.warning(
                at!["scopes", scope.id.as_str(), "layers"],
                "the risk is critical, and no target ends this access by itself: while Keylend is \
                 down, it does not end",
            );
        }
    }
}

#[cfg(all(test, not(feature = "exec")))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_kind_that_was_not_compiled_in_is_named_with_its_line() {
        let source = "[backends.bastion.exec]\nprogram = \"/usr/local/bin/bastion-access\"\n";
        let mut document = Document::parse(Path::new("keylend.toml"), source).unwrap();
        read(&mut document);
        let problems = document.finish(None::<()>).unwrap_err().to_string();
        for said in [
            "keylend.toml:1",
            "this keylend was built without targets of the kind `exec`",
            "^",
        ] {
            assert!(problems.contains(said), "{problems}");
        }
    }
}
