//! Everything a person reads in Slack.
pub mod card;
pub mod line;
pub mod text;
