//! What was found out about who can approve what is new.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use crate::domain::{GroupName, RequestId, Span, Stage, Time};

/// How long what was found out about something new serves both who asked and the alert.
const SHARED: Span = Span::seconds(10);

/// Why too few people can approve a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooFewApprovers {
    /// Whether it is more time that they ask for.
    pub is_extension: bool,
    /// The scope's approver groups.
    pub groups: BTreeSet<GroupName>,
    /// How many approvals the request needs.
    pub needed: u8,
    /// How many people can give one now; fewer than `needed`.
    pub able: usize,
    /// Who is in the approver groups.
    pub members: Members,
    /// The stages that nobody is left to approve; none where any of the approvers counts.
    pub open: Vec<Stage>,
}

/// Who is in the approver groups of a scope, seen from one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// Nobody.
    Nobody,
    /// The requester alone, under whatever id.
    OnlyRequester,
    /// Others, with or without the requester.
    Others,
}

/// Whether enough people can approve something; nothing if that is not known.
pub(super) type Finding = Option<Result<(), TooFewApprovers>>;

/// The findings about each revision of a request, each with when somebody first waited for it.
type Kept = HashMap<(RequestId, u32), (Time, Arc<OnceCell<Finding>>)>;

/// What was found out about what is new: who asks waits for it, and so does the alert, and it is evaluated
/// once for both.
#[derive(Default)]
pub(super) struct Findings(Mutex<Kept>);

impl Findings {
    /// Of what this revision of a request asks for, as of the last seconds.
    pub(super) fn of(&self, id: RequestId, revision: u32, now: Time) -> Arc<OnceCell<Finding>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| *at <= now && now < SHARED.after(*at));
        let finding = kept.entry((id, revision));
        let (_, finding) = finding.or_insert_with(|| (now, Arc::default()));
        finding.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_out_serves_all_who_wait_for_it_and_not_for_long() {
        let findings = Findings::default();
        let (id, begin) = (RequestId::new(Time::UNIX_EPOCH, 1), Time::UNIX_EPOCH);
        let first = findings.of(id, 1, begin);
        let second = findings.of(id, 1, Span::seconds(9).after(begin));
        assert!(Arc::ptr_eq(&first, &second));
        let other = findings.of(id, 2, begin);
        assert!(!Arc::ptr_eq(&first, &other));
        let later = findings.of(id, 1, Span::seconds(10).after(begin));
        assert!(!Arc::ptr_eq(&first, &later));
    }
}
