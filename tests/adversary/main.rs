//! What an unprivileged user tries, with the right outcome.

#[path = "../backend_contract/postgres/part.rs"]
mod part;
#[path = "../support/postgres.rs"]
mod postgres_server;
#[allow(dead_code, reason = "the contract's own part of it is not needed here")]
#[path = "../backend_contract/subject.rs"]
mod subject;
mod target;
