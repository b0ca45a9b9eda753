//! What stories about the whole service need.

pub mod clock;
pub mod fixture;
pub mod pagerduty;
pub mod postgres;
pub mod sent;
pub mod skip;
pub mod target;
pub mod tickets;
