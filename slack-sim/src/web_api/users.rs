//! `users.*`: people, with as many or as few facts as Slack gives.

use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
    paging,
};
use crate::workspace::CREATED;
use crate::{
    state::State,
    workspace::{Kind, Person},
};

/// People on a page of `users.list` that is not limited.
const MOST_LISTED: usize = 1000;

/// The one bot that does not say that it is one.
const SLACKBOT: &str = "USLACKBOT";

pub(super) fn info(state: &State, args: &Args) -> Answer {
    match args.required("user")? {
        SLACKBOT => Ok(json!({"user": object(state, &slackbot())})),
        id => match state.person(id) {
            Some(person) => Ok(json!({"user": object(state, person)})),
            None => Err(ApiError::named("user_not_found")),
        },
    }
}

pub(super) fn list(state: &State, args: &Args) -> Answer {
    args.required_team(state)?;
    let slackbot = slackbot();
    let people = state.workspace.people.values();
    let people = people.filter(|person| !person.is_stranger());
    let members = people
        .chain([&slackbot])
        .map(|person| object(state, person));
    let (members, next) = paging::page(members.collect(), args, MOST_LISTED)?;
    Ok(json!({
        "members": members,
        "cache_ts": CREATED,
        "response_metadata": paging::metadata(&next),
    }))
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

fn slackbot() -> Person {
    Person::member(SLACKBOT, "slackbot")
        .real_name("Slackbot")
        .email("")
}

/// The user object. People of other workspaces lack the email and every flag but `is_stranger`;
/// those who left lack the time zone and the guest flags; without `users:read.email` all lack the
/// email.
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
    } else if !person.email.is_empty() && state.has_scope("users:read.email") {
        out["profile"]["email"] = json!(person.email);
        if let Some(confirmed) = person.is_email_confirmed {
            out["is_email_confirmed"] = json!(confirmed);
        }
    }
    if let Some(enterprise) = &state.workspace.enterprise {
        out["enterprise_user"] = json!({
            "id": person.id,
            "enterprise_id": enterprise.id,
            "enterprise_name": enterprise.name,
            "is_admin": false,
            "is_owner": false,
            "is_primary_owner": false,
            "teams": [state.workspace.team_id],
        });
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
