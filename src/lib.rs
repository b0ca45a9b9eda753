//! Keylend.
pub mod backend;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod domain;
pub mod place;
pub mod policy;
pub mod secret;
pub mod slack;
pub mod store;
pub mod vault;
