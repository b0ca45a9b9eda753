//! What a verdict rests on, in our types and in Cedar's.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    sync::LazyLock,
};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use chrono::{Datelike, SecondsFormat, Timelike};
use chrono_tz::Tz;
use regex::Regex;

use super::schema::SCHEMA;
use crate::domain::{
    Environment, GroupName, Human, Person, Risk, RuleId, Scope, Span, Time, UserId,
};

/// What somebody, or something, is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The requester asks.
    Request,
    /// The requester asks for more time; evaluated again when the extension is committed.
    Extend,
    /// The requester gets what was approved, the first time or for longer: evaluated when the approval
    /// is committed, on the facts of that moment.
    Receive,
    /// A rule says yes in the approvers' place, right after [`Request`](Self::Request) or
    /// [`Extend`](Self::Extend). The principal is the requester; the actor is the rule.
    AutoApprove,
    /// An approver says yes.
    Approve,
    /// An approver says no.
    Deny,
    /// An approver or administrator ends another person's grant.
    Revoke,
    /// Somebody presses the red button.
    Lock,
    /// Somebody lifts a lock.
    Unlock,
    /// An administrator releases a name in the targets.
    Release,
    /// The requester gets access at once, and it is reviewed afterwards. Evaluated beside
    /// [`Request`](Self::Request) and [`Receive`](Self::Receive): it replaces the approvers, and nothing
    /// else.
    BreakGlass,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::Request,
        Self::Extend,
        Self::Receive,
        Self::AutoApprove,
        Self::Approve,
        Self::Deny,
        Self::Revoke,
        Self::Lock,
        Self::Unlock,
        Self::Release,
        Self::BreakGlass,
    ];

    /// The action's name in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Extend => "extend",
            Self::Receive => "receive",
            Self::AutoApprove => "auto_approve",
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Revoke => "revoke",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Release => "release",
            Self::BreakGlass => "break_glass",
        }
    }

    /// The base rule that permits it, named when nothing does. Nothing of ours permits
    /// [`AutoApprove`](Self::AutoApprove) or [`BreakGlass`](Self::BreakGlass).
    pub(super) fn base_permit(self, scope: Option<&Scope>) -> Option<RuleId> {
        let id = match self {
            Self::Request | Self::Extend | Self::Receive => "requester-group",
            Self::Revoke if scope.is_none() => "administrators",
            Self::Approve | Self::Deny | Self::Revoke => "approver-group",
            Self::Lock | Self::Unlock | Self::Release => "administrators",
            Self::AutoApprove | Self::BreakGlass => return None,
        };
        Some(RuleId::new(id))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of a request's ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketFact {
    /// There is none.
    None,
    /// There is one, and it does not match the scope's pattern.
    Malformed,
    /// There is one, and it matches, or the scope has no pattern.
    Given,
}

impl TicketFact {
    /// What is known of `ticket`, which a scope wants to match `pattern`.
    pub fn of(ticket: Option<&str>, pattern: Option<&Regex>) -> Self {
        match (ticket, pattern) {
            (None, _) => Self::None,
            (Some(ticket), Some(pattern)) if !pattern.is_match(ticket) => Self::Malformed,
            (Some(_), _) => Self::Given,
        }
    }
}

