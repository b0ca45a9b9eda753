//! `[slack]`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{
    Secrets,
    document::{Document, at},
    slack_secrets::{Finding, Kind},
    text::{CHANNEL_ID, is_channel_id, is_slack_id, not_a_channel_id},
};
use crate::{
    domain::{Catalogue, ChannelId, TeamId},
    secret::Secret,
    transport::is_protected,
};

/// `[slack]`: the workspace and the app in it.
#[derive(Debug, Clone)]
pub struct Slack {
    /// `bot_token`: what Keylend speaks to Slack with, `xoxb-…`.
    pub bot_token: Secret,
    /// `mode`: how Slack reaches Keylend.
    pub mode: Mode,
    /// `api_url`: Slack's Web API, default `https://slack.com/api/`. Ends with a slash.
    pub api_url: Url,
    /// `audit_channel`: the id of the channel that gets one line for everything that happens.
    pub audit_channel: ChannelId,
    /// `incident_channels`: patterns of channels' names, such as `inc-*`, default none. Requests
    /// made in them are told there too.
    pub incident_channels: Vec<glob::Pattern>,
    /// `shared_channels`: the ids of channels that people of another company may read, default none.
    /// Keylend says less there, and asks for no approval.
    pub shared_channels: BTreeSet<ChannelId>,
    /// `team_id`: the workspace; asked from Slack when it is left out.
    pub team_id: Option<TeamId>,
    /// `app_id`: the app; asked from Slack when it is left out, and where Slack does not tell, the
    /// app that the first signed payload names.
    pub app_id: Option<String>,
}

