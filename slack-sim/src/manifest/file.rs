//! The manifest file as it is written, as far as it is read here.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{BadManifest, Manifest, Shortcut, SlashCommand};

impl Manifest {
    /// Reads a manifest, YAML or JSON.
    ///
    /// # Errors
    ///
    /// Where it is not a manifest.
    pub fn read(text: &str) -> Result<Self, BadManifest> {
        let file: File = serde_saphyr::from_str(text).map_err(BadManifest)?;
        Ok(file.into())
    }
}

#[derive(Deserialize)]
struct File {
    display_information: DisplayInformation,
    #[serde(default)]
    features: Features,
    #[serde(default)]
    oauth_config: OauthConfig,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
struct DisplayInformation {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Features {
    app_home: AppHome,
    bot_user: Option<BotUser>,
    slash_commands: Vec<Command>,
    shortcuts: Vec<MenuItem>,
}

#[derive(Deserialize)]
#[serde(default)]
struct AppHome {
    home_tab_enabled: bool,
    messages_tab_enabled: bool,
    messages_tab_read_only_enabled: bool,
}

impl Default for AppHome {
    /// As Slack has it for an app that says nothing of its home.
    fn default() -> Self {
        Self {
            home_tab_enabled: false,
            messages_tab_enabled: true,
            messages_tab_read_only_enabled: true,
        }
    }
}

#[derive(Deserialize)]
struct BotUser {
    display_name: String,
}

#[derive(Deserialize)]
struct Command {
    command: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    usage_hint: String,
    #[serde(default)]
    should_escape: bool,
}

#[derive(Deserialize)]
struct MenuItem {
    name: String,
    callback_id: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OauthConfig {
    scopes: Scopes,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Scopes {
    bot: BTreeSet<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Settings {
    event_subscriptions: EventSubscriptions,
    interactivity: Interactivity,
    org_deploy_enabled: bool,
    socket_mode_enabled: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct EventSubscriptions {
    request_url: Option<String>,
    bot_events: BTreeSet<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Interactivity {
    is_enabled: bool,
    request_url: Option<String>,
    message_menu_options_url: Option<String>,
}

impl From<File> for Manifest {
    fn from(file: File) -> Self {
        let home = file.features.app_home;
        let settings = file.settings;
        let commands = file.features.slash_commands.into_iter();
        let shortcuts = file.features.shortcuts.into_iter();
        Self {
            name: file.display_information.name,
            bot_name: file.features.bot_user.map(|bot| bot.display_name),
            bot_scopes: file.oauth_config.scopes.bot,
            commands: commands.map(SlashCommand::from).collect(),
            shortcuts: shortcuts.map(Shortcut::from).collect(),
            bot_events: settings.event_subscriptions.bot_events,
            home_tab: home.home_tab_enabled,
            messages_tab: home.messages_tab_enabled,
            messages_tab_read_only: home.messages_tab_read_only_enabled,
            interactivity: settings.interactivity.is_enabled,
            socket_mode: settings.socket_mode_enabled,
            org_deploy: settings.org_deploy_enabled,
            events_path: path(settings.event_subscriptions.request_url),
            interactions_path: path(settings.interactivity.request_url),
            options_path: path(settings.interactivity.message_menu_options_url),
        }
    }
}

impl From<Command> for SlashCommand {
    fn from(command: Command) -> Self {
        Self {
            command: command.command,
            description: command.description,
            usage_hint: command.usage_hint,
            path: path(command.url),
            should_escape: command.should_escape,
        }
    }
}

impl From<MenuItem> for Shortcut {
    fn from(item: MenuItem) -> Self {
        Self {
            name: item.name,
            callback_id: item.callback_id,
            is_for_messages: item.kind == "message",
        }
    }
}

/// The path of a URL: a manifest has the public address, the app under test is somewhere else.
fn path(url: Option<String>) -> Option<String> {
    let url = url?;
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').map_or("/", |at| &rest[at..]).to_owned())
}
