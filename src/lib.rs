//! Keylend.
pub mod api;
pub mod audit;
pub mod backend;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod directory;
pub mod domain;
pub mod grants;
pub mod metrics;
pub mod place;
pub mod policy;
pub mod secret;
pub mod slack;
pub mod store;
pub mod vault;
pub mod worker;
