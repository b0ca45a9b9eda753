//! `[slack]`.

use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

use super::{
    Secrets,
    document::{Document, at},
    text::{is_channel_id, is_slack_id, not_a_channel_id},
};
use crate::{
    domain::{ChannelId, TeamId},
    secret::Secret,
};

/// `[slack]`: the workspace and the app in it.
#[derive(Debug, Clone)]
pub struct Slack {
    /// `bot_token`: what Keylend speaks to Slack with, `xoxb-…`.
    pub bot_token: Secret,
    /// `signing_secret`: what Slack signs with.
    pub signing_secret: Secret,
    /// `api_url`: Slack's Web API, default `https://slack.com/api/`. Ends with a slash.
    pub api_url: Url,
    /// `audit_channel`: the id of the channel that gets one line for everything that happens.
    pub audit_channel: ChannelId,
    /// `incident_channels`: patterns of channels' names, such as `inc-*`, default none. Requests
    /// made in them are told there too.
    pub incident_channels: Vec<glob::Pattern>,
    /// `team_id`: the workspace; asked from Slack when it is left out.
    pub team_id: Option<TeamId>,
    /// `app_id`: the app; asked from Slack when it is left out, and where Slack does not tell, the
    /// app that the first signed payload names.
    pub app_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    /// How Slack reaches Keylend, default `http`.
    #[serde(default)]
    mode: Mode,
    bot_token: Secret,
    signing_secret: Secret,
    /// For socket mode; not needed for `http`.
    #[serde(default, rename = "app_token")]
    _app_token: Option<Secret>,
    #[serde(default = "default_api_url")]
    api_url: Url,
    audit_channel: String,
    #[serde(default)]
    incident_channels: Vec<String>,
    team_id: Option<String>,
    app_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Http,
    Socket,
}

fn default_api_url() -> Url {
    Url::parse("https://slack.com/api/").expect("a constant URL is valid")
}

pub(super) fn read(document: &mut Document<'_>, secrets: Secrets) -> Option<Slack> {
    let raw: Raw = document.section("slack")?;
    if matches!(raw.mode, Mode::Socket) {
        document.problem(
            at!["slack", "mode"],
            "this version is reached by Slack over HTTP alone: use `mode = \"http\"`",
        );
    }
    if secrets == Secrets::Checked {
        for (key, secret) in [
            ("bot_token", &raw.bot_token),
            ("signing_secret", &raw.signing_secret),
        ] {
            if let Err(missing) = secret.read() {
                document.problem(at!["slack", key], missing.to_string());
            }
        }
    }
    if !is_channel_id(&raw.audit_channel) {
        let problem = not_a_channel_id(&raw.audit_channel);
        document.problem(at!["slack", "audit_channel"], problem);
    }
    for (key, id, letters, example) in [
        ("team_id", &raw.team_id, ['T', 'E'], "T0123ABCD"),
        ("app_id", &raw.app_id, ['A', 'A'], "A0123ABCD"),
    ] {
        if let Some(id) = id
            && !(id.starts_with(letters) && is_slack_id(id))
        {
            let problem = format!("`{id}` is not an id such as `{example}`");
            document.problem(at!["slack", key], problem);
        }
    }
    Some(Slack {
        bot_token: raw.bot_token,
        signing_secret: raw.signing_secret,
        api_url: api_url(document, raw.api_url),
        audit_channel: ChannelId::new(raw.audit_channel),
        incident_channels: patterns(document, &raw.incident_channels),
        team_id: raw.team_id.map(TeamId::new),
        app_id: raw.app_id,
    })
}

/// The bot token is sent there: nobody between may read it.
fn api_url(document: &mut Document<'_>, mut url: Url) -> Url {
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && here) {
        document.problem(
            at!["slack", "api_url"],
            "the bot token is sent there, so it has to be `https://`, or `http://` to this machine",
        );
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
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
