//! `users.*`: people, with as many or as few facts as Slack gives.

use serde_json::{Value, json};

use super::{Answer, ApiError, Args, CREATED};
use crate::{
    state::State,
    workspace::{Kind, Person},
};

pub(super) fn info(state: &State, args: &Args) -> Answer {
    match state.person(args.required("user")?) {
        Some(person) => Ok(json!({"user": object(state, person)})),
        None => Err(ApiError::named("user_not_found")),
    }
}

pub(super) fn list(state: &State) -> Answer {
    let people = state.workspace.people.values();
    let members: Vec<Value> = people
        .filter(|person| !person.is_stranger())
        .map(|person| object(state, person))
        .collect();
    Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
}

pub(super) fn lookup_by_email(state: &State, args: &Args) -> Answer {
    let email = args.required("email")?;
    let mut people = state.workspace.people.values();
    let found = people.find(|person| {
        person.email.eq_ignore_ascii_case(email)
            && !person.is_stranger()
            && person.kind != Kind::Deactivated
    });
    match found {
        Some(person) => Ok(json!({"user": object(state, person)})),
        None => Err(ApiError::named("users_not_found")),
    }
}

/// The user object. People of other workspaces lack the email and every flag but `is_stranger`;
/// those who left lack the time zone and the guest flags.
pub(crate) fn object(state: &State, person: &Person) -> Value {
    let team_id = state.workspace.team_of(person);
    let mut out = json!({
        "id": person.id,
        "team_id": team_id,
        "name": person.name,
        "real_name": person.real_name,
        "profile": {
            "real_name": person.real_name,
            "real_name_normalized": person.real_name,
            "display_name": person.name,
            "display_name_normalized": person.name,
            "team": team_id,
        },
        "updated": CREATED,
    });
    if person.is_stranger() {
        out["is_stranger"] = json!(true);
        return out;
    }
    let is_bot = person.kind == Kind::Bot;
    out["deleted"] = json!(person.kind == Kind::Deactivated);
    out["is_bot"] = json!(is_bot);
    out["is_app_user"] = json!(false);
    if is_bot {
        out["profile"]["always_active"] = json!(true);
        if person.id == state.workspace.bot_user_id {
            out["profile"]["api_app_id"] = json!(state.workspace.app_id);
            out["profile"]["bot_id"] = json!(state.workspace.bot_id);
        }
    } else {
        out["profile"]["email"] = json!(person.email);
    }
    if person.kind == Kind::Deactivated {
        return out;
    }
    let single = person.kind == Kind::SingleChannelGuest;
    out["tz"] = json!(person.tz);
    out["tz_label"] = json!(person.tz);
    out["is_admin"] = json!(false);
    out["is_owner"] = json!(false);
    out["is_primary_owner"] = json!(false);
    out["is_restricted"] = json!(single || person.kind == Kind::Guest);
    out["is_ultra_restricted"] = json!(single);
    out
}
