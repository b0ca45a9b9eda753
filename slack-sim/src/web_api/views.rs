//! `views.*`: modals, opened by a trigger and stacked, and App Homes.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
};
use crate::{limits::check_view, state::State, view::View};

/// How long a trigger lives.
const TRIGGER_LIFE: TimeDelta = TimeDelta::seconds(3);
/// How many modals may lie on each other.
pub(crate) const MOST_STACKED: usize = 3;
/// Bytes that a view may have.
const MOST_BYTES: usize = 250_000;

pub(super) fn open(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let sent = sent_view(state, args, "modal", None)?;
    let user = exchange(state, args, now)?;
    let view = state.build_view(&user, &sent, None, None, now);
    state.modals.insert(user, vec![view.clone()]);
    Ok(answer(&view))
}

pub(super) fn push(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let sent = sent_view(state, args, "modal", None)?;
    let user = exchange(state, args, now)?;
    let stack = state.modals.get(&user).cloned().unwrap_or_default();
    if stack.is_empty() {
        return Err(ApiError::named("not_found"));
    }
    if stack.len() >= MOST_STACKED {
        return Err(ApiError::named("push_limit_reached"));
    }
    let view = state.build_view(&user, &sent, None, stack.last(), now);
    state.modals.entry(user).or_default().push(view.clone());
    Ok(answer(&view))
}

pub(super) fn update(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    let wanted = |view: &View| match args.text("view_id") {
        Some(id) => view.id() == id,
        None => args.text("external_id") == Some(view.external_id()),
    };
    if args.text("view_id").is_none() && args.text("external_id").is_none() {
        return Err(ApiError::missing("view_id"));
    }
    let modals = state
        .modals
        .iter()
        .flat_map(|(user, stack)| stack.iter().map(move |view| (user, view)));
    let found = modals.chain(&state.homes).find(|(_, view)| wanted(view));
    let Some((user, before)) = found.map(|(user, view)| (user.clone(), view.clone())) else {
        return Err(ApiError::named("not_found"));
    };
    let kind = crate::blocks::text(&before.json, "type");
    let sent = sent_view(state, args, kind, Some(before.id()))?;
    unchanged(args, &before)?;
    let view = state.build_view(&user, &sent, Some(&before), None, now);
    replace(state, &user, view.clone());
    Ok(answer(&view))
}

pub(super) fn publish(state: &mut State, args: &Args, now: DateTime<Utc>) -> Answer {
    if !state.workspace.home_tab() {
        return Err(ApiError::named("not_enabled"));
    }
    let user = args.required("user_id")?.to_owned();
    if state.person(&user).is_none() {
        return Err(ApiError::with(
            "invalid_arguments",
            vec!["invalid `user_id` [json-pointer:/user_id]".to_owned()],
        ));
    }
    let before = state.homes.get(&user).cloned();
    let sent = sent_view(state, args, "home", before.as_ref().map(View::id))?;
    if let Some(before) = &before {
        unchanged(args, before)?;
    }
    let view = state.build_view(&user, &sent, before.as_ref(), None, now);
    state.homes.insert(user, view.clone());
    Ok(answer(&view))
}

/// Answers have an empty state: what is filled in travels only with what people do.
fn answer(view: &View) -> Value {
    let mut json = view.json.clone();
    json["state"] = json!({"values": {}});
    json!({"view": json})
}

/// Puts a newer version in the place of the view with the same id.
pub(crate) fn replace(state: &mut State, user: &str, view: View) {
    let modals = state.modals.get_mut(user);
    let mut all = modals
        .into_iter()
        .flatten()
        .chain(state.homes.get_mut(user));
    if let Some(place) = all.find(|place| place.id() == view.id()) {
        *place = view;
    }
}

/// Checks a view, as an argument or in an answer to a submission.
pub(crate) fn check(sent: &Value) -> Result<(), ApiError> {
    if sent.to_string().len() > MOST_BYTES {
        return Err(ApiError::named("view_too_large"));
    }
    let wrong = check_view(sent);
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(ApiError::with("invalid_arguments", wrong)),
    }
}

/// The `view` argument, which must be of this kind; its `external_id` may be in use by `replaced` alone.
fn sent_view(
    state: &State,
    args: &Args,
    kind: &str,
    replaced: Option<&str>,
) -> Result<Value, ApiError> {
    let sent = args.json("view");
    if !sent.is_object() {
        return Err(ApiError::missing("view"));
    }
    check(&sent)?;
    let is = crate::blocks::text(&sent, "type");
    if is != kind {
        let wrong = format!("unsupported type: {is} [json-pointer:/view/type]");
        return Err(ApiError::with("invalid_arguments", vec![wrong]));
    }
    let external_id = crate::blocks::text(&sent, "external_id");
    let mut open = state.modals.values().flatten().chain(state.homes.values());
    let taken = open.any(|view| {
        !external_id.is_empty() && view.external_id() == external_id && Some(view.id()) != replaced
    });
    if taken {
        return Err(ApiError::named("duplicate_external_id"));
    }
    Ok(sent)
}

fn unchanged(args: &Args, before: &View) -> Result<(), ApiError> {
    match args.text("hash") {
        Some(hash) if hash != before.hash() => Err(ApiError::named("hash_conflict")),
        _ => Ok(()),
    }
}

/// Uses up the trigger and says whose it was. The names of the refusals are those of the methods'
/// own pages; Slack's guides say `trigger_expired` and `trigger_exchanged`, as dialogs once did.
fn exchange(state: &mut State, args: &Args, now: DateTime<Utc>) -> Result<String, ApiError> {
    let id = args.required("trigger_id")?;
    let Some(trigger) = state.triggers.get_mut(id) else {
        return Err(ApiError::named("invalid_trigger_id"));
    };
    if trigger.used {
        return Err(ApiError::named("exchanged_trigger_id"));
    }
    if now - trigger.issued_at > TRIGGER_LIFE {
        return Err(ApiError::named("expired_trigger_id"));
    }
    trigger.used = true;
    Ok(trigger.user.clone())
}
