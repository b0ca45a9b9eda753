//! `[backends]`.

use std::{collections::BTreeMap, sync::Arc};

use toml::de::DeValue;

use super::{
    document::{Document, at},
    path::name,
};
use crate::{
    backend::BackendConfig,
    clock::SystemClock,
    domain::{BackendName, Catalogue, RevocationMode, Risk},
    kinds_of_target,
};

pub(super) fn read(document: &mut Document<'_>) -> BTreeMap<BackendName, BackendConfig> {
    let backends = document.entries_unless("backends", misfit);
    backends
        .into_iter()
        .map(|(name, backend)| (BackendName::new(name), backend))
        .collect()
}

macro_rules! names {
    ($($feature:literal $module:ident $Kind:ident;)+) => {
        /// The kinds of target.
        const KINDS: &[&str] = &[$($feature),+];
    };
}

kinds_of_target!(names);

/// What is wrong with an entry that is not one target of one kind.
fn misfit(backend: &str, value: &DeValue<'_>) -> Option<String> {
    let all = KINDS.join("`, `");
    let example = name(at!["backends", backend, "postgres"]);
    let DeValue::Table(table) = value else {
        return Some(format!(
            "this must be a section: write `[{example}]` and its keys below it"
        ));
    };
    let keys = || table.keys().map(|key| &**key.get_ref());
    let kinds: Vec<&str> = keys().filter(|key| KINDS.contains(key)).collect();
    let others: Vec<&str> = keys().filter(|key| !KINDS.contains(key)).collect();
    match (kinds.as_slice(), others.as_slice()) {
        ([_], []) => None,
        // A kind that is misspelt is a table.
        ([], [other])
            if table
                .get(*other)
                .is_some_and(|value| value.get_ref().is_table()) =>
        {
            None
        }
        ([], _) => Some(format!(
            "this does not say which kind of target it is: write `[{example}]`; the kinds are `{all}`"
        )),
        ([kind], _) => {
            let section = name(at!["backends", backend, *kind]);
            Some(format!(
                "move `{}` below `[{section}]`",
                others.join("`, `")
            ))
        }
        (kinds, _) => Some(format!(
            "a backend is one target of one kind, and this one has `{}`: give each target a name of its own",
            kinds.join("` and `")
        )),
    }
}

/// Makes each target ready, connecting to none, and says where the worst access rests on Keylend
/// alone.
pub(super) fn check_secrets(
    document: &mut Document<'_>,
    backends: &BTreeMap<BackendName, BackendConfig>,
    catalogue: &Catalogue,
) {
    for (name, config) in backends {
        let name_at = at!["backends", name.as_str()];
        let kind = document.first_key(name_at).unwrap_or_default();
        match config.build(name, Arc::new(SystemClock)) {
            Ok(_) => {
                for (key, warning) in config.warnings() {
                    document.warning(at!["backends", name.as_str(), &*kind, key], warning);
                }
            }
            Err(problem) => match problem.key {
                Some(key) => {
                    let at = at!["backends", name.as_str(), &*kind, key];
                    document.problem(at, problem.to_string());
                }
                None => document.problem(name_at, problem.to_string()),
            },
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
                 down, the access does not end",
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
