//! What an app meets: the methods of the Web API and their limits, and what it is sent, over HTTP and
//! over sockets.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/recorded.rs"]
mod recorded;
#[path = "../../../tests/support/skip.rs"]
mod skip;

mod bad_input;
mod connect;
mod enterprise;
mod faults;
mod methods;
mod people;
mod retries;
mod scopes;
mod socket_mode;
mod strict;
mod subscriptions;
mod views;
mod web_api;
