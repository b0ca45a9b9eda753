//! The eleven promises of Keylend, each held by the tests of one file, through the public doors: a
//! Slack with people in it, targets, the check.

#[path = "../support/mod.rs"]
#[allow(
    dead_code,
    reason = "each test program uses its own part of the fixture"
)]
mod support;

mod promise_01_nobody_approves_their_own;
mod promise_02_nothing_before_its_approval_is_committed;
mod promise_03_expiry_is_a_fact;
mod promise_04_revocation_is_retried_proven_and_loud;
mod promise_05_every_change_is_in_the_log;
mod promise_06_one_effect_for_one_intention;
mod promise_07_nobody_holds_more_than_allowed;
mod promise_08_credentials_are_seen_by_their_requester_alone;
mod promise_09_overlap_is_safe;
mod promise_10_what_slack_shows_is_true;
mod promise_11_a_name_belongs_to_one_person;
