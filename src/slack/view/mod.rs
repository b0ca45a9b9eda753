//! Everything a person reads in Slack.
pub mod text;
