//! How approvers follow the questions that one of them asked: lines in the thread of the approval card. An
//! answer mentions whoever asked, or is a direct message to them where the scope notifies approvers directly.

use super::{Messenger, feeds::Destination};
use crate::{
    domain::{ChannelId, Notify, Request},
    presentation::Place,
    slack::view::question::{Told, in_thread},
    store::Entry,
};

impl Messenger {
    /// The line of an entry; nothing if it is about no question.
    pub(super) fn question_line(&self, entry: &Entry, request: &Request) -> Option<String> {
        in_thread(entry, request, !self.notifies_directly(request))
    }

    /// Who is told.
    pub(super) fn question_told(&self, request: &Request, told: Told) -> Vec<Destination> {
        let (Told::Asked(number) | Told::Answered(number)) = told;
        let Some(question) = request.question(number) else {
            return Vec::new();
        };
        let mut told_there = vec![Destination {
            channel: request.approval_channel.clone(),
            head: Some(match question.for_extension {
                true => Place::Extension,
                false => Place::Approval,
            }),
        }];
        if matches!(told, Told::Answered(_)) && self.notifies_directly(request) {
            told_there.push(Destination {
                channel: ChannelId::new(question.by.as_str()),
                head: None,
            });
        }
        told_there
    }

    fn notifies_directly(&self, request: &Request) -> bool {
        let notify = self.notifications.get(&request.terms.scope);
        notify.is_some_and(|scope| scope.notify == Notify::Direct)
    }
}
