//! What a webhook and a program are told, and what they answer: the protocol of `docs/protocol.md`.
//! Both speak the same JSON, so that a program can move behind a URL and back. A kind of target that
//! speaks it has only a [`Transport`].

mod answer;
mod layer;
mod order;

pub(super) use self::{
    layer::{Receiver, Transport},
    order::{ANSWER_LIMIT, Order},
};
