//! The people-and-channels file. `workspace.example.toml` explains its keys.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use slack_sim::{Channel, Kind, Paths, Person, Workspace};

/// The largest file that is read.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

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
    people: Vec<Somebody>,
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    channels: Vec<Place>,
    /// Where the file is; the manifest is sought beside it.
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Team {
    id: String,
    domain: String,
}

impl Default for Team {
    fn default() -> Self {
        Self {
            id: "T0LOCAL".into(),
            domain: "local".into(),
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
    paths: Option<AppPaths>,
    bot_token: Option<String>,
    app_token: Option<String>,
    signing_secret: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppPaths {
    commands: String,
    interactions: String,
    options: String,
    events: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Somebody {
    id: String,
    name: String,
    real_name: Option<String>,
    email: Option<String>,
    tz: Option<String>,
    #[serde(default)]
    kind: SomebodysKind,
    team: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SomebodysKind {
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
struct Group {
    id: String,
    handle: String,
    members: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    id: String,
    name: String,
    members: Vec<String>,
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

/// How the app is reached over HTTP.
pub(super) struct Reached {
    pub(super) url: Option<String>,
    pub(super) paths: Option<Paths>,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> anyhow::Result<File> {
    let name = path.display();
    let about = || format!("{name} cannot be read");
    let size = fs::metadata(path).with_context(about)?.len();
    ensure!(
        size <= MOST_BYTES,
        "{name} is larger than {MOST_BYTES} bytes"
    );
    let text = fs::read_to_string(path).with_context(about)?;
    let mut file = parse(&text).with_context(|| format!("{name} is not right"))?;
    file.folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(file)
}

/// Reads a file's text; its errors show the line and the key.
pub(super) fn parse(text: &str) -> anyhow::Result<File> {
    let file: File = toml::from_str(text)?;
    file.names_are_known()?;
    Ok(file)
}

impl File {
    /// How the app is reached.
    pub(super) fn app(&self) -> anyhow::Result<Reached> {
        let paths = self.app.paths.as_ref().map(|paths| {
            let mut all = Paths::default();
            all.commands.clone_from(&paths.commands);
            all.interactions.clone_from(&paths.interactions);
            all.options.clone_from(&paths.options);
            all.events.clone_from(&paths.events);
            all
        });
        let url = self.app.url.clone();
        ensure!(url.is_some() || paths.is_none(), "app.paths needs app.url");
        Ok(Reached { url, paths })
    }

    /// The workspace that it describes.
    pub(super) fn workspace(self) -> anyhow::Result<Workspace> {
        let mut workspace = Workspace::new().team(self.team.id, self.team.domain);
        if let Some(enterprise) = self.enterprise {
            workspace = workspace
                .enterprise(enterprise.id, enterprise.name)
                .org_wide(enterprise.org_wide);
        }
        let app = self.app;
        if let Some(id) = app.id {
            workspace = workspace.app(id);
        }
        if let Some(name) = app.name {
            workspace = workspace.bot("U0APP", "B0APP", name);
        }
        if let Some(token) = app.bot_token {
            workspace = workspace.bot_token(token);
        }
        if let Some(token) = app.app_token {
            workspace = workspace.app_token(token);
        }
        if let Some(secret) = app.signing_secret {
            workspace = workspace.signing_secret(secret);
        }
        if let Some(manifest) = &self.manifest {
            workspace = super::installed(workspace, &self.folder.join(manifest))?;
        }
        for somebody in self.people {
            workspace = workspace.person(somebody.person()?);
        }
        for group in self.groups {
            workspace = workspace.group(group.id, group.handle, group.members);
        }
        for place in self.channels {
            workspace = workspace.channel(place.channel());
        }
        Ok(workspace)
    }

    /// Whether every id stands for one thing, and every member is a person.
    fn names_are_known(&self) -> anyhow::Result<()> {
        let mut ids = BTreeSet::new();
        let people = self.people.iter().map(|somebody| &somebody.id);
        let groups = self.groups.iter().map(|group| &group.id);
        let channels = self.channels.iter().map(|channel| &channel.id);
        for id in people.chain(groups).chain(channels) {
            ensure!(ids.insert(id.as_str()), "the id {id} stands there twice");
        }
        let groups = self.groups.iter().map(|one| (&one.id, &one.members));
        let channels = self.channels.iter().map(|one| (&one.id, &one.members));
        for (id, members) in groups.chain(channels) {
            for member in members {
                if !self.people.iter().any(|somebody| somebody.id == *member) {
                    bail!("{id} has the member {member}, who is not among the people");
                }
            }
        }
        Ok(())
    }
}

impl Somebody {
    fn person(self) -> anyhow::Result<Person> {
        let kind = match (self.kind, self.team) {
            (SomebodysKind::Stranger, Some(team_id)) => Kind::Stranger { team_id },
            (SomebodysKind::Stranger, None) => {
                bail!("{} is a stranger: say of which `team`", self.id)
            }
            (_, Some(_)) => bail!("{} has a `team`, which only strangers have", self.id),
            (SomebodysKind::Member, None) => Kind::Member,
            (SomebodysKind::Guest, None) => Kind::Guest,
            (SomebodysKind::SingleChannelGuest, None) => Kind::SingleChannelGuest,
            (SomebodysKind::Bot, None) => Kind::Bot,
            (SomebodysKind::Deactivated, None) => Kind::Deactivated,
        };
        let mut person = Person::new(self.id, self.name, kind);
        if let Some(real_name) = self.real_name {
            person = person.real_name(real_name);
        }
        if let Some(email) = self.email {
            person = person.email(email);
        }
        if let Some(tz) = self.tz {
            person = person.tz(tz);
        }
        Ok(person)
    }
}

impl Place {
    fn channel(self) -> Channel {
        let mut channel = Channel::new(self.id, self.name, self.members);
        channel.bot_is_member = self.bot;
        channel.is_private = self.private;
        channel.is_archived = self.archived;
        channel.is_ext_shared = self.shared;
        channel
    }
}
