//! What people do with Keylend in Slack, beyond the eleven promises: each story comes in by the
//! public door.

mod app;
mod approvers;
mod asking;
mod callers;
mod channels;
mod clarifying;
mod ending_early;
mod extending;
mod form;
mod former_scopes;
mod groups;
mod home;
mod identity;
mod leaving;
mod limits;
mod logging;
mod looking_up;
mod more_time;
mod shared_channels;
mod socket;
