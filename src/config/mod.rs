//! The configuration: TOML to types that can be trusted.
//!
//! One file a section. Every key is documented where it is read, unknown keys are refused, and
//! everything that is wrong is said at once, each with its line and what would be right. Secrets
//! are named here and never written; a line that may hold one is not shown. Nothing is connected
//! to, and nothing is read but the file itself, the policies and, when asked, the secrets.

mod api;
mod approvers;
mod backends;
mod break_glass;
mod digest;
mod document;
mod groups;
mod identity;
mod limits;
mod log;
mod path;
mod people;
mod policy;
mod problem;
mod schema;
mod scopes;
mod secrets;
mod server;
mod slack;
mod slack_secrets;
mod store;
mod syntax;
mod text;
mod ticket_example;
mod tickets;
mod vault;
mod weekly;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

pub use api::{Api, ApiToken};
pub use identity::Identity;
pub use log::{Log, NoKey};
pub use problem::{Problem, Problems};
pub use schema::{VERSION, schema};
pub use secrets::Secrets;
pub use server::Server;
pub use slack::{Mode, Slack};
pub use store::{NoAddress, Store};
pub(crate) use text::counted;
pub use vault::{NoStoreKey, VaultKey};

use self::document::Document;
use crate::{
    backend::BackendConfig,
    directory::{GroupSource, Identities, PersonEntry},
    domain::{BackendName, Catalogue, GroupName, LayerSpec, Limits, Notifications, Weekly},
    policy::Policy,
    source_map,
    tickets::TicketSettings,
};

