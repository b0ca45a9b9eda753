//! `[scopes]`: the catalogue.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroU8,
};

use regex::Regex;
use regex_syntax::hir::Look;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use super::{
    document::{Document, at},
    text::{CHANNEL_ID, counted, is_channel_id, not_a_channel_id},
    ticket_example,
};
use crate::{
    backend::BackendConfig,
    directory::GroupSource,
    domain::{
        BackendName, Catalogue, ChannelId, Environment, GroupName, LayerSpec, Length, Limits,
        MOST_STAGES, Notifications, Notify, OnLeave, Params, ReasonRule, RevocationMode, Risk,
        Scope, ScopeId, ScopeNotify, Stage, TicketRule,
    },
};

/// One of `[scopes]`, by its name, `resource:action`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// What people call it.
    #[schemars(length(min = 1), example = &"Production database, write")]
    title: String,
    /// Where it belongs, for `[[exclusive]]` and for rules.
    #[schemars(example = &"prod")]
    environment: Option<String>,
    /// How much harm it can do.
    #[schemars(example = &"high")]
    risk: Risk,
    /// How long a grant lasts if the requester gives no duration. Between `limits.min_duration` and
    /// `max_duration`.
    #[schemars(example = &"30m")]
    default_duration: Length,
    /// The longest access that one approval may give, from the moment of the approval. For an extension,
    /// that is what is left and what is added together.
    #[schemars(example = &"1h")]
    max_duration: Length,
    /// The longest that a grant may last with all its extensions.
    #[schemars(title = "duration, at least `max_duration`", example = &"2h")]
    #[schemars(extend("x-default" = "`max_duration`"))]
    max_total: Option<Length>,
    /// Who may request it.
    #[schemars(title = "list of groups", length(min = 1), example = json!(["engineers"]))]
    requesters: Vec<String>,
    /// Who may approve it. Nobody can approve their own request.
    #[schemars(title = "list of groups", length(min = 1), example = json!(["dba"]))]
    #[schemars(extend("x-default" = "required without `stages`"))]
    approvers: Option<Vec<String>>,
    /// How many people have to approve. If all approver groups have fixed members, they need at least that
    /// many members.
    #[serde(default = "one")]
    #[schemars(range(min = 1), example = 2)]
    approvals: u8,
    /// Approval in stages, instead of `approvers` and `approvals`: one approval from each stage, by a member of
    /// any of its groups. Each stage is approved by another person, in any order. At most 8 stages.
    #[schemars(title = "list of lists of groups", length(min = 1, max = 8))]
    #[schemars(inner(length(min = 1)))]
    #[schemars(example = json!([["dba"], ["oncall", "leads"]]))]
    #[schemars(extend("x-default" = "required without `approvers`"))]
    stages: Option<Vec<Vec<String>>>,
    /// Where the approval card is posted.
    #[schemars(title = "channel id", regex(pattern = CHANNEL_ID), example = &"C0DBA")]
    approval_channel: String,
    /// How approvers hear of a request. `"channel"`: from the approval card alone. `"group"`: Keylend
    /// mentions the approver groups in the card's thread. `"direct"`: Keylend sends the members of the
    /// approver groups, at most 20 people, a direct message.
    #[serde(default)]
    #[schemars(example = &"group")]
    notify: Notify,
    /// The groups that the second reminder notifies too. They may approve only if they are in `approvers`.
    #[serde(default)]
    #[schemars(title = "list of groups", example = json!(["leads"]))]
    escalate_to: Vec<String>,
    /// Whether a request needs a reason.
    #[serde(default = "required")]
    #[schemars(example = &"optional")]
    reason: ReasonRule,
    /// What a ticket looks like.
    #[schemars(title = "table")]
    #[schemars(extend("x-default" = "any ticket, and none is needed"))]
    ticket: Option<RawTicket>,
    /// What happens when the holder leaves the groups that gave them access.
    #[schemars(example = &"warn")]
    #[schemars(extend("x-default" = "`limits.on_leave`"))]
    on_leave: Option<OnLeave>,
    /// Whether the access may reach more than the target's data: run programs, read files, create roles, or
    /// grant roles on. A PostgreSQL target refuses such a role without it. The approval card says so, and
    /// rules know it as `resource.dangerous`.
    #[serde(default)]
    #[schemars(example = true)]
    dangerous: bool,
    /// Whether break-glass can grant it: at once, to whom a rule permits `break_glass`, and reviewed afterwards
    /// by two people of `[break_glass]`.
    #[serde(default)]
    #[schemars(example = true)]
    break_glass: bool,
    /// What is granted. Keylend grants all layers, or revokes those that it granted.
    #[schemars(title = "list of tables", schema_with = "described_layers")]
    layers: Vec<toml::Table>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawTicket {
    /// Every ticket has to match it.
    #[schemars(title = "regular expression", example = &"^INC-[0-9]+$")]
    pattern: String,
    /// Whether a request without a ticket is refused.
    #[serde(default = "yes")]
    #[schemars(example = false)]
    required: bool,
    /// The example in messages.
    #[schemars(title = "text that matches", example = &"INC-4211")]
    #[schemars(extend("x-default" = "made from a simple pattern"))]
    example: Option<String>,
}

