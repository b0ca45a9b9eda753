//! Who and what there is: people, groups and channels, and the app's own identity.

mod person;

use std::collections::BTreeMap;

pub use person::{Kind, Person};

use crate::{
    app::Paths,
    manifest::{BadManifest, Manifest},
};

/// The bot token of a [`Workspace`] that was not given another one.
pub const BOT_TOKEN: &str = "xoxb-local-simulator";

/// The app-level token of a [`Workspace`] that was not given another one.
pub const APP_TOKEN: &str = "xapp-local-simulator";

/// The signing secret of a [`Workspace`] that was not given another one.
pub const SIGNING_SECRET: &str = "the-local-simulators-signing-secret";

/// When everything in a workspace was made, seconds since the epoch.
pub(crate) const CREATED: i64 = 1_700_000_000;

/// A user group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `S…`.
    pub id: String,
    /// The handle, without `@`.
    pub handle: String,
    /// The ids of its members.
    pub members: Vec<String>,
}

/// A channel that is not a direct message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// `C…`.
    pub id: String,
    /// The name, without `#`.
    pub name: String,
    /// The ids of its members, the bot aside.
    pub members: Vec<String>,
    /// Whether the app's bot is in it, default yes.
    pub bot_is_member: bool,
    /// Whether only its members know of it.
    pub is_private: bool,
    /// Whether it is closed to new messages.
    pub is_archived: bool,
    /// Whether another workspace shares it.
    pub is_ext_shared: bool,
}

impl Channel {
    /// A public, open, unshared channel that the bot is in.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        members: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            members: members.into_iter().map(Into::into).collect(),
            bot_is_member: true,
            is_private: false,
            is_archived: false,
            is_ext_shared: false,
        }
    }

    /// The same channel, without the bot.
    pub fn without_bot(mut self) -> Self {
        self.bot_is_member = false;
        self
    }

    /// The same channel, private.
    pub fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// The same channel, archived.
    pub fn archived(mut self) -> Self {
        self.is_archived = true;
        self
    }

    /// The same channel, shared with another company.
    pub fn shared(mut self) -> Self {
        self.is_ext_shared = true;
        self
    }
}

/// The organisation that a workspace is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Enterprise {
    /// `E…`.
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A workspace with the app installed, described before the simulator starts.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(crate) team_id: String,
    pub(crate) team_name: Option<String>,
    pub(crate) domain: String,
    pub(crate) app_id: String,
    pub(crate) bot_user_id: String,
    pub(crate) bot_id: String,
    pub(crate) bot_name: String,
    pub(crate) bot_token: String,
    pub(crate) app_token: String,
    pub(crate) signing_secret: String,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) enterprise: Option<Enterprise>,
    pub(crate) org_wide: bool,
    pub(crate) should_escape: bool,
    pub(crate) rate_limits: bool,
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) channels: BTreeMap<String, Channel>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

impl Workspace {
    /// Workspace `T0LOCAL` with app `A0KEYLEND` and its bot user `U0KEYLEND` (`B0KEYLEND`), and
    /// nobody else.
    pub fn new() -> Self {
        Self {
            team_id: "T0LOCAL".into(),
            team_name: None,
            domain: "local".into(),
            app_id: "A0KEYLEND".into(),
            bot_user_id: "U0KEYLEND".into(),
            bot_id: "B0KEYLEND".into(),
            bot_name: "keylend".into(),
            bot_token: BOT_TOKEN.into(),
            app_token: APP_TOKEN.into(),
            signing_secret: SIGNING_SECRET.into(),
            manifest: None,
            enterprise: None,
            org_wide: false,
            should_escape: false,
            rate_limits: false,
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }

    /// Sets the workspace's id and domain, default `T0LOCAL` and `local`.
    pub fn team(mut self, id: impl Into<String>, domain: impl Into<String>) -> Self {
        self.team_id = id.into();
        self.domain = domain.into();
        self
    }

    /// Sets the workspace's name for people, default its domain.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.team_name = Some(name.into());
        self
    }

    /// Makes it one workspace of an Enterprise organisation, `E…`.
    pub fn enterprise(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        let (id, name) = (id.into(), name.into());
        self.enterprise = Some(Enterprise { id, name });
        self
    }

    /// Whether the app is installed for the whole organisation rather than for this workspace.
    /// Default no; without [`enterprise`](Self::enterprise) it means nothing.
    pub fn org_wide(mut self, yes: bool) -> Self {
        self.org_wide = yes;
        self
    }

    /// Sets the app's id, default `A0KEYLEND`.
    pub fn app(mut self, id: impl Into<String>) -> Self {
        self.app_id = id.into();
        self
    }

    /// Sets the bot's user id, bot id and handle.
    pub fn bot(
        mut self,
        user_id: impl Into<String>,
        bot_id: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        self.bot_user_id = user_id.into();
        self.bot_id = bot_id.into();
        self.bot_name = name.into();
        self
    }

    /// Sets the token that the Web API accepts, default [`BOT_TOKEN`].
    pub fn bot_token(mut self, token: impl Into<String>) -> Self {
        self.bot_token = token.into();
        self
    }

