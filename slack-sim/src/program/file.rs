//! The people-and-channels file. `workspace.example.toml` explains its keys.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;
use slack_sim::{Channel, Kind, Person, Workspace};
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    manifest: Option<PathBuf>,
    #[serde(default)]
    team: Team,
    enterprise: Option<Enterprise>,
    #[serde(default)]
    app: App,
    #[serde(default)]
    pub(super) people: Vec<Somebody>,
    #[serde(default)]
    pub(super) groups: Vec<Group>,
    #[serde(default)]
    pub(super) channels: Vec<Place>,
    /// Where the file is; the manifest is sought beside it.
    #[serde(skip)]
    pub(super) folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Team {
    id: String,
    domain: String,
    name: Option<String>,
}

impl Default for Team {
    fn default() -> Self {
        Self {
            id: "T0LOCAL".into(),
            domain: "local".into(),
            name: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Enterprise {
    id: String,
    name: String,
    #[serde(default)]
    org_wide: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    id: Option<String>,
    name: Option<String>,
    url: Option<String>,
    bot_token: Option<String>,
    app_token: Option<String>,
    signing_secret: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Somebody {
    pub(super) id: Spanned<String>,
    name: String,
    real_name: Option<String>,
    email: Option<String>,
    tz: Option<String>,
    #[serde(default)]
    pub(super) kind: SomebodysKind,
    pub(super) team: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SomebodysKind {
    #[default]
    Member,
    Guest,
    SingleChannelGuest,
    Bot,
    Deactivated,
    Stranger,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) id: Spanned<String>,
    handle: String,
    pub(super) members: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) id: Spanned<String>,
    name: String,
    pub(super) members: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    bot: bool,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    shared: bool,
}

const fn yes() -> bool {
    true
}

impl File {
    /// Where the app is.
    pub(super) fn app_url(&self) -> Option<String> {
        self.app.url.clone()
    }

    /// The workspace that it describes.
    pub(super) fn workspace(self) -> anyhow::Result<Workspace> {
        let mut workspace = Workspace::new().team(self.team.id, self.team.domain);
        if let Some(name) = self.team.name {
            workspace = workspace.named(name);
        }
        if let Some(enterprise) = self.enterprise {
            workspace = workspace
                .enterprise(enterprise.id, enterprise.name)
                .org_wide(enterprise.org_wide);
        }
        workspace = self.app.installed(workspace);
        if let Some(manifest) = &self.manifest {
            workspace = installed(workspace, &self.folder.join(manifest))?;
        }
        for somebody in self.people {
            workspace = workspace.person(somebody.person());
        }
        for group in self.groups {
            let members = group.members.into_iter().map(Spanned::into_inner);
            workspace = workspace.group(group.id.into_inner(), group.handle, members);
        }
        for place in self.channels {
            workspace = workspace.channel(place.channel());
        }
        Ok(workspace)
    }
}

impl App {
    fn installed(self, mut workspace: Workspace) -> Workspace {
        if let Some(id) = self.id {
            workspace = workspace.app(id);
        }
        if let Some(name) = self.name {
            workspace = workspace.bot("U0APP", "B0APP", name);
        }
        if let Some(token) = self.bot_token {
            workspace = workspace.bot_token(token);
        }
        if let Some(token) = self.app_token {
            workspace = workspace.app_token(token);
        }
        if let Some(secret) = self.signing_secret {
            workspace = workspace.signing_secret(secret);
        }
        workspace
    }
}

impl Somebody {
    fn person(self) -> Person {
        let kind = match self.kind {
            SomebodysKind::Member => Kind::Member,
            SomebodysKind::Guest => Kind::Guest,
            SomebodysKind::SingleChannelGuest => Kind::SingleChannelGuest,
            SomebodysKind::Bot => Kind::Bot,
            SomebodysKind::Deactivated => Kind::Deactivated,
            SomebodysKind::Stranger => Kind::Stranger {
                team_id: self.team.unwrap_or_default(),
            },
        };
        let mut person = Person::new(self.id.into_inner(), self.name, kind);
        if let Some(real_name) = self.real_name {
            person = person.real_name(real_name);
        }
        if let Some(email) = self.email {
            person = person.email(email);
        }
        if let Some(tz) = self.tz {
            person = person.tz(tz);
        }
        person
    }
}

impl Place {
    fn channel(self) -> Channel {
        let members = self.members.into_iter().map(Spanned::into_inner);
        let mut channel = Channel::new(self.id.into_inner(), self.name, members);
        channel.bot_is_member = self.bot;
        channel.is_private = self.private;
        channel.is_archived = self.archived;
        channel.is_ext_shared = self.shared;
        channel
    }
}

/// The workspace with the app's manifest at `path`.
pub(super) fn installed(workspace: Workspace, path: &Path) -> anyhow::Result<Workspace> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    workspace
        .manifest(&text)
        .with_context(|| format!("{name} is not an app manifest"))
}
