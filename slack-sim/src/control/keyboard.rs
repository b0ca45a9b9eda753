//! A person at their keyboard: who may act, and what is before their eyes.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    entries::{Values, fill},
    refused::Refused,
};
use crate::{
    actor::Actor,
    message::Message,
    sim::{Inner, Sim},
    state::State,
    view::View,
    web_api::replace_view,
    workspace::Kind,
};

/// Where an element is.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Place {
    Message { channel: String, ts: String },
    View { view_id: String },
}

/// What the place holds.
pub(super) enum Surface {
    Message(Box<Message>),
    View(View),
}

impl Surface {
    pub(super) fn blocks(&self) -> &Value {
        match self {
            Self::Message(message) => &message.blocks,
            Self::View(view) => view.blocks(),
        }
    }
}

/// The person that a call's path names, who can act.
pub(super) struct Keyboard(pub(super) Actor);

impl FromRequestParts<Arc<Inner>> for Keyboard {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        inner: &Arc<Inner>,
    ) -> Result<Self, Self::Rejection> {
        let id = Path::<String>::from_request_parts(parts, inner).await;
        let Path(id) = id.map_err(|_| Refused::not_there("there is no such person"))?;
        inner.read(|state| match state.person(&id).map(|one| &one.kind) {
            None => Err(Refused::not_there(format!("there is no person {id}"))),
            Some(Kind::Deactivated) => Err(Refused::impossible("deactivated", "they have left")),
            Some(Kind::Bot) => Err(Refused::impossible("is_bot", "a bot has no keyboard")),
            Some(_) => Ok(()),
        })?;
        Ok(Self(Actor::new(Sim::within(inner.clone()), &id)))
    }
}

impl Keyboard {
    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0.sim.inner
    }

    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    /// A message before their eyes.
    pub(super) fn message(&self, channel: &str, ts: &str) -> Result<Message, Refused> {
        let message = self.0.sim.message(channel, ts);
        let is_seen =
            |message: &Message| self.inner().read(|state| state.can_see(self.id(), message));
        message
            .filter(is_seen)
            .ok_or_else(|| Refused::not_there(format!("they see no message {ts} in {channel}")))
    }

    /// What is at a place before their eyes, once `values` are filled in there.
    pub(super) fn surface(&self, place: &Place, values: &Values) -> Result<Surface, Refused> {
        match place {
            Place::Message { channel, ts } => {
                let message = self.message(channel, ts)?;
                Ok(Surface::Message(Box::new(message)))
            }
            Place::View { view_id } => self.filled(view_id, values).map(Surface::View),
        }
    }

    /// The view with this id, once `values` are filled in. That is one step, so that what the app
    /// makes of the view meanwhile is not undone.
    pub(super) fn filled(&self, view_id: &str, values: &Values) -> Result<View, Refused> {
        self.inner().change(|state, _| {
            let mut view = open_view(state, self.id(), view_id)?;
            fill(state, &mut view, values)?;
            replace_view(state, self.id(), view.clone());
            Ok(view)
        })
    }
}

/// Their App Home or the modal on top: what lies below cannot be reached.
fn open_view(state: &State, person: &str, view_id: &str) -> Result<View, Refused> {
    let home = state.homes.get(person);
    let modals = state.modals.get(person);
    let top = modals.and_then(|modals| modals.last());
    let mut reachable = home.into_iter().chain(top);
    if let Some(view) = reachable.find(|view| view.id() == view_id) {
        return Ok(view.clone());
    }
    let mut below = modals.into_iter().flatten();
    Err(match below.any(|view| view.id() == view_id) {
        true => Refused::impossible("covered", "another modal lies on this one"),
        false => Refused::not_there(format!("they have no view {view_id} open")),
    })
}