/// Everything that an operator says, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`: where Keylend listens.
    pub server: Server,
    /// `[store]`: where state lives.
    pub store: Store,
    /// `[log]`: how the log's head is signed; nothing if it is not.
    pub log: Option<Log>,
    /// `[slack]`: the workspace.
    pub slack: Slack,
    /// `[api]`: who may ask whether somebody holds something.
    pub api: Api,
    /// `[secrets]`: the key under which credentials are kept.
    pub secrets: VaultKey,
    /// `[identity]`: whose addresses count, and what people are called in the targets.
    pub identity: Identity,
    /// `[people]`: who has several Slack ids, or a name that the address does not give.
    pub people: BTreeMap<String, PersonEntry>,
    /// `[groups]`: where the members of each group come from.
    pub groups: BTreeMap<GroupName, GroupSource>,
    /// `policy.administrators`: the groups whose members may revoke, lock, unlock and
    /// release anything.
    pub administrators: BTreeSet<GroupName>,
    /// The base rules and those of `policy.files`.
    pub policy: Policy,
    /// `[limits]`, `[break_glass]` and `[[exclusive]]`: what holds for everybody.
    pub limits: Limits,
    /// `[backends]`: the targets.
    pub backends: BTreeMap<BackendName, BackendConfig>,
    /// `[scopes]`: what can be asked for.
    pub catalogue: Catalogue,
    /// `notify` and `escalate_to` of each scope: whom a request that waits for approval notifies.
    pub notifications: Notifications,
    /// `[tickets]`: which scopes need an open ticket, and who knows about tickets; nothing if none does.
    pub tickets: Option<TicketSettings>,
    /// `[digest]`: when the weekly digest is posted; nothing if none is.
    pub weekly_digest: Option<Weekly>,
    /// What replicas have to agree on, as a digest: all of this but `[server]` and `[store]`.
    pub digest: String,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Reads the configuration in `file` and the policies that it names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the file.
    pub fn load(file: &Path, secrets: Secrets) -> Result<Self, Problems> {
        let problem = |place, message| {
            Problems::from(Problem {
                file: file.to_owned(),
                place,
                key: None,
                message,
            })
        };
        let bytes = fs::read(file).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => {
                    "there is no such file. Name it with `--config FILE`".to_owned()
                }
                _ => error.to_string(),
            };
            problem(None, format!("the configuration cannot be read: {why}"))
        })?;
        let source = source_map::text(&bytes)
            .map_err(|wrong| problem(Some(wrong.place.clone()), wrong.to_string()))?;
        Self::parse(file, source, secrets)
    }

    /// Reads `source` as the text of `file`, which need not be there, and the policies that it
    /// names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the text.
    pub fn parse(file: &Path, source: &str, secrets: Secrets) -> Result<Self, Problems> {
        let mut document = Document::parse(file, source)?;
        if !is_known_version(&mut document) {
            // What else stands there may mean something else.
            return document.finish(None).map(|(config, _)| config);
        }
        document.only(&schema::SECTIONS.map(|(name, _)| name));
        let config = Self::read(&mut document, secrets).map(|config| Self {
            digest: digest::of(source, &config.policy),
            ..config
        });
        let (config, warnings) = document.finish(config)?;
        Ok(Self { warnings, ..config })
    }

    /// Nothing if the document has a problem that leaves a part unread.
    fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<Self> {
        // Each section is read, whether or not another is wrong.
        let server = server::server(document);
        let store = store::read(document, secrets);
        let log = log::read(document, secrets);
        let slack = slack::read(document, secrets);
        let api = api::read(document, secrets);
        let vault = vault::read(document, secrets);
        let identity = identity::read(document);
        let people = people::read(document);
        let groups = groups::groups(document, secrets);
        let rules = policy::read(document, &groups);
        let zone = rules.as_ref().map(|(policy, _)| policy.time_zone());
        let weekly_digest = weekly::read(document, zone.unwrap_or_default());
        let backends = backends::read(document);
        let limits = limits::read(document);
        let (catalogue, notifications) =
            scopes::read(document, &groups, &backends, limits.as_ref());
        let tickets = tickets::read(document, &catalogue, secrets);
        if let Some(slack) = &slack {
            slack::refuse_shared_approvals(document, &slack.shared_channels, &catalogue);
        }
        require_domains(document, identity.as_ref(), &catalogue, &backends);
        approvers::check(document, &catalogue, &groups, &people);
        if let Some((policy, _)) = &rules {
            policy::warn_of_unknown(document, policy, &catalogue);
        }
        if secrets == Secrets::Checked {
            backends::check_secrets(document, &backends, &catalogue);
        }
        let shared = slack.as_ref().map(|slack| slack.shared_channels.clone());
        let break_glass = break_glass::read(document, &catalogue, &shared.unwrap_or_default());
        let (policy, administrators) = rules?;
        Some(Self {
            server: server?,
            store: store?,
            log: log?,
            slack: slack?,
            api: api?,
            secrets: vault?,
            identity: identity?,
            people,
            groups,
            administrators,
            policy,
            limits: Limits {
                break_glass: break_glass?,
                ..limits?
            },
            backends,
            catalogue,
            notifications,
            tickets: tickets?,
            weekly_digest: weekly_digest?,
            digest: String::new(),
            warnings: Vec::new(),
        })
    }

    /// What the configuration says about who people are.
    pub fn identities(&self) -> Identities {
        Identities::new(
            self.identity.email_domains.clone(),
            self.identity.require_confirmed,
            self.people.clone(),
        )
    }
}

/// Whether this Keylend reads the configuration: its `version` is [`VERSION`], which is the default.
fn is_known_version(document: &mut Document<'_>) -> bool {
    let Some(version) = document.optional::<Option<u32>>("version") else {
        return false;
    };
    match version {
        None | Some(VERSION) => true,
        Some(other) => {
            let problem = format!(
                "this Keylend reads version {VERSION} of the configuration, and this file is version \
                 {other}: start the Keylend that it was written for, or change the file as \
                 CHANGELOG.md says"
            );
            document.problem(document::at!["version"], problem);
            false
        }
    }
}

/// Names in the targets have to be one person's where they decide who gets access.
fn require_domains(
    document: &mut Document<'_>,
    identity: Option<&Identity>,
    catalogue: &Catalogue,
    backends: &BTreeMap<BackendName, BackendConfig>,
) {
    if identity.is_none_or(|identity| !identity.email_domains.is_empty()) {
        return;
    }
    let by_name = |layer: &LayerSpec| {
        let backend = backends.get(&layer.backend);
        backend.is_some_and(|backend| backend.takes_username(&layer.params))
    };
    let scope = catalogue
        .values()
        .find(|scope| scope.layers.iter().any(by_name));
    if let Some(scope) = scope {
        identity::require_domains(document, scope.id.as_str());
    }
}
