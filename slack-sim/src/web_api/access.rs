//! Who may call a method: the token, its kind, and the scopes that the manifest gives.
//!
//! Every decision about a token is made here. A workspace without a manifest grants every scope,
//! except those that change what a method does rather than whether it may be called.

use super::{
    args::Args,
    catalogue::{Family, Method, Needs},
    error::ApiError,
};
use crate::{app::Standing, state::State};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bot,
    App,
}

impl State {
    fn kind_of(&self, token: &str) -> Option<Kind> {
        match token {
            _ if token == self.workspace.bot_token => Some(Kind::Bot),
            _ if token == self.workspace.app_token => Some(Kind::App),
            _ => None,
        }
    }

    /// Whether the token is one of the app's and still works.
    pub(crate) fn knows_token(&self, token: Option<&str>) -> bool {
        let known = token.and_then(|token| self.kind_of(token)).is_some();
        known && self.standing == Standing::Installed
    }

    /// Whether it is the app-level token.
    pub(super) fn is_app_token(&self, token: Option<&str>) -> bool {
        token.and_then(|token| self.kind_of(token)) == Some(Kind::App)
    }

    /// Whether the app has this scope.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        let manifest = self.workspace.manifest.as_ref();
        manifest.is_none_or(|manifest| manifest.bot_scopes.contains(scope))
    }

    /// Whether the manifest gives this scope in so many words.
    pub(crate) fn has_been_given(&self, scope: &str) -> bool {
        let manifest = self.workspace.manifest.as_ref();
        manifest.is_some_and(|manifest| manifest.bot_scopes.contains(scope))
    }

    /// What `x-oauth-scopes` says of a token: nothing if it is unknown, or if no manifest says.
    pub(crate) fn scopes_of(&self, token: Option<&str>) -> Option<String> {
        match self.kind_of(token?)? {
            Kind::App => Some("connections:write".to_owned()),
            Kind::Bot => {
                let manifest = self.workspace.manifest.as_ref()?;
                let scopes: Vec<_> = manifest.bot_scopes.iter().map(String::as_str).collect();
                Some(scopes.join(","))
            }
        }
    }
}

/// Whether the call may be carried out.
pub(super) fn admit(
    state: &State,
    method: &Method,
    token: Option<&str>,
    args: &Args,
) -> Result<(), ApiError> {
    if method.needs == Needs::Nothing {
        return Ok(());
    }
    let token = token.ok_or(ApiError::named("not_authed"))?;
    let kind = state
        .kind_of(token)
        .ok_or(ApiError::named("invalid_auth"))?;
    match state.standing {
        Standing::Installed => {}
        Standing::Revoked if kind == Kind::App => {}
        Standing::Revoked => return Err(ApiError::named("token_revoked")),
        Standing::Uninstalled => return Err(ApiError::named("account_inactive")),
    }
    let suits = match method.needs {
        Needs::AnyToken | Needs::Nothing => true,
        Needs::AppToken(_) => kind == Kind::App,
        Needs::Token | Needs::Scope(_) | Needs::Channel(_) | Needs::Types => kind == Kind::Bot,
    };
    if !suits {
        return Err(ApiError::named("not_allowed_token_type"));
    }
    let mut missing = scopes(state, method.needs, args);
    missing.retain(|scope| !state.has_scope(scope));
    match missing.is_empty() {
        true => Ok(()),
        false => Err(ApiError::scope(
            missing.join(","),
            state.scopes_of(Some(token)),
        )),
    }
}

/// The scopes that this call needs.
fn scopes(state: &State, needs: Needs, args: &Args) -> Vec<&'static str> {
    match needs {
        Needs::Nothing | Needs::AnyToken | Needs::Token | Needs::AppToken(_) => Vec::new(),
        Needs::Scope(scope) => vec![scope],
        Needs::Types => {
            let types = args.text("types").unwrap_or("public_channel").split(',');
            types.filter_map(|kind| reading(kind.trim())).collect()
        }
        Needs::Channel(family) => {
            let channel = args.text("channel").unwrap_or_default();
            let is_private = match state.workspace.channels.get(channel) {
                Some(channel) => Some(channel.is_private),
                None if state.dm_owner(channel).is_some() => None,
                // What there is not needs no scope to be refused.
                None => return Vec::new(),
            };
            vec![match (is_private, family) {
                (Some(false), Family::Read) => "channels:read",
                (Some(false), Family::History) => "channels:history",
                (Some(true), Family::Read) => "groups:read",
                (Some(true), Family::History) => "groups:history",
                (None, Family::Read) => "im:read",
                (None, Family::History) => "im:history",
            }]
        }
    }
}

/// The scope that lets an app read channels of this type.
fn reading(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "public_channel" => "channels:read",
        "private_channel" => "groups:read",
        "im" => "im:read",
        "mpim" => "mpim:read",
        _ => return None,
    })
}