/// How Slack reaches Keylend. The key of the other mode may stay: changing over is one word.
#[derive(Debug, Clone)]
pub enum Mode {
    /// `mode = "http"`, the default: Slack posts to a public address.
    Http {
        /// `signing_secret`: what Slack signs with.
        signing_secret: Secret,
    },
    /// `mode = "socket"`: Keylend connects to Slack, and no address need be public.
    Socket {
        /// `app_token`: what connections are opened with, `xapp-…`.
        app_token: Secret,
    },
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// How Slack reaches Keylend: with `"http"`, Slack posts to your public address; with `"socket"`, Keylend
    /// connects to Slack.
    #[serde(default)]
    #[schemars(example = &"socket")]
    #[schemars(extend("default" = "http"))]
    mode: RawMode,
    /// The bot token, `xoxb-…`.
    #[schemars(example = json!({ "env": "SLACK_BOT_TOKEN" }))]
    bot_token: Secret,
    /// The app's signing secret, at least 32 characters.
    #[schemars(example = json!({ "env": "SLACK_SIGNING_SECRET" }))]
    #[schemars(extend("x-default" = "required for `\"http\"`"))]
    signing_secret: Option<Secret>,
    /// An app-level token, `xapp-…`, with the scope `connections:write`.
    #[schemars(example = json!({ "env": "SLACK_APP_TOKEN" }))]
    #[schemars(extend("x-default" = "required for `\"socket\"`"))]
    app_token: Option<Secret>,
    /// The channel that gets one line for everything that happens.
    #[schemars(title = "channel id", regex(pattern = CHANNEL_ID), example = &"C0AUDIT")]
    audit_channel: String,
    /// Keylend follows requests that are made in these channels there too.
    #[serde(default)]
    #[schemars(title = "list of patterns of channel names", example = json!(["inc-*"]))]
    incident_channels: Vec<String>,
    /// The audit channel or incident channels that people of another company may read. Keylend posts less
    /// there: no reason, ticket, login, target, rule or error. An approval channel of a scope is refused
    /// here.
    #[serde(default)]
    #[schemars(title = "list of channel ids", inner(regex(pattern = CHANNEL_ID)), example = json!(["C0VENDOR"]))]
    shared_channels: Vec<String>,
    /// The workspace that payloads have to come from.
    #[schemars(title = "workspace id", regex(pattern = "^[TE][A-Z0-9]{2,}$"), example = &"T0123ABCD")]
    #[schemars(extend("x-default" = "the workspace of the bot token"))]
    team_id: Option<String>,
    /// The app that payloads have to come from.
    #[schemars(title = "app id", regex(pattern = "^A[A-Z0-9]{2,}$"), example = &"A0123ABCD")]
    #[schemars(extend("x-default" = "the app of the bot token; if Slack does not say which that is, the app of \
        the first signed payload"))]
    app_id: Option<String>,
    /// Slack's Web API. Keylend sends the bot token there.
    #[serde(default = "default_api_url")]
    #[schemars(title = "URL", example = &"https://slack.com/api/")]
    api_url: Url,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawMode {
    /// Slack posts to your public address.
    #[default]
    Http,
    /// Keylend connects to Slack, and no address has to be public.
    Socket,
}

fn default_api_url() -> Url {
    Url::parse("https://slack.com/api/").expect("a constant URL is valid")
}

pub(super) fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<Slack> {
    let raw: Raw = document.section("slack")?;
    let mode = mode(document, raw.mode, raw.signing_secret, raw.app_token);
    if secrets == Secrets::Checked {
        check(document, Kind::BotToken, &raw.bot_token);
        match &mode {
            Some(Mode::Http { signing_secret }) => {
                check(document, Kind::SigningSecret, signing_secret);
            }
            Some(Mode::Socket { app_token }) => check(document, Kind::AppToken, app_token),
            None => {}
        }
    }
    if !is_channel_id(&raw.audit_channel) {
        let problem = not_a_channel_id(&raw.audit_channel);
        document.problem(at!["slack", "audit_channel"], problem);
    }
    for (key, id, letters, wanted) in [
        (
            "team_id",
            &raw.team_id,
            ['T', 'E'],
            "the id of a workspace, such as `T0123ABCD`: it is in the address of Slack in a browser",
        ),
        (
            "app_id",
            &raw.app_id,
            ['A', 'A'],
            "the id of an app, such as `A0123ABCD`: Slack shows it under \"Basic Information\" in the app's \
             settings",
        ),
    ] {
        if let Some(id) = id
            && !(id.starts_with(letters) && is_slack_id(id))
        {
            let problem = format!("`{id}` is not {wanted}");
            document.problem(at!["slack", key], problem);
        }
    }
    Some(Slack {
        bot_token: raw.bot_token,
        mode: mode?,
        api_url: api_url(document, raw.api_url),
        audit_channel: ChannelId::new(raw.audit_channel),
        incident_channels: patterns(document, &raw.incident_channels),
        shared_channels: shared_channels(document, raw.shared_channels),
        team_id: raw.team_id.map(TeamId::new),
        app_id: raw.app_id,
    })
}

/// Each mode has a secret of its own.
fn mode(
    document: &mut Document<'_>,
    mode: RawMode,
    signing_secret: Option<Secret>,
    app_token: Option<Secret>,
) -> Option<Mode> {
    let (found, key, missing) = match mode {
        RawMode::Http => (
            signing_secret.map(|signing_secret| Mode::Http { signing_secret }),
            "signing_secret",
            "`mode = \"http\"` requires this key: write where the app's signing secret is, such as \
             `signing_secret = { env = \"SLACK_SIGNING_SECRET\" }`",
        ),
        RawMode::Socket => (
            app_token.map(|app_token| Mode::Socket { app_token }),
            "app_token",
            "`mode = \"socket\"` requires this key: write where an app-level token with the scope \
             `connections:write` is, such as `app_token = { env = \"SLACK_APP_TOKEN\" }`",
        ),
    };
    if found.is_none() {
        document.problem(at!["slack", key], missing);
    }
    found
}

/// Reports a secret that is not there or of another kind.
fn check(document: &mut Document<'_>, kind: Kind, secret: &Secret) {
    let at = at!["slack", kind.key()];
    match secret.read() {
        Err(missing) => document.problem(at, missing.to_string()),
        Ok(text) => match kind.check(secret, &text) {
            Some(Finding::Problem(problem)) => document.problem(at, problem),
            Some(Finding::Warning(warning)) => document.warning(at, warning),
            None => {}
        },
    }
}

/// The bot token is sent there: nobody between may read it.
fn api_url(document: &mut Document<'_>, mut url: Url) -> Url {
    if !matches!(url.scheme(), "https" | "http") || !is_protected(&url) {
        document.problem(
            at!["slack", "api_url"],
            "the URL must start with `https://`, because Keylend sends the bot token there; `http://` is \
             allowed only to this machine",
        );
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

fn shared_channels(document: &mut Document<'_>, ids: Vec<String>) -> BTreeSet<ChannelId> {
    for (index, id) in ids.iter().enumerate() {
        if !is_channel_id(id) {
            let problem = not_a_channel_id(id);
            document.problem(at!["slack", "shared_channels", index], problem);
        }
    }
    ids.into_iter().map(ChannelId::new).collect()
}

/// Whoever approves has to see what they approve, which is not for people of another company.
pub(super) fn refuse_shared_approvals(
    document: &mut Document<'_>,
    shared: &BTreeSet<ChannelId>,
    catalogue: &Catalogue,
) {
    for scope in catalogue.values() {
        if shared.contains(&scope.approval_channel) {
            document.problem(
                at!["scopes", scope.id.as_str(), "approval_channel"],
                format!(
                    "`{}` is one of slack.shared_channels. Approvers have to see the whole request, which \
                     people of another company must not read: use a channel that is not shared",
                    scope.approval_channel
                ),
            );
        }
    }
}

fn patterns(document: &mut Document<'_>, texts: &[String]) -> Vec<glob::Pattern> {
    let mut patterns = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let text = text.strip_prefix('#').unwrap_or(text);
        match glob::Pattern::new(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => document.problem(
                at!["slack", "incident_channels", index],
                format!("`{text}` is not a pattern of channels' names, such as `inc-*`: {error}"),
            ),
        }
    }
    patterns
}
