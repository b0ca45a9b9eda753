//! stub
#![allow(missing_docs, dead_code)]
use crate::domain::*;
use std::collections::BTreeSet;
#[derive(Clone, Copy)]
pub enum Action {
    Request,
    Approve,
    Deny,
    Receive,
    AutoApprove,
    Revoke,
    Lock,
}
pub enum TicketFact {
    None,
    Malformed,
    Given,
}
pub struct Facts<'a> {
    pub principal: &'a Person,
    pub requester: &'a UserId,
    pub scope: Option<&'a Scope>,
    pub administrators: &'a BTreeSet<GroupName>,
    pub duration: Span,
    pub ticket: TicketFact,
    pub locked: bool,
    pub held: u32,
    pub cap: u32,
    pub excluded_by: BTreeSet<Environment>,
    pub now: Time,
}
pub struct Policy {
    g: BTreeSet<GroupName>,
}
impl Policy {
    pub fn judge(&self, _a: Action, _f: &Facts<'_>) -> Result<Vec<RuleId>, Refusal> {
        Ok(vec![])
    }
    pub fn groups(&self) -> &BTreeSet<GroupName> {
        &self.g
    }
    pub fn reason(&self, _r: &RuleId) -> Option<&str> {
        None
    }
}
