//! What requesters are told of their requests: each notice in the thread of the request's message, or few
//! messages of many notices, so that whose grants end together does not wait minutes for the last of them.

use super::feeds::{Batch, Destination, fits, push_line};

/// The most notices that are told each in its thread, of those that wait together.
const IN_THREADS: usize = 5;

/// One person's notices that wait, as they are told: folded into messages outside the threads if they are
/// many. Their order stays.
pub(super) fn together(notices: Vec<(Destination, Batch)>) -> Vec<(Destination, Batch)> {
    if notices.len() <= IN_THREADS {
        return notices;
    }
    let mut told: Vec<(Destination, Batch)> = Vec::new();
    for (destination, notice) in notices {
        match told.last_mut() {
            Some((_, message)) if fits(&message.text, &notice.text) => {
                push_line(&mut message.text, &notice.text);
                message.through = notice.through;
            }
            _ => told.push((
                Destination {
                    head: None,
                    ..destination
                },
                Batch {
                    request: None,
                    ..notice
                },
            )),
        }
    }
    told
}
