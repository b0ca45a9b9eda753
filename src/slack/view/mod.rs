//! Everything a person reads in Slack.
pub mod alert;
pub mod answer;
pub mod card;
pub mod home;
pub mod line;
pub mod modal;
pub mod modal_credentials;
pub mod modal_deny;
pub mod modal_end;
pub mod modal_extend;
pub mod modal_request;
pub mod modal_shorter;
pub mod reduced;
pub mod refusal;
pub mod stages;
pub mod text;