/// The kind of a layer's target stands elsewhere in the file. So the schema has the keys of every kind, for
/// editors to complete, and allows all others.
fn described_layers(generator: &mut SchemaGenerator) -> Schema {
    let mut layers = BackendConfig::layer_schemas(generator);
    for layer in layers.iter_mut().filter_map(Schema::as_object_mut) {
        layer.shift_remove("additionalProperties");
    }
    layers.push(json_schema!({
        "title": "layer in another target",
        "description": "The target receives the other keys as they are.",
    }));
    json_schema!({
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {
                "backend": {
                    "title": "name of a target",
                    "description": "The target.",
                    "type": "string",
                    "examples": ["pg-prod"],
                },
            },
            "required": ["backend"],
            "anyOf": layers,
        },
    })
}

const fn one() -> u8 {
    1
}

const fn required() -> ReasonRule {
    ReasonRule::Required
}

const fn yes() -> bool {
    true
}

/// What a scope can name.
struct Known<'a> {
    group_names: BTreeSet<String>,
    groups: &'a BTreeMap<GroupName, GroupSource>,
    backend_names: BTreeSet<String>,
    backends: &'a BTreeMap<BackendName, BackendConfig>,
    limits: Option<&'a Limits>,
    patterns: RefCell<HashMap<String, Regex>>,
}

pub(super) fn read(
    document: &mut Document<'_>,
    groups: &BTreeMap<GroupName, GroupSource>,
    backends: &BTreeMap<BackendName, BackendConfig>,
    limits: Option<&Limits>,
) -> (Catalogue, Notifications) {
    let known = Known {
        group_names: document.keys("groups").into_iter().collect(),
        groups,
        backend_names: document.keys("backends").into_iter().collect(),
        backends,
        limits,
        patterns: RefCell::default(),
    };
    let mut catalogue = Catalogue::new();
    let mut notifications = Notifications::new();
    for (name, raw) in document.entries::<Raw>("scopes") {
        match name.parse::<ScopeId>() {
            Ok(id) => {
                let (how, names) = (raw.notify, &raw.escalate_to);
                let escalate_to = known_groups(document, &known, &name, "escalate_to", names);
                if let Some(scope) = scope(document, &known, id, raw) {
                    let notify = notify(document, &scope, how, escalate_to);
                    notifications.insert(scope.id.clone(), notify);
                    catalogue.insert(scope.id.clone(), scope);
                }
            }
            Err(invalid) => document.problem(at!["scopes", &*name], invalid.to_string()),
        }
    }
    (catalogue, notifications)
}

/// Whom a scope notifies.
fn notify(
    document: &mut Document<'_>,
    scope: &Scope,
    notify: Notify,
    escalate_to: BTreeSet<GroupName>,
) -> ScopeNotify {
    if !escalate_to.is_empty() && escalate_to.is_disjoint(&scope.approvers) {
        let warning = "none of these groups can approve this: `escalate_to` only notifies them. Add one \
                       of them to `approvers`, or name a group that is there";
        document.warning(at!["scopes", scope.id.as_str(), "escalate_to"], warning);
    }
    ScopeNotify {
        notify,
        approvers: scope.approvers.clone(),
        escalate_to,
        break_glass: scope.break_glass,
    }
}

