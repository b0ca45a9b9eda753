//! A situation in which somebody does something, and what the rules decide in it.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Deserializer, de};

use crate::{
    config::Config,
    domain::{
        GroupName, Human, Length, NoUsername, Person, Refusal, RuleId, Scope, ScopeId, Span,
        Standing, Time, UserId,
    },
    policy::{Action, Facts, Policy, TicketFact},
};

/// The id of the person who acts, where a situation gives none.
const PERSON: &str = "U0PERSON";

/// The id of the requester of whose request somebody else decides, where a situation gives none.
const REQUESTER: &str = "U0REQUESTER";

/// The moment, where a situation gives none: a Wednesday.
const MOMENT: &str = "2026-01-07T12:00:00Z";

/// The person who acts, and what holds for them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// Their Slack id; default `U0PERSON`.
    pub person: Option<UserId>,
    /// The groups they are in, as `[groups]` names them; default none.
    #[serde(default)]
    pub groups: Vec<GroupName>,
    /// What they are to the workspace: `member`, the default, `guest`, `stranger`, `bot` or `deactivated`.
    pub standing: Option<StandingName>,
    /// The scopes that the requester holds grants of; default none.
    #[serde(default)]
    pub holds: Vec<ScopeId>,
    /// Whether a lock covers the requester, the scope or everything; default false.
    #[serde(default)]
    pub locked: bool,
    /// Whether a lock covers the person who acts, as a person; default false.
    #[serde(default)]
    pub person_locked: bool,
}

/// What they do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    /// The action, such as `request` or `auto_approve`.
    pub action: ActionName,
    /// The scope. Left out for what is about everything.
    pub scope: Option<ScopeId>,
    /// The Slack id of whose request it is; by default the person who acts, or for `approve`, `deny` and
    /// `revoke` another one.
    pub requester: Option<UserId>,
    /// How long the requester would have access from now on; default the scope's `default_duration`.
    pub duration: Option<Length>,
    /// How long the grant would last in all; default the same as `duration`.
    pub total: Option<Length>,
    /// Whether it is about more time for a grant; default false, and true for `extend`.
    pub extension: Option<bool>,
    /// The ticket; default none.
    pub ticket: Option<String>,
    /// Whether the request was made in, or names, an incident channel; default false.
    #[serde(default)]
    pub incident: bool,
    /// The moment, in RFC 3339; default `2026-01-07T12:00:00Z`, a Wednesday.
    pub at: Option<Moment>,
}

/// An action by its name in rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct ActionName(pub Action);

impl FromStr for ActionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let action = Action::ALL.into_iter().find(|action| action.name() == text);
        action.map(Self).ok_or_else(|| {
            let names = Action::ALL.map(Action::name).join("`, `");
            format!("{text:?} is not an action; the actions are `{names}`")
        })
    }
}

impl<'de> Deserialize<'de> for ActionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// What a person is to the workspace, by its name in rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct StandingName(Standing);

impl FromStr for StandingName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let standing = Standing::ALL.into_iter().find(|it| it.name() == text);
        standing.map(Self).ok_or_else(|| {
            let names = Standing::ALL.map(Standing::name).join("`, `");
            format!("{text:?} is not one of `{names}`")
        })
    }
}

impl<'de> Deserialize<'de> for StandingName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// A moment, written in RFC 3339.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(Time);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!("{text:?} is not a moment in RFC 3339, such as `2026-11-21T10:00:00+01:00`")
        })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(de::Error::custom)
}

/// What the rules decide.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    /// The rules that allow it, or why not.
    pub verdict: Result<Vec<RuleId>, Refusal>,
    /// The report-only rules that would refuse it.
    pub would_refuse: Vec<RuleId>,
}

/// Asks `policy` about a situation under the scopes, groups and limits of `config`.
///
/// # Errors
///
/// If the situation names a scope or group that the configuration does not have.
pub(super) fn decide(
    config: &Config,
    policy: &Policy,
    given: &Given,
    when: &When,
) -> Result<Decided, String> {
    let ActionName(action) = when.action;
    let scope = match &when.scope {
        Some(id) => Some(in_catalogue(config, id)?),
        None if is_about_a_scope(action) => {
            return Err(format!("`{action}` is about a scope: name one"));
        }
        None => None,
    };
    for group in &given.groups {
        if !config.groups.contains_key(group) {
            return Err(format!(
                "there is no group {:?} in [groups]",
                group.as_str()
            ));
        }
    }
    let held = given.holds.iter().map(|id| in_catalogue(config, id));
    let held: Vec<&Scope> = held.collect::<Result<_, _>>()?;
    let environments = held
        .iter()
        .filter_map(|scope| scope.environment.clone())
        .collect();
    let excluded_by = scope
        .and_then(|scope| scope.environment.as_ref())
        .map(|environment| config.limits.excluded_by(environment, &environments))
        .unwrap_or_default();
    let id = given.person.clone().unwrap_or_else(|| UserId::new(PERSON));
    let principal = Person {
        name: id.as_str().to_owned(),
        human: Human::new(&id, None),
        id,
        standing: given
            .standing
            .map_or(Standing::Member, |StandingName(standing)| standing),
        email: None,
        username: Err(NoUsername::NoAddress),
        groups: given.groups.iter().cloned().collect(),
        groups_read: Vec::new(),
        unknown_groups: BTreeMap::new(),
    };
    let requester = match (&when.requester, action) {
        (Some(requester), _) => requester.clone(),
        (None, Action::Approve | Action::Deny | Action::Revoke) => UserId::new(REQUESTER),
        (None, _) => principal.id.clone(),
    };
    let requester_human = Human::new(&requester, None);
    let duration = match (when.duration, scope) {
        (Some(Length(duration)), _) => duration,
        (None, Some(scope)) => scope.default_duration,
        (None, None) => Span::default(),
    };
    let pattern = scope
        .and_then(|scope| scope.ticket.as_ref())
        .map(|rule| &rule.pattern);
    let now = match when.at {
        Some(Moment(at)) => at,
        None => MOMENT.parse().expect("the moment is in RFC 3339"),
    };
    let facts = Facts {
        principal: &principal,
        requester: &requester,
        requester_human: &requester_human,
        scope,
        administrators: &config.administrators,
        duration,
        total: when.total.map_or(duration, |Length(total)| total),
        is_extension: when.extension.unwrap_or(action == Action::Extend),
        ticket: TicketFact::of(when.ticket.as_deref(), pattern),
        locked: given.locked,
        principal_locked: given.person_locked,
        held: u32::try_from(held.len()).unwrap_or(u32::MAX),
        cap: config.limits.max_active_per_person,
        excluded_by,
        incident: when.incident,
        now,
    };
    Ok(Decided {
        verdict: policy.evaluate(action, &facts),
        would_refuse: policy.would_forbid(action, &facts),
    })
}

fn in_catalogue<'a>(config: &'a Config, id: &ScopeId) -> Result<&'a Scope, String> {
    let scope = config.catalogue.get(id);
    scope.ok_or_else(|| format!("there is no scope {:?} in [scopes]", id.as_str()))
}

/// Whether the action is never about everything.
fn is_about_a_scope(action: Action) -> bool {
    !matches!(
        action,
        Action::Revoke | Action::Lock | Action::Unlock | Action::Release
    )
}

/// The rules' names, separated by commas.
pub(super) fn listed<'a>(rules: impl IntoIterator<Item = &'a RuleId>) -> String {
    let names: Vec<_> = rules.into_iter().map(RuleId::as_str).collect();
    names.join(", ")
}
