//! stub
#![allow(missing_docs, reason = "stub")]
use crate::{backend::BackendConfig, directory::GroupSource, domain::*, secret::Secret};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub store: String,
    pub slack: Slack,
    pub tokens: Vec<ApiToken>,
    pub key: Option<Secret>,
    pub people: BTreeMap<UserId, Username>,
    pub policy_files: Vec<PathBuf>,
    pub administrators: BTreeSet<GroupName>,
    pub groups: BTreeMap<GroupName, GroupSource>,
    pub limits: Limits,
    pub backends: BTreeMap<BackendName, BackendConfig>,
    pub catalogue: Catalogue,
}
#[derive(Debug, Deserialize)]
pub struct ApiToken {
    pub name: String,
    pub token: Secret,
}
#[derive(Debug, Deserialize)]
pub struct Slack {
    pub bot_token: Secret,
    pub signing_secret: Secret,
    pub api_url: url::Url,
    pub audit_channel: String,
    #[serde(default)]
    pub incident_channels: Vec<String>,
}
#[derive(Deserialize)]
struct Raw {
    server: Server,
    store: StoreS,
    slack: Slack,
    api: Api,
    secrets: Option<Sec>,
    #[serde(default)]
    policy: Pol,
    groups: BTreeMap<String, Grp>,
    #[serde(default)]
    limits: Lim,
    #[serde(default)]
    exclusive: Vec<Excl>,
    backends: BTreeMap<String, BackendConfig>,
    scopes: BTreeMap<String, Sco>,
}
#[derive(Deserialize)]
struct Server {
    listen: SocketAddr,
}
#[derive(Deserialize)]
struct StoreS {
    url: String,
}
#[derive(Deserialize)]
struct Api {
    tokens: Vec<ApiToken>,
}
#[derive(Deserialize)]
struct Sec {
    key: Secret,
}
#[derive(Deserialize, Default)]
struct Pol {
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    administrators: BTreeSet<String>,
}
#[derive(Deserialize)]
struct Grp {
    slack_usergroup: Option<String>,
    #[serde(default)]
    members: Vec<String>,
}
#[derive(Deserialize, Default)]
struct Lim {
    max_active_per_person: Option<u32>,
    #[serde(default)]
    on_limit: OnLimit,
    pending_timeout: Option<String>,
    min_duration: Option<String>,
}
#[derive(Deserialize)]
struct Excl {
    environments: BTreeSet<String>,
}
#[derive(Deserialize)]
struct Tick {
    pattern: String,
    required: bool,
}
#[derive(Deserialize)]
struct Sco {
    title: String,
    environment: Option<String>,
    risk: Risk,
    default_duration: String,
    max_duration: String,
    requesters: BTreeSet<String>,
    approvers: BTreeSet<String>,
    approvals: Option<std::num::NonZeroU8>,
    approval_channel: String,
    reason: ReasonRule,
    ticket: Option<Tick>,
    layers: Vec<toml::Table>,
}
impl Config {
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        let raw: Raw = toml::from_str(&text).map_err(|e| e.to_string())?;
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut policy_files = Vec::new();
        for f in raw.policy.files {
            for p in glob::glob(&dir.join(f).display().to_string()).map_err(|e| e.to_string())? {
                policy_files.push(p.map_err(|e| e.to_string())?);
            }
        }
        let span = |s: &str| s.parse::<Span>().map_err(|e| e.to_string());
        let names =
            |s: BTreeSet<String>| s.into_iter().map(GroupName::new).collect::<BTreeSet<_>>();
        let mut catalogue = Catalogue::new();
        for (id, s) in raw.scopes {
            let id: ScopeId = id.parse().map_err(|e: InvalidScopeId| e.to_string())?;
            catalogue.insert(
                id.clone(),
                Scope {
                    id,
                    title: s.title,
                    environment: s.environment.map(Environment::new),
                    risk: s.risk,
                    default_duration: span(&s.default_duration)?,
                    max_duration: span(&s.max_duration)?,
                    requesters: names(s.requesters),
                    approvers: names(s.approvers),
                    approvals: s.approvals.unwrap_or(std::num::NonZeroU8::MIN),
                    approval_channel: ChannelId::new(s.approval_channel),
                    reason: s.reason,
                    ticket: match s.ticket {
                        None => None,
                        Some(t) => Some(TicketRule {
                            pattern: regex::Regex::new(&t.pattern).map_err(|e| e.to_string())?,
                            required: t.required,
                        }),
                    },
                    layers: s
                        .layers
                        .into_iter()
                        .map(|mut t| {
                            let b = t.remove("backend").unwrap_or(toml::Value::Boolean(false));
                            let v = serde_json::to_value(t).unwrap_or_default();
                            LayerSpec {
                                backend: BackendName::new(b.as_str().unwrap_or_default()),
                                params: v.as_object().cloned().unwrap_or_default(),
                            }
                        })
                        .collect(),
                },
            );
        }
        let d = Limits::default();
        Ok(Self {
            listen: raw.server.listen,
            store: raw.store.url,
            slack: raw.slack,
            tokens: raw.api.tokens,
            key: raw.secrets.map(|s| s.key),
            people: BTreeMap::new(),
            policy_files,
            administrators: names(raw.policy.administrators),
            groups: raw
                .groups
                .into_iter()
                .map(|(n, g)| {
                    (
                        GroupName::new(n),
                        match g.slack_usergroup {
                            Some(s) => GroupSource::SlackUsergroup(s),
                            None => GroupSource::Members(
                                g.members.into_iter().map(UserId::new).collect(),
                            ),
                        },
                    )
                })
                .collect(),
            limits: Limits {
                max_active_per_person: raw.limits.max_active_per_person.unwrap_or(3),
                on_limit: raw.limits.on_limit,
                pending_timeout: match raw.limits.pending_timeout {
                    Some(s) => span(&s)?,
                    None => d.pending_timeout,
                },
                min_duration: match raw.limits.min_duration {
                    Some(s) => span(&s)?,
                    None => d.min_duration,
                },
                exclusive: raw
                    .exclusive
                    .into_iter()
                    .map(|e| e.environments.into_iter().map(Environment::new).collect())
                    .collect(),
            },
            backends: raw
                .backends
                .into_iter()
                .map(|(n, b)| (BackendName::new(n), b))
                .collect(),
            catalogue,
        })
    }
}