fn scope(document: &mut Document<'_>, known: &Known<'_>, id: ScopeId, raw: Raw) -> Option<Scope> {
    let name = id.as_str();
    if raw.title.trim().is_empty() {
        document.problem(at!["scopes", name, "title"], "the title is empty");
    }
    durations(document, known, name, &raw);
    if !is_channel_id(&raw.approval_channel) {
        let problem = not_a_channel_id(&raw.approval_channel);
        document.problem(at!["scopes", name, "approval_channel"], problem);
    }
    let requesters = groups(document, known, name, "requesters", &raw.requesters);
    let (approvers, approvals, stages) = approval(document, known, name, &raw);
    let ticket = raw
        .ticket
        .map(|ticket| self::ticket(document, known, name, ticket));
    let layers = layers(document, known, name, raw.layers)?;
    let targets = layers
        .iter()
        .filter_map(|layer| Some((known.backends.get(&layer.backend)?, &layer.params)));
    let residuals = targets.clone().map(|(backend, _)| backend.residual());
    let mut modes = targets.map(|(backend, params)| backend.revocation_mode(params));
    Some(Scope {
        residual: residuals.max().unwrap_or_default(),
        ends_early: !modes.any(|mode| mode == RevocationMode::TimeLimit),
        title: raw.title,
        environment: raw.environment.map(Environment::new),
        risk: raw.risk,
        default_duration: raw.default_duration.0,
        max_duration: raw.max_duration.0,
        max_total: raw.max_total.unwrap_or(raw.max_duration).0,
        requesters,
        approvers,
        approvals: approvals?,
        stages,
        approval_channel: ChannelId::new(raw.approval_channel),
        reason: raw.reason,
        ticket: match ticket {
            Some(ticket) => Some(ticket?),
            None => None,
        },
        on_leave: raw
            .on_leave
            .or(known.limits.map(|limits| limits.on_leave))
            .unwrap_or_default(),
        dangerous: raw.dangerous,
        break_glass: raw.break_glass,
        layers,
        id,
    })
}

fn durations(document: &mut Document<'_>, known: &Known<'_>, name: &str, raw: &Raw) {
    let (default, max) = (raw.default_duration.0, raw.max_duration.0);
    if default > max {
        document.problem(
            at!["scopes", name, "default_duration"],
            format!("{default} is longer than `max_duration`, {max}"),
        );
    }
    if let Some(Length(total)) = raw.max_total
        && total < max
    {
        document.problem(
            at!["scopes", name, "max_total"],
            format!("{total} is shorter than `max_duration`, {max}"),
        );
    }
    if let Some(shortest) = known.limits.map(|limits| limits.min_duration)
        && default < shortest
    {
        document.problem(
            at!["scopes", name, "default_duration"],
            format!("{default} is shorter than `limits.min_duration`, {shortest}"),
        );
    }
}

fn groups(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    key: &str,
    names: &[String],
) -> BTreeSet<GroupName> {
    if names.is_empty() {
        let problem = format!("`{key}` is empty; list at least one group");
        document.problem(at!["scopes", scope, key], problem);
    }
    known_groups(document, known, scope, key, names)
}

/// The groups that a scope names, which may be none.
fn known_groups(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    key: &str,
    names: &[String],
) -> BTreeSet<GroupName> {
    for (index, name) in names.iter().enumerate() {
        if !known.group_names.contains(name) {
            document.unknown(
                at!["scopes", scope, key, index],
                format!("there is no group `{name}` in [groups]"),
                name,
                known.group_names.iter().map(String::as_str),
            );
        }
    }
    names.iter().map(GroupName::new).collect()
}

