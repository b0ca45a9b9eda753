//! Buttons, forms and events, done: one file for each. What is shared with a command is here too;
//! no file here knows a command.

pub(super) mod approve;
pub(super) mod approve_shorter;
pub(super) mod break_glass;
pub(super) mod buttons;
pub(super) mod create_request;
pub(super) mod credentials;
pub(super) mod deny;
pub(super) mod done;
pub(super) mod end_access;
pub(super) mod events;
pub(super) mod extend;
pub(super) mod form;
pub(super) mod form_outcome;
pub(super) mod how_long;
pub(super) mod incident;
mod preview;
pub(super) mod question;
pub(super) mod request_again;
pub(super) mod shortcut;
pub(super) mod sign_off;
pub(super) mod starts_at;
pub(super) mod submission;
pub(super) mod suggest;
pub(super) mod withdraw;
