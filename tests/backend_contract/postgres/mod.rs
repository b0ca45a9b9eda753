//! PostgreSQL: what a login can do is tried with that login.

mod generated;
mod named;

pub(crate) use self::{generated::Generated, named::Named};
use crate::part::{Part, backend, grant, is_dead, run};
