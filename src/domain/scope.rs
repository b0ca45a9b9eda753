//! What can be asked for: the catalogue's entries.

use std::{collections::BTreeSet, fmt, num::NonZeroU8, str::FromStr};

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BackendName, ChannelId, Environment, GroupName, Span, Stage};

/// What a layer asks of its target, beyond its name: a backend of each kind reads its own keys.
pub type Params = serde_json::Map<String, serde_json::Value>;

/// The name of a scope, `resource:action`, such as `db-prod:write`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeId {
    text: String,
    colon: usize,
}

impl ScopeId {
    /// The part before the colon.
    pub fn resource(&self) -> &str {
        &self.text[..self.colon]
    }

    /// The part behind the colon.
    pub fn action(&self) -> &str {
        &self.text[self.colon + 1..]
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not a scope's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a scope: write `resource:action`, such as `db-prod:write`, with at most 75 \
     letters, digits, `.`, `_`, `-` and `/`"
)]
pub struct InvalidScopeId(pub String);

impl FromStr for ScopeId {
    type Err = InvalidScopeId;

    /// 75 is the longest value that an option of a Slack select may have.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
        };
        match text.split_once(':') {
            Some((resource, action)) if text.len() <= 75 && word(resource) && word(action) => {
                Ok(Self {
                    text: text.to_owned(),
                    colon: resource.len(),
                })
            }
            _ => Err(InvalidScopeId(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ScopeId {
    type Error = InvalidScopeId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ScopeId> for String {
    fn from(id: ScopeId) -> Self {
        id.text
    }
}

/// One entry of the catalogue.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Its name.
    pub id: ScopeId,
    /// What people call it.
    pub title: String,
    /// Where it belongs, for exclusions.
    pub environment: Option<Environment>,
    /// How much harm it can do.
    pub risk: Risk,
    /// How long a grant lasts when nobody says.
    pub default_duration: Span,
    /// The longest access that one approval may give, from the moment of the approval on: of an
    /// extension, what is left and what is added together.
    pub max_duration: Span,
    /// The longest that a grant may last with all its extensions, from its approval to its end; no
    /// shorter than `max_duration`.
    pub max_total: Span,
    /// Who may ask.
    pub requesters: BTreeSet<GroupName>,
    /// Who may approve.
    pub approvers: BTreeSet<GroupName>,
    /// How many of them have to.
    pub approvals: NonZeroU8,
    /// The stages that need one approval each, in any order; none if any of the approvers counts.
    pub stages: Vec<Stage>,
    /// Where the approval card is posted.
    pub approval_channel: ChannelId,
    /// Whether a reason has to be given.
    pub reason: ReasonRule,
    /// What a ticket looks like, and whether there has to be one.
    pub ticket: Option<TicketRule>,
    /// What happens to a grant when its holder leaves the requester groups.
    pub on_leave: OnLeave,
    /// The longest that the access may go on working after it ended.
    pub residual: Span,
    /// Whether it can end before its time: nothing in it ends by a time limit alone.
    pub ends_early: bool,
    /// Whether it may reach more than its targets' data: run programs, make roles, and the like. A target
    /// that can tell grants no such access without this.
    pub dangerous: bool,
    /// Whether break-glass can grant it: at once to whom policy names, and reviewed afterwards.
    pub break_glass: bool,
    /// What is made in the targets; never empty.
    pub layers: Vec<LayerSpec>,
}

/// How much harm a scope can do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nothing that would wake anybody.
    Low,
    /// Some harm, soon fixed.
    Medium,
    /// Serious harm.
    High,
    /// Harm that cannot be undone.
    Critical,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// Whether a reason has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReasonRule {
    /// A request without a reason is refused.
    Required,
    /// The reason may be left out.
    Optional,
}

/// What happens to a grant when its holder leaves the groups by which they received it. Who is
/// deactivated or becomes a guest loses it whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLeave {
    /// Keylend revokes it.
    #[default]
    End,
    /// Keylend posts in the audit channel, and the grant continues until it expires.
    Warn,
}

/// What a ticket looks like, and whether there has to be one.
#[derive(Debug, Clone)]
pub struct TicketRule {
    /// Every ticket has to match it.
    pub pattern: Regex,
    /// Whether a request without a ticket is refused.
    pub required: bool,
    /// One that matches, for people who don't read patterns; none if nobody gave one.
    pub example: Option<String>,
}

/// One piece of access in one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// The target.
    pub backend: BackendName,
    /// What is asked of it.
    pub params: Params,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_named_resource_colon_action() {
        let id: ScopeId = "db-prod:write".parse().unwrap();
        assert_eq!((id.resource(), id.action()), ("db-prod", "write"));
        for text in [
            "",
            "db-prod",
            ":write",
            "db:",
            "a b:c",
            "a:b:c",
            "<!channel>:x",
        ] {
            assert!(text.parse::<ScopeId>().is_err(), "{text}");
        }
    }
}