/// What a verdict rests on: everything that a rule can ask for, as fresh as the decision needs.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Who acts; the requester for [`Action::Request`], [`Action::Extend`], [`Action::Receive`]
    /// and [`Action::AutoApprove`]. Their groups have to be known as far as the scope, the
    /// administrators and [`Policy::groups`](super::Policy::groups) name them.
    pub principal: &'a Person,
    /// Whose request it is; the person who acts where there is none.
    pub requester: &'a UserId,
    /// Every identity of theirs, as far as it is known.
    pub requester_human: &'a Human,
    /// What for. Nothing for a lock of a person or of everything, and for revoking a grant whose
    /// scope has left the catalogue.
    pub scope: Option<&'a Scope>,
    /// The groups whose members may revoke and lock anything.
    pub administrators: &'a BTreeSet<GroupName>,
    /// How long the requester would have access from now on: of an extension, what is left and what
    /// is added together.
    pub duration: Span,
    /// How long the grant would last with its extensions, from its approval to the end that is asked
    /// for.
    pub total: Span,
    /// Whether it is about more time for a grant.
    pub is_extension: bool,
    /// What is known of the ticket.
    pub ticket: TicketFact,
    /// Whether a lock covers the requester, the scope or everything.
    pub locked: bool,
    /// Whether a lock covers who acts, as a person.
    pub principal_locked: bool,
    /// How many grants the requester holds beside this one, without those that end to make room.
    pub held: u32,
    /// How many they may hold.
    pub cap: u32,
    /// The environments they hold now that exclude this scope's.
    pub excluded_by: BTreeSet<Environment>,
    /// Whether the request was made in or for an incident: it is mirrored in an incident channel.
    pub incident: bool,
    /// The moment of the verdict.
    pub now: Time,
}

impl Facts<'_> {
    /// The question to Cedar, and the entities that it is about, both checked against the schema. The
    /// members of `oncall` are on call.
    pub(super) fn question(
        &self,
        action: Action,
        zone: Tz,
        oncall: &BTreeSet<GroupName>,
    ) -> Result<(Request, Entities), Box<dyn std::error::Error>> {
        let (principal, user) = self.user()?;
        let (resource, scope) = self.resource()?;
        let entities = Entities::from_entities([user, scope], Some(&SCHEMA))?;
        let request = Request::new(
            principal,
            TYPES.uid(&TYPES.action, action.name()),
            resource,
            self.context(zone, oncall)?,
            Some(&SCHEMA),
        )?;
        Ok((request, entities))
    }

    fn user(&self) -> Result<(EntityUid, Entity), Box<dyn std::error::Error>> {
        let Person {
            id,
            standing,
            human,
            groups,
            ..
        } = self.principal;
        let uid = TYPES.uid(&TYPES.user, id.as_str());
        let attributes = HashMap::from([
            ("id".to_owned(), text(id.as_str())),
            ("human".to_owned(), identities(human)),
            (
                "standing".to_owned(),
                one_of(&TYPES.standing, standing.name()),
            ),
            (
                "locked".to_owned(),
                RestrictedExpression::new_bool(self.principal_locked),
            ),
        ]);
        let parents: HashSet<_> = groups
            .iter()
            .map(|group| TYPES.uid(&TYPES.group, group.as_str()))
            .collect();
        let entity = Entity::new(uid.clone(), attributes, parents)?;
        Ok((uid, entity))
    }

    fn resource(&self) -> Result<(EntityUid, Entity), Box<dyn std::error::Error>> {
        let Some(scope) = self.scope else {
            let uid = TYPES.uid(&TYPES.everything, "everything");
            return Ok((uid.clone(), Entity::new_no_attrs(uid, HashSet::new())));
        };
        let uid = TYPES.uid(&TYPES.scope, scope.id.as_str());
        let environment = scope.environment.as_ref().map_or("", Environment::as_str);
        let risk = match scope.risk {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
            Risk::Critical => "critical",
        };
        let ticket_required = scope.ticket.as_ref().is_some_and(|ticket| ticket.required);
        let attributes = HashMap::from([
            ("resource".to_owned(), text(scope.id.resource())),
            ("action".to_owned(), text(scope.id.action())),
            ("environment".to_owned(), text(environment)),
            ("risk".to_owned(), one_of(&TYPES.risk, risk)),
            ("max_duration".to_owned(), seconds(scope.max_duration)),
            ("max_total".to_owned(), seconds(scope.max_total)),
            ("residual".to_owned(), seconds(scope.residual)),
            (
                "ends_early".to_owned(),
                RestrictedExpression::new_bool(scope.ends_early),
            ),
            (
                "dangerous".to_owned(),
                RestrictedExpression::new_bool(scope.dangerous),
            ),
            (
                "ticket_required".to_owned(),
                RestrictedExpression::new_bool(ticket_required),
            ),
            ("requesters".to_owned(), groups(&scope.requesters)),
            ("approvers".to_owned(), groups(&scope.approvers)),
        ]);
        let entity = Entity::new(uid.clone(), attributes, HashSet::new())?;
        Ok((uid, entity))
    }

    fn context(
        &self,
        zone: Tz,
        oncall: &BTreeSet<GroupName>,
    ) -> Result<Context, Box<dyn std::error::Error>> {
        let ticket = match self.ticket {
            TicketFact::None => "none",
            TicketFact::Malformed => "malformed",
            TicketFact::Given => "given",
        };
        let excluded_by = self.excluded_by.iter().map(|other| text(other.as_str()));
        let local = self.now.with_timezone(&zone);
        let weekday = match local.weekday() {
            chrono::Weekday::Mon => "monday",
            chrono::Weekday::Tue => "tuesday",
            chrono::Weekday::Wed => "wednesday",
            chrono::Weekday::Thu => "thursday",
            chrono::Weekday::Fri => "friday",
            chrono::Weekday::Sat => "saturday",
            chrono::Weekday::Sun => "sunday",
        };
        let long = |number: u32| RestrictedExpression::new_long(number.into());
        let now = self.now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let pairs = [
            ("requester", text(self.requester.as_str())),
            ("requester_human", identities(self.requester_human)),
            ("administrators", groups(self.administrators)),
            ("duration", seconds(self.duration)),
            ("total", seconds(self.total)),
            (
                "extension",
                RestrictedExpression::new_bool(self.is_extension),
            ),
            ("ticket", one_of(&TYPES.ticket, ticket)),
            ("locked", RestrictedExpression::new_bool(self.locked)),
            ("held", long(self.held)),
            ("cap", long(self.cap)),
            ("excluded_by", RestrictedExpression::new_set(excluded_by)),
            (
                "oncall",
                RestrictedExpression::new_bool(!self.principal.groups.is_disjoint(oncall)),
            ),
            ("incident", RestrictedExpression::new_bool(self.incident)),
            ("now", RestrictedExpression::new_datetime(now)),
            ("hour", long(local.hour())),
            ("weekday", one_of(&TYPES.weekday, weekday)),
        ];
        let context = Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))?;
        Ok(context)
    }
}

