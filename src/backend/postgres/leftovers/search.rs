//! One search, and how certain it is of what it finds.

use sqlx::postgres::types::Oid;

use super::{
    super::error::Error,
    baseline::{Baseline, Rights},
    parties::Parties,
};

/// Whose leftovers are searched.
pub(in super::super) struct Grant<'a> {
    /// The login, by its number; nothing if it was not made.
    pub(in super::super) login: Option<Oid>,
    /// Whether Keylend made it for the grant.
    pub(in super::super) is_generated: bool,
    /// The role that was lent.
    pub(in super::super) role: Oid,
    /// What was there before; nothing if that is not known.
    pub(in super::super) baseline: Option<&'a Baseline>,
    /// Whether what is certainly the grantee's is dropped.
    pub(in super::super) drop: bool,
}

/// One search.
pub(super) struct Search<'a> {
    pub(super) grant: &'a Grant<'a>,
    pub(super) parties: Parties,
    pub(super) baseline: &'a Baseline,
    /// The rights that were there before; nothing if they are not known.
    pub(super) rights: Option<Rights>,
    /// The first transaction that had not begun when the search began.
    pub(super) now: i64,
}

impl Search<'_> {
    pub(super) fn is_own(&self, role: Oid) -> bool {
        self.parties.login == Some(role)
    }

    /// Whether to drop what is the login's own, or the role's; `is_new` if it was certainly not there
    /// before.
    pub(super) fn may_drop(&self, is_own: bool, is_new: bool) -> bool {
        self.grant.drop && is_new && (is_own || !self.parties.is_shared)
    }

    /// With a remark on what is not certain.
    pub(super) fn marked(&self, what: String, is_own: bool, is_new: bool) -> String {
        match (is_new, is_own || !self.parties.is_shared) {
            (true, true) => what,
            (true, false) => format!("{what} (may be somebody else's)"),
            (false, _) => format!("{what} (may have been there before)"),
        }
    }
}

/// What was not dropped is listed, so why is of interest for diagnosis alone.
pub(super) fn is_done(done: Result<(), Error>) -> bool {
    done.inspect_err(|error| tracing::debug!(%error, "what a grantee left behind stays"))
        .is_ok()
}