/// Who may approve, how many have to, and in which stages.
fn approval(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    raw: &Raw,
) -> (BTreeSet<GroupName>, Option<NonZeroU8>, Vec<Stage>) {
    let Some(listed) = &raw.stages else {
        let Some(approvers) = &raw.approvers else {
            document.problem(
                at!["scopes", scope],
                "the key `approvers` is missing: add one, such as `approvers = [\"dba\"]`",
            );
            return (BTreeSet::new(), None, Vec::new());
        };
        let approvers = groups(document, known, scope, "approvers", approvers);
        let approvals = approvals(document, known, scope, raw.approvals, &approvers);
        return (approvers, approvals, Vec::new());
    };
    if raw.approvers.is_some() {
        document.problem(
            at!["scopes", scope, "approvers"],
            "a scope has either `approvers` or `stages`: remove one of them",
        );
    }
    if raw.approvals != one() {
        document.problem(
            at!["scopes", scope, "approvals"],
            "each of the `stages` needs one approval: remove `approvals`",
        );
    }
    if listed.is_empty() || listed.len() > MOST_STAGES {
        document.problem(
            at!["scopes", scope, "stages"],
            format!("list at least 1 and at most {MOST_STAGES} stages"),
        );
    }
    let mut stages = Vec::new();
    for (index, names) in listed.iter().enumerate() {
        if names.is_empty() {
            document.problem(
                at!["scopes", scope, "stages", index],
                "the stage is empty; list at least one group",
            );
        }
        for (place, name) in names.iter().enumerate() {
            if !known.group_names.contains(name) {
                document.unknown(
                    at!["scopes", scope, "stages", index, place],
                    format!("there is no group `{name}` in [groups]"),
                    name,
                    known.group_names.iter().map(String::as_str),
                );
            }
        }
        stages.push(names.iter().map(GroupName::new).collect::<Stage>());
    }
    let approvers = stages.iter().flatten().cloned().collect();
    let needed = u8::try_from(stages.len()).ok().and_then(NonZeroU8::new);
    (approvers, needed, stages)
}

fn approvals(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    approvals: u8,
    approvers: &BTreeSet<GroupName>,
) -> Option<NonZeroU8> {
    let Some(needed) = NonZeroU8::new(approvals) else {
        document.problem(
            at!["scopes", scope, "approvals"],
            "a request needs at least 1 approval. To approve it without a person, add a rule that \
             permits `auto_approve`",
        );
        return None;
    };
    // How many there are is known only where all of them are listed.
    let listed: Option<Vec<_>> = approvers
        .iter()
        .map(|group| match known.groups.get(group) {
            Some(GroupSource::Members(members)) => Some(members),
            _ => None,
        })
        .collect();
    if let Some(listed) = listed.filter(|listed| !listed.is_empty()) {
        let people: BTreeSet<_> = listed.into_iter().flatten().collect();
        if people.len() < usize::from(approvals) {
            document.problem(
                at!["scopes", scope, "approvals"],
                format!(
                    "a request needs {}, and the approver groups have {}: add people, or lower \
                     `approvals`",
                    counted(approvals.into(), "approval"),
                    match people.len() {
                        0 => "no members".to_owned(),
                        count => format!("only {}", counted(count, "member")),
                    }
                ),
            );
        }
    }
    Some(needed)
}

/// Whether whatever the pattern matches is the whole text.
fn matches_whole(pattern: &Regex) -> bool {
    regex_syntax::parse(pattern.as_str()).is_ok_and(|hir| {
        let properties = hir.properties();
        properties.look_set_prefix().contains(Look::Start)
            && properties.look_set_suffix().contains(Look::End)
    })
}

fn ticket(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    raw: RawTicket,
) -> Option<TicketRule> {
    let at = at!["scopes", scope, "ticket", "pattern"];
    match known.pattern(&raw.pattern) {
        Ok(pattern) => {
            if !matches_whole(&pattern) {
                // Of alternatives, the ends of the pattern belong to the first and the last alone.
                let whole = match raw.pattern.contains(['|', '^', '$']) {
                    true => format!("^(?:{})$", raw.pattern),
                    false => format!("^{}$", raw.pattern),
                };
                let warning = format!(
                    "the pattern matches anywhere in a text; write `{whole}` if it is meant for the \
                     whole ticket"
                );
                document.warning(at, warning);
            }
            if let Some(example) = &raw.example
                && !pattern.is_match(example)
            {
                let at = at!["scopes", scope, "ticket", "example"];
                document.problem(at, "the example does not match the pattern, so people would be shown a ticket that is refused");
            }
            let example = raw.example.or_else(|| ticket_example::of(&pattern));
            let required = raw.required;
            Some(TicketRule {
                pattern,
                required,
                example,
            })
        }
        Err(error) => {
            // The first lines draw the pattern again, the last one says what is wrong.
            let error = error.to_string();
            let said = error.lines().last().unwrap_or_default();
            let said = said.trim_start_matches("error: ");
            document.problem(
                at,
                format!("this is not a regular expression, such as `^INC-[0-9]+$`: {said}"),
            );
            None
        }
    }
}

