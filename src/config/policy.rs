//! `[policy]`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem,
    document::{Document, at},
    text::nearest,
};
use crate::{
    directory::GroupSource,
    domain::{Catalogue, GroupName},
    policy::{Named, Policy},
};

/// `[policy]`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// Files of rules that are added to the base rules. Looked up from the folder of the configuration.
    #[serde(default)]
    #[schemars(title = "list of paths or patterns", example = json!(["policies/*.cedar"]))]
    files: Vec<String>,
    /// The groups whose members may revoke, lock, unlock and release anything.
    #[serde(default)]
    #[schemars(title = "list of groups", example = json!(["leads"]))]
    administrators: Vec<String>,
    /// The groups whose members are on call, for `context.oncall` in rules. A group that has a schedule
    /// counts without being listed.
    #[serde(default)]
    #[schemars(title = "list of groups", example = json!(["oncall"]))]
    oncall: Vec<String>,
    /// Where rules count `context.hour` and `context.weekday`, as the IANA time zone database names it.
    #[schemars(title = "name of a time zone", example = &"Europe/Berlin")]
    #[schemars(extend("default" = "UTC"))]
    timezone: Option<String>,
}

pub(super) fn read(
    document: &mut Document<'_>,
    groups: &BTreeMap<GroupName, GroupSource>,
) -> Option<(Policy, BTreeSet<GroupName>)> {
    let raw: Raw = document.optional("policy")?;
    let known = document.keys("groups");
    let lists = [
        ("administrators", &raw.administrators),
        ("oncall", &raw.oncall),
    ];
    for (key, list) in lists {
        for (index, group) in list.iter().enumerate() {
            if !known.contains(group) {
                document.unknown(
                    at!["policy", key, index],
                    format!("there is no group `{group}` in [groups]"),
                    group,
                    known.iter().map(String::as_str),
                );
            }
        }
    }
    let scheduled = groups
        .iter()
        .filter(|(_, source)| source.schedule().is_some())
        .map(|(name, _)| name.clone());
    let oncall = raw.oncall.into_iter().map(GroupName::new);
    let oncall = oncall.chain(scheduled).collect();
    let zone = match raw.timezone.as_deref().map_or(Ok(Tz::UTC), str::parse) {
        Ok(zone) => zone,
        Err(_) => {
            let name = raw.timezone.unwrap_or_default();
            let message = format!(
                "{name:?} is not a time zone; write a name of the IANA time zone database, such as \
                 `Europe/Berlin`"
            );
            document.problem(at!["policy", "timezone"], message);
            return None;
        }
    };
    let files = files(document, &raw.files);
    let policy = match Policy::load(&files) {
        Ok(policy) => policy.with_time_zone(zone).with_oncall(oncall),
        Err(problems) => {
            document.extend(problems.into_iter().map(Problem::from));
            return None;
        }
    };
    let known = known.into_iter().map(GroupName::new).collect();
    let unknown = policy.unknown_groups(&known);
    document.extend(unknown.into_iter().map(Problem::from));
    let administrators = raw.administrators.into_iter().map(GroupName::new).collect();
    Some((policy, administrators))
}

/// Warns of names in rules that no scope has: such a rule may never apply.
pub(super) fn warn_of_unknown(document: &mut Document<'_>, policy: &Policy, catalogue: &Catalogue) {
    let known = |named: Named| -> BTreeSet<&str> {
        let scopes = catalogue.values();
        match named {
            Named::Scope => scopes.map(|scope| scope.id.as_str()).collect(),
            Named::Resource => scopes.map(|scope| scope.id.resource()).collect(),
            Named::Action => scopes.map(|scope| scope.id.action()).collect(),
            Named::Environment => scopes
                .filter_map(|scope| Some(scope.environment.as_ref()?.as_str()))
                .collect(),
        }
    };
    let mut warnings = Vec::new();
    for mention in policy.mentions() {
        let known = known(mention.named);
        if known.contains(mention.name) {
            continue;
        }
        let (rule, name) = (mention.rule, mention.name);
        let what = match mention.named {
            Named::Scope => format!("the scope `{name}`, which is not in [scopes]"),
            Named::Resource => format!("the resource `{name}`, which no scope is of"),
            Named::Action => format!("the action `{name}`, which no scope is of"),
            Named::Environment => format!("the environment `{name}`, which no scope is in"),
        };
        let near = nearest(name, known).map(|near| format!("; did you mean `{near}`?"));
        warnings.push(Problem {
            file: mention.file.to_owned(),
            place: Some(mention.place.clone()),
            key: None,
            message: format!("the rule `{rule}` names {what}{}", near.unwrap_or_default()),
        });
    }
    document.warn(warnings);
}

/// The files that the patterns match, each once. A name without its file is a problem: rules that
/// are believed to be in force would not be. A pattern may match nothing yet, which is warned of.
fn files(document: &mut Document<'_>, patterns: &[String]) -> Vec<PathBuf> {
    let folder = document.folder();
    let mut files = BTreeSet::new();
    for (index, pattern) in patterns.iter().enumerate() {
        match matches(&folder, pattern) {
            Ok(found) if found.is_empty() => {
                let place = folder.join(pattern);
                if pattern.contains(['*', '?', '[']) {
                    let message = format!("no file matches `{}`", place.display());
                    document.warning(at!["policy", "files", index], message);
                } else {
                    let message = format!("there is no file `{}`", place.display());
                    document.problem(at!["policy", "files", index], message);
                }
            }
            Ok(found) => files.extend(found),
            Err(problem) => document.problem(at!["policy", "files", index], problem),
        }
    }
    files.into_iter().collect()
}

fn matches(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    // The folder's own name is no pattern.
    let folder = PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy()));
    let paths = glob::glob(&folder.join(pattern).to_string_lossy())
        .map_err(|error| format!("`{pattern}` is not a pattern: {error}"))?;
    paths
        .map(|found| found.map_err(|error| format!("the files cannot be listed: {error}")))
        .filter(|found| !found.as_ref().is_ok_and(|file| file.is_dir()))
        .collect()
}
