//! What people do with Keylend in Slack, beyond the eleven promises: each story comes in by the
//! public door.

mod app;
mod approver_groups;
mod approvers;
mod asking;
mod attempts;
mod callers;
mod channels;
mod clarifying;
mod crossing;
mod digest;
mod ending_early;
mod extending;
mod form;
mod former_scopes;
mod groups;
mod home;
mod identity;
mod incident;
mod leaving;
mod limits;
mod locks;
mod logging;
mod looking_up;
mod more_time;
mod notifying;
mod oncall;
mod shared_channels;
mod shortening;
mod showing_again;
mod socket;
mod stages;
