//! Which messages show a request from now on: one quiet card a place, updated ever after.

use crate::{
    domain::{ChannelId, Event, Occurred, Request},
    store::{NewCard, Place},
};

/// The cards that `events` call for. A card that exists already is not made again.
pub fn new_cards(
    request: &Request,
    events: &[Occurred],
    audit_channel: &ChannelId,
) -> Vec<NewCard> {
    let card = |place, channel: &ChannelId| NewCard {
        place,
        channel: channel.clone(),
    };
    // A message to a person opens the direct message with them.
    let requester = ChannelId::new(request.requester.as_str());
    events
        .iter()
        .flat_map(|occurred| match &occurred.event {
            Event::Requested { .. } => {
                let mut cards = vec![
                    card(Place::Audit, audit_channel),
                    card(Place::Approval, &request.approval_channel),
                    card(Place::Asked, &requester),
                ];
                cards.extend(
                    request
                        .mirrors
                        .iter()
                        .map(|channel| card(Place::Mirror, channel)),
                );
                cards
            }
            Event::ExtensionRequested { .. } => {
                vec![card(Place::Extension, &request.approval_channel)]
            }
            Event::Activated {} => vec![card(Place::Granted, &requester)],
            Event::Warned {} => vec![card(Place::Warning, &requester)],
            _ => Vec::new(),
        })
        .collect()
}
