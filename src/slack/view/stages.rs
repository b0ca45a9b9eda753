//! Stages of an approval, in words.

use std::collections::BTreeSet;

use super::text;
use crate::domain::{Assignment, Request, Stage};

/// How many groups of a stage are named.
const NAMED: usize = 4;

/// How much of a group's name is shown.
const NAME: usize = 40;

/// The groups of a stage, in a sentence: `security or leads`.
pub fn name(stage: &Stage) -> String {
    let mut names: Vec<String> = stage
        .iter()
        .take(NAMED)
        .map(|group| text::escape(group.as_str(), NAME))
        .collect();
    if stage.len() > NAMED {
        names.push(format!("{} more", stage.len() - NAMED));
    }
    names.join(" or ")
}

/// The stages, in a sentence.
pub fn list(stages: &[Stage]) -> String {
    let names: Vec<String> = stages.iter().map(name).collect();
    names.join("; ")
}

/// How far each stage of what waits for its decision is; nothing where there are no stages.
pub fn progress(request: &Request) -> Option<String> {
    let stages = &request.stages;
    if stages.is_empty() {
        return None;
    }
    let approvals = request.waiting_approvals();
    let groups = approvals.iter().map(|approval| {
        let groups = approval.groups.iter().map(|read| &read.group);
        groups.collect::<BTreeSet<_>>()
    });
    let filled = Assignment::of(stages, request.approvals_needed, groups);
    let each = filled.filled_by().iter().enumerate().map(|(number, by)| {
        let stage = stages
            .get(number)
            .map_or_else(|| "any approver".to_owned(), name);
        match by.and_then(|by| approvals.get(by)) {
            Some(approval) => format!("{stage}: approved by {}", text::actor(&approval.by)),
            None => format!("{stage}: waiting"),
        }
    });
    Some(each.collect::<Vec<_>>().join(" · "))
}
