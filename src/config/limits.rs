//! `[limits]` and `[[exclusive]]`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    document::{Document, at},
    text::nearest,
};
use crate::domain::{Environment, Length, Limits, OnLeave, OnLimit, Span};

/// `[limits]`: what holds for everybody, whatever the scope.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    /// How many grants one person may hold at once, default 3.
    max_active_per_person: Option<u32>,
    /// What happens to one more: `refuse` it, the default, or `end_oldest`.
    on_limit: Option<OnLimit>,
    /// How many requests of one person may be pending at once, default 10.
    max_pending_per_person: Option<u32>,
    /// How many of them may be for one scope, default 3.
    max_pending_per_scope: Option<u32>,
    /// How many requests one person may make within an hour, default 30.
    max_requests_per_hour: Option<u32>,
    /// How long a request waits for its answer, default `1h`.
    pending_timeout: Option<Length>,
    /// The shortest grant, default `1m`.
    min_duration: Option<Length>,
    /// What happens to a grant when its holder leaves the requester groups, where the scope does not
    /// say: `end` it, the default, or `warn`.
    on_leave: Option<OnLeave>,
}

/// One of `[[exclusive]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExclusive {
    /// Environments of which one person may be in one at a time.
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
