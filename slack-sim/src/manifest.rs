//! The app's manifest: what it may do, and what Slack is to tell it.
//!
//! It owns the few settings that change how Slack behaves towards an app: scopes, commands,
//! events, tabs and the paths they go to. The rest of a manifest is passed over; whether it is a
//! good one is for Slack's own schema to say. Without a manifest the simulator is lenient: every
//! scope is granted, every command exists, every event is subscribed to.

mod file;

use std::collections::BTreeSet;

use crate::app::Paths;

/// What a manifest says of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// `display_information.name`.
    pub name: String,
    /// `features.bot_user.display_name`, if there is a bot user.
    pub bot_name: Option<String>,
    /// `oauth_config.scopes.bot`.
    pub bot_scopes: BTreeSet<String>,
    /// `features.slash_commands`, in their order.
    pub commands: Vec<SlashCommand>,
    /// `features.shortcuts`, in their order.
    pub shortcuts: Vec<Shortcut>,
    /// `settings.event_subscriptions.bot_events`.
    pub bot_events: BTreeSet<String>,
    /// Whether people have an App Home, which `views.publish` needs.
    pub home_tab: bool,
    /// Whether people see the app's direct messages.
    pub messages_tab: bool,
    /// Whether people can only read there, not write.
    pub messages_tab_read_only: bool,
    /// Whether clicks and submissions reach the app at all.
    pub interactivity: bool,
    /// Whether everything comes over Socket Mode and nothing over HTTP.
    pub socket_mode: bool,
    /// Whether the app may be installed for a whole organisation.
    pub org_deploy: bool,
    /// `settings.event_subscriptions.request_url`, its path.
    pub events_path: Option<String>,
    /// `settings.interactivity.request_url`, its path.
    pub interactions_path: Option<String>,
    /// `settings.interactivity.message_menu_options_url`, its path; over HTTP an `external_select`
    /// finds nothing without it.
    pub options_path: Option<String>,
}

/// A slash command of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlashCommand {
    /// With its slash, such as `/jit`.
    pub command: String,
    /// What the composer says of it.
    pub description: String,
    /// What may follow it.
    pub usage_hint: String,
    /// The path of the URL it goes to; none over Socket Mode.
    pub path: Option<String>,
    /// Whether mentions arrive as ids.
    pub should_escape: bool,
}

/// A shortcut of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shortcut {
    /// What the menus say.
    pub name: String,
    /// What its payload names.
    pub callback_id: String,
    /// Whether it is chosen for a message.
    pub is_for_messages: bool,
}

/// A manifest that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the app manifest cannot be read")]
pub struct BadManifest(#[source] pub(crate) serde_saphyr::Error);

impl Manifest {
    /// The command of this name.
    pub fn command(&self, name: &str) -> Option<&SlashCommand> {
        self.commands.iter().find(|one| one.command == name)
    }

    /// Whether the app is told of events of this type.
    pub fn subscribes(&self, event: &str) -> bool {
        self.bot_events.contains(event)
    }

    /// Whether suggestions for an `external_select` have somewhere to go.
    pub fn has_options_url(&self) -> bool {
        self.socket_mode || self.options_path.is_some()
    }

    /// Where in the app each kind of delivery goes; what the manifest leaves out is as by default.
    pub fn paths(&self) -> Paths {
        let usual = Paths::default();
        let command = self.commands.iter().find_map(|one| one.path.clone());
        Paths {
            commands: command.unwrap_or(usual.commands),
            interactions: self.interactions_path.clone().unwrap_or(usual.interactions),
            options: self.options_path.clone().unwrap_or(usual.options),
            events: self.events_path.clone().unwrap_or(usual.events),
        }
    }
}
