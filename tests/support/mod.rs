//! What stories about the whole service need.

pub mod clock;
pub mod postgres;
pub mod sent;
pub mod skip;
pub mod stage;
pub mod target;
