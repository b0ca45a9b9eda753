//! Access in the targets that Keylend granted, as the targets tell, and that no request in the log
//! explains: what a store that is older than the targets does not know of, as after a restored backup.
//!
//! [`Inspection`] looks for it when the service starts, and about twice a day from then on, and raises an
//! alert. It revokes nothing: an operator does, by [`revoke()`], which `keylend reconcile --apply` calls for
//! each that [`find()`] finds.
//!
//! Access that is being granted or revoked is never taken for unexplained. Its intent is in the log before
//! its effect is in the target, so the target is read first and then the log. What seems to be unexplained
//! is looked at again in both. To revoke it, its claim is taken first, without which nobody grants or
//! revokes it.

mod find;
mod inspection;
mod revoke;

pub use find::{Error, Found, Target, Verdict, find};
pub use inspection::{Inspection, Parts};
pub use revoke::{Outcome, revoke};