impl Known<'_> {
    /// Thousands of scopes share few patterns, and a compiled one is large.
    fn pattern(&self, text: &str) -> Result<Regex, regex::Error> {
        if let Some(pattern) = self.patterns.borrow().get(text) {
            return Ok(pattern.clone());
        }
        let pattern = Regex::new(text)?;
        self.patterns
            .borrow_mut()
            .insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }
}

fn layers(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    raw: Vec<toml::Table>,
) -> Option<Vec<LayerSpec>> {
    if raw.is_empty() {
        let problem = "`layers` is empty; list at least one layer, such as \
                       `{ backend = \"pg-prod\", role = \"app_writer\" }`";
        document.problem(at!["scopes", scope, "layers"], problem);
    }
    let wanted = raw.len();
    let layers: Vec<_> = raw
        .into_iter()
        .enumerate()
        .filter_map(|(index, table)| layer(document, known, scope, index, table))
        .collect();
    (layers.len() == wanted).then_some(layers)
}

/// One of a scope's `layers`: `backend` names its target, and the target reads the other keys.
fn layer(
    document: &mut Document<'_>,
    known: &Known<'_>,
    scope: &str,
    index: usize,
    mut table: toml::Table,
) -> Option<LayerSpec> {
    let backend = match table.remove("backend") {
        Some(toml::Value::String(name)) => name,
        Some(_) => {
            let at = at!["scopes", scope, "layers", index, "backend"];
            document.problem(at, "this must be the name of a backend, in quotes");
            return None;
        }
        None => {
            let at = at!["scopes", scope, "layers", index];
            let example = known
                .backend_names
                .first()
                .map_or("pg-prod", String::as_str);
            let problem = format!(
                "the key `backend` is missing: name one of [backends], such as `backend = \"{example}\"`"
            );
            document.problem(at, problem);
            return None;
        }
    };
    if !known.backend_names.contains(&backend) {
        document.unknown(
            at!["scopes", scope, "layers", index, "backend"],
            format!("there is no backend `{backend}` in [backends]"),
            &backend,
            known.backend_names.iter().map(String::as_str),
        );
        return None;
    }
    let mut params = Params::new();
    for (key, value) in table {
        match json(value) {
            Some(value) => {
                params.insert(key, value);
            }
            None => {
                let at = at!["scopes", scope, "layers", index, &*key];
                document.problem(at, "write dates and special numbers as text, in quotes");
                return None;
            }
        }
    }
    let backend = BackendName::new(backend);
    // A backend that is itself wrong has been reported.
    if let Err(invalid) = known.backends.get(&backend)?.check_layer(&params) {
        match &invalid.key {
            Some(key) => {
                let at = at!["scopes", scope, "layers", index, &**key];
                document.wrong(at, &invalid.message);
            }
            None => document.wrong(at!["scopes", scope, "layers", index], &invalid.message),
        }
        return None;
    }
    Some(LayerSpec { backend, params })
}

/// The value in JSON, which knows neither dates nor infinity.
fn json(value: toml::Value) -> Option<serde_json::Value> {
    use serde_json::Value;

    Some(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(serde_json::Number::from_f64(number)?),
        toml::Value::Boolean(yes) => Value::Bool(yes),
        toml::Value::Datetime(_) => return None,
        toml::Value::Array(values) => {
            Value::Array(values.into_iter().map(json).collect::<Option<_>>()?)
        }
        toml::Value::Table(table) => Value::Object(
            table
                .into_iter()
                .map(|(key, value)| Some((key, json(value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}
