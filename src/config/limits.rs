//! `[limits]` and `[[exclusive]]`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    document::{Document, at},
    text::nearest,
};
use crate::domain::{Environment, Length, Limits, OnLeave, OnLimit, Span};

/// `[limits]`: what holds for everybody, whatever the scope.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// How many grants a person may hold at once.
    #[schemars(range(min = 1), example = 2)]
    #[schemars(extend("default" = Limits::default().max_active_per_person))]
    max_active_per_person: Option<u32>,
    /// What happens to one more. `"end_oldest"` ends the oldest grant that can end before its time.
    #[schemars(example = &"end_oldest")]
    #[schemars(extend("default" = "refuse"))]
    on_limit: Option<OnLimit>,
    /// How many of a person's requests may be pending at once.
    #[schemars(range(min = 1), example = 5)]
    #[schemars(extend("default" = Limits::default().max_pending_per_person))]
    max_pending_per_person: Option<u32>,
    /// How many of them may be for one scope.
    #[schemars(range(min = 1), example = 2)]
    #[schemars(extend("default" = Limits::default().max_pending_per_scope))]
    max_pending_per_scope: Option<u32>,
    /// How many requests a person may make within an hour, including those that were withdrawn or decided.
    #[schemars(range(min = 1), example = 20)]
    #[schemars(extend("default" = Limits::default().max_requests_per_hour))]
    max_requests_per_hour: Option<u32>,
    /// How long a request waits for a decision before it lapses.
    #[schemars(title = "duration, at least `1s`", example = &"30m")]
    #[schemars(extend("default" = Limits::default().pending_timeout.to_string()))]
    pending_timeout: Option<Length>,
    /// The shortest grant.
    #[schemars(title = "duration, at least `1s`", example = &"5m")]
    #[schemars(extend("default" = Limits::default().min_duration.to_string()))]
    min_duration: Option<Length>,
    /// What happens to a grant when its holder leaves the groups that gave them access. `"end"` revokes it.
    /// `"warn"` posts in the audit channel, and the grant continues. The grants of somebody who is
    /// deactivated or becomes a guest always end.
    #[schemars(example = &"warn")]
    #[schemars(extend("default" = "end"))]
    on_leave: Option<OnLeave>,
}

/// One of `[[exclusive]]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExclusive {
    /// A person may hold access in only one of these environments at a time.
    #[schemars(title = "list of environments", length(min = 2), example = json!(["prod", "research"]))]
    environments: Vec<String>,
}

pub(super) fn read(document: &mut Document<'_>) -> Option<Limits> {
    let exclusive = exclusive(document);
    let raw: Raw = document.optional("limits")?;
    let defaults = Limits::default();
    let limits = Limits {
        max_active_per_person: raw
            .max_active_per_person
            .unwrap_or(defaults.max_active_per_person),
        on_limit: raw.on_limit.unwrap_or_default(),
        max_pending_per_person: raw
            .max_pending_per_person
            .unwrap_or(defaults.max_pending_per_person),
        max_pending_per_scope: raw
            .max_pending_per_scope
            .unwrap_or(defaults.max_pending_per_scope),
        max_requests_per_hour: raw
            .max_requests_per_hour
            .unwrap_or(defaults.max_requests_per_hour),
        pending_timeout: raw
            .pending_timeout
            .map_or(defaults.pending_timeout, |length| length.0),
        min_duration: raw
            .min_duration
            .map_or(defaults.min_duration, |length| length.0),
        on_leave: raw.on_leave.unwrap_or_default(),
        exclusive: exclusive?,
        break_glass: None,
    };
    if limits.max_active_per_person == 0 {
        document.problem(
            at!["limits", "max_active_per_person"],
            "this allows nobody to hold anything: use at least 1",
        );
    }
    for (key, most) in [
        ("max_pending_per_person", limits.max_pending_per_person),
        ("max_pending_per_scope", limits.max_pending_per_scope),
        ("max_requests_per_hour", limits.max_requests_per_hour),
    ] {
        if most == 0 {
            document.problem(
                at!["limits", key],
                "this allows nobody to request anything: use at least 1",
            );
        }
    }
    for (key, span) in [
        ("pending_timeout", limits.pending_timeout),
        ("min_duration", limits.min_duration),
    ] {
        if span < Span::seconds(1) {
            document.problem(at!["limits", key], "this is too short: use at least `1s`");
        }
    }
    Some(limits)
}

fn exclusive(document: &mut Document<'_>) -> Option<Vec<BTreeSet<Environment>>> {
    let raw: Vec<RawExclusive> = document.optional("exclusive")?;
    let known = document.environments();
    for (index, RawExclusive { environments }) in raw.iter().enumerate() {
        if environments.iter().collect::<BTreeSet<_>>().len() < 2 {
            document.problem(
                at!["exclusive", index, "environments"],
                "one environment excludes nothing: list at least two",
            );
        }
        for (at, environment) in environments.iter().enumerate() {
            if known.contains(environment) {
                continue;
            }
            let place = at!["exclusive", index, "environments", at];
            let message = format!("no scope is in the environment `{environment}`");
            // A name that is nearly another's is a slip, and the exclusion would not hold; any
            // other may be of a scope that is yet to come.
            match nearest(environment, known.iter().map(String::as_str)) {
                Some(near) => {
                    document.problem(place, format!("{message}; did you mean `{near}`?"));
                }
                None => document.warning(place, message),
            }
        }
    }
    let set = |raw: RawExclusive| raw.environments.into_iter().map(Environment::new).collect();
    Some(raw.into_iter().map(set).collect())
}
