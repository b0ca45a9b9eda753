//! PostgreSQL: what a login can do is tried with that login.

mod generated;
mod named;
mod part;

use self::part::{Part, backend, grant, is_dead, run};