/// The names of the schema's types, parsed once.
struct Types {
    action: EntityTypeName,
    user: EntityTypeName,
    group: EntityTypeName,
    scope: EntityTypeName,
    everything: EntityTypeName,
    standing: EntityTypeName,
    risk: EntityTypeName,
    ticket: EntityTypeName,
    weekday: EntityTypeName,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let name = |text: &str| text.parse().expect("a type's name is valid");
    Types {
        action: name("Action"),
        user: name("User"),
        group: name("Group"),
        scope: name("Scope"),
        everything: name("Everything"),
        standing: name("Standing"),
        risk: name("Risk"),
        ticket: name("Ticket"),
        weekday: name("Weekday"),
    }
});

impl Types {
    fn uid(&self, of: &EntityTypeName, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
    }
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn seconds(span: Span) -> RestrictedExpression {
    RestrictedExpression::new_long(span.as_seconds().into())
}

fn one_of(of: &EntityTypeName, id: &str) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(TYPES.uid(of, id))
}

fn identities(human: &Human) -> RestrictedExpression {
    RestrictedExpression::new_set(human.keys().map(|key| text(&key.to_string())))
}

fn groups(names: &BTreeSet<GroupName>) -> RestrictedExpression {
    RestrictedExpression::new_set(names.iter().map(|name| one_of(&TYPES.group, name.as_str())))
}
