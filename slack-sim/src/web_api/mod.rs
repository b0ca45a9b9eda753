//! The Web API: one function a method, all of them pure changes of the state.
//!
//! To add a method, write a function `(&mut State, &Args, now) -> Answer` in the file of its family,
//! name it in [`call`], and say in the catalogue what it demands. Faults and recording are done
//! before and after, in the server.

mod access;
mod apps;
mod args;
mod auth;
mod blocks;
pub(crate) mod catalogue;
mod chat;
mod conversations;
mod error;
mod history;
mod paging;
mod team;
mod usergroups;
mod users;
mod views;

use chrono::{DateTime, Utc};

use catalogue::method as method_named;
pub(crate) use {args::Args, error::ApiError};

use crate::state::{Draft, State};
use error::Answer;

/// A new message's text, blocks and metadata within their limits.
pub(crate) fn content(args: &Args) -> Result<Draft, ApiError> {
    chat::content(args, chat::MOST_POSTED)
}

pub(crate) use users::object as user_object;
pub(crate) use views::{MOST_STACKED, check as check_view, replace as replace_view};

/// Carries out one call if this token may.
pub(crate) fn answer(
    state: &mut State,
    method: &str,
    token: Option<&str>,
    args: &Args,
    now: DateTime<Utc>,
) -> Answer {
    let known = method_named(method).ok_or(ApiError::named("unknown_method"))?;
    access::admit(state, known, token, args)?;
    if method == "auth.test" && state.is_app_token(token) {
        return auth::app_test(state);
    }
    call(state, method, args, now)
}

/// Whether there is a method of this name.
pub(crate) fn exists(method: &str) -> bool {
    method_named(method).is_some()
}

fn call(state: &mut State, method: &str, args: &Args, now: DateTime<Utc>) -> Answer {
    match method {
        "api.test" => auth::api_test(args),
        "apps.connections.open" => apps::connections_open(state, now),
        "auth.teams.list" => auth::teams_list(state),
        "auth.test" => auth::auth_test(state),
        "auth.revoke" => auth::revoke(state, args),
        "blocks.validate" => blocks::validate(args),
        "bots.info" => auth::bots_info(state, args),
        "chat.delete" => chat::delete(state, args),
        "chat.getPermalink" => chat::get_permalink(state, args),
        "chat.postEphemeral" => chat::post_ephemeral(state, args, now),
        "chat.postMessage" => chat::post_message(state, args, now),
        "chat.update" => chat::update(state, args, now),
        "conversations.history" => history::history(state, args),
        "conversations.info" => conversations::info(state, args),
        "conversations.join" => conversations::join(state, args),
        "conversations.list" => conversations::list(state, args),
        "conversations.members" => conversations::members(state, args),
        "conversations.open" => conversations::open(state, args),
        "conversations.replies" => history::replies(state, args),
        "team.info" => team::info(state),
        "usergroups.list" => usergroups::list(state, args),
        "usergroups.users.list" => usergroups::users_list(state, args),
        "users.conversations" => conversations::of_user(state, args),
        "users.info" => users::info(state, args),
        "users.list" => users::list(state, args),
        "users.lookupByEmail" => users::lookup_by_email(state, args),
        "views.open" => views::open(state, args, now),
        "views.publish" => views::publish(state, args, now),
        "views.push" => views::push(state, args, now),
        "views.update" => views::update(state, args, now),
        _ => Err(ApiError::named("unknown_method")),
    }
}