    /// Sets the app-level token, which opens Socket Mode connections, default [`APP_TOKEN`].
    pub fn app_token(mut self, token: impl Into<String>) -> Self {
        self.app_token = token.into();
        self
    }

    /// Sets the secret that deliveries are signed with, default [`SIGNING_SECRET`].
    pub fn signing_secret(mut self, secret: impl Into<String>) -> Self {
        self.signing_secret = secret.into();
        self
    }

    /// Installs the app with this manifest, YAML or JSON: it has no scopes, commands, events and
    /// tabs but those. Without one it has them all.
    ///
    /// # Errors
    ///
    /// Where the text is not a manifest.
    pub fn manifest(mut self, text: &str) -> Result<Self, BadManifest> {
        self.manifest = Some(Manifest::read(text)?);
        Ok(self)
    }

    /// Makes mentions in slash commands that no manifest speaks of arrive as `<@U…|name>` and
    /// `<#C…|name>`, as `should_escape` in a manifest does. Default no.
    pub fn should_escape(mut self, yes: bool) -> Self {
        self.should_escape = yes;
        self
    }

    /// Enforces Slack's rate limits on the Web API, by the simulator's clock. Default no.
    pub fn rate_limits(mut self, yes: bool) -> Self {
        self.rate_limits = yes;
        self
    }

    /// Adds somebody.
    pub fn person(mut self, person: Person) -> Self {
        self.people.insert(person.id.clone(), person);
        self
    }

    /// Adds a user group.
    pub fn group(
        mut self,
        id: impl Into<String>,
        handle: impl Into<String>,
        members: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let group = Group {
            id: id.into(),
            handle: handle.into(),
            members: members.into_iter().map(Into::into).collect(),
        };
        self.groups.insert(group.id.clone(), group);
        self
    }

    /// Adds a channel.
    pub fn channel(mut self, channel: Channel) -> Self {
        self.channels.insert(channel.id.clone(), channel);
        self
    }

    /// Whether people can write to the app, rather than only read what it says.
    pub(crate) fn takes_messages(&self) -> bool {
        let manifest = self.manifest.as_ref();
        manifest.is_none_or(|manifest| manifest.messages_tab && !manifest.messages_tab_read_only)
    }

    /// Whether somebody has registered this slash command, with its slash.
    pub(crate) fn has_command(&self, command: &str) -> bool {
        self.manifest.as_ref().is_none_or(|manifest| {
            let mut commands = manifest.commands.iter();
            commands.any(|known| known.command == command)
        })
    }

    /// Whether the app has registered this shortcut, for messages or for Slack's menus.
    pub(crate) fn has_shortcut(&self, callback_id: &str, is_for_messages: bool) -> bool {
        self.manifest.as_ref().is_none_or(|manifest| {
            let mut shortcuts = manifest.shortcuts.iter();
            shortcuts.any(|known| {
                known.callback_id == callback_id && known.is_for_messages == is_for_messages
            })
        })
    }

    /// The workspace's name for people.
    pub(crate) fn team_name(&self) -> &str {
        self.team_name.as_deref().unwrap_or(&self.domain)
    }

    /// The team that `person` belongs to.
    pub(crate) fn team_of<'a>(&'a self, person: &'a Person) -> &'a str {
        match (&person.kind, &self.enterprise) {
            (Kind::Stranger { team_id }, _) => team_id,
            (_, Some(enterprise)) if person.is_of_organisation => &enterprise.id,
            _ => &self.team_id,
        }
    }

    /// The organisation, if the app is installed for all of it.
    pub(crate) fn installed_org(&self) -> Option<&Enterprise> {
        self.enterprise.as_ref().filter(|_| self.org_wide)
    }

    /// What the app is installed in: the organisation, or this workspace.
    pub(crate) fn installed_in(&self) -> &str {
        self.installed_org().map_or(&self.team_id, |org| &org.id)
    }

    /// The app's name, as its manifest has it.
    pub(crate) fn app_name(&self) -> &str {
        let manifest = self.manifest.as_ref();
        manifest.map_or(&self.bot_name, |manifest| &manifest.name)
    }

    /// Where in the app each kind of delivery goes.
    pub(crate) fn paths(&self) -> Paths {
        self.manifest
            .as_ref()
            .map(Manifest::paths)
            .unwrap_or_default()
    }

    /// Where this slash command goes: each may have a URL of its own in the manifest.
    pub(crate) fn command_path(&self, command: &str, usual: String) -> String {
        let named = self.manifest.as_ref().and_then(|one| one.command(command));
        named.and_then(|one| one.path.clone()).unwrap_or(usual)
    }

    /// Whether mentions in this slash command arrive as ids.
    pub(crate) fn escapes(&self, command: &str) -> bool {
        let named = self.manifest.as_ref().and_then(|one| one.command(command));
        named.map_or(self.should_escape, |command| command.should_escape)
    }

    /// Whether people have an App Home.
    pub(crate) fn home_tab(&self) -> bool {
        self.manifest.as_ref().is_none_or(|one| one.home_tab)
    }
}
