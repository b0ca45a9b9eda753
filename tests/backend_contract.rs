//! What every kind of target has to do, run on a real one of each kind, and what each kind does
//! besides.
//!
//! A new kind writes a [`Subject`](subject::Subject) and adds one `contract!` line.

#[path = "backend_contract/exec.rs"]
mod exec;
#[path = "backend_contract/postgres/part.rs"]
mod part;
#[path = "backend_contract/postgres/mod.rs"]
mod postgres;
#[path = "support/postgres.rs"]
mod postgres_server;
#[path = "backend_contract/protocol.rs"]
mod protocol;
#[path = "backend_contract/receiver.rs"]
mod receiver;
#[path = "backend_contract/rules.rs"]
mod rules;
#[path = "backend_contract/schema.rs"]
mod schema;
#[path = "backend_contract/subject.rs"]
mod subject;
#[path = "backend_contract/webhook.rs"]
mod webhook;

/// Runs every rule of the contract on a subject.
macro_rules! contract {
    ($kind:ident, $subject:ty) => {
        contract! { @rules $kind, $subject:
            access_that_was_made_works_and_reads_as_present
            making_twice_is_making_once
            making_at_the_same_time_is_making_once
            making_again_sets_the_end_anew
            access_that_was_taken_back_works_no_more_and_reads_as_absent
            taking_back_twice_is_taking_back_once
            taking_back_at_the_same_time_is_taking_back_once
            taking_back_what_was_never_made_succeeds
            access_can_be_made_again_after_it_was_taken_back
            ending_one_persons_access_leaves_anothers
            a_target_that_is_down_is_tried_again_and_never_reads_as_absent
            a_target_that_hangs_is_left_at_the_time_limit
            hostile_names_do_no_harm
            the_entitlement_says_what_two_grants_share
            nothing_secret_is_in_what_the_requester_is_shown
            wrong_parameters_are_named
        }
    };
    (@rules $kind:ident, $subject:ty: $($rule:ident)+) => {
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::rules::$rule::<$subject>().await;
                }
            )+
        }
    };
}

contract!(postgres_named, crate::postgres::Named);
contract!(postgres_generated, crate::postgres::Generated);
contract!(
    webhook_python,
    crate::receiver::Service<crate::receiver::Python>
);
contract!(
    webhook_python_slow,
    crate::receiver::Service<crate::receiver::SlowPython>
);
contract!(
    webhook_node,
    crate::receiver::Service<crate::receiver::Node>
);
contract!(
    webhook_node_slow,
    crate::receiver::Service<crate::receiver::SlowNode>
);
contract!(exec_python, crate::receiver::Program);

/// Runs every rule for receivers of the protocol on an example.
macro_rules! protocol {
    ($kind:ident, $receiver:ty) => {
        protocol! { @rules $kind, $receiver:
            an_order_that_comes_after_a_newer_one_is_refused
            an_order_that_is_replayed_changes_nothing
            a_restart_forgets_nothing
            what_a_crash_cut_off_is_done_after_the_restart
            the_newest_order_is_the_one_that_counts
            what_is_no_order_of_a_known_version_is_refused
            every_status_follows_the_schema
        }
    };
    ($kind:ident, web $example:ty) => {
        protocol! { @rules $kind, $example:
            a_call_that_keylend_did_not_sign_just_now_is_refused
            an_order_that_is_too_large_is_not_read
        }
    };
    (@rules $kind:ident, $receiver:ty: $($rule:ident)+) => {
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    super::protocol::$rule::<$receiver>().await;
                }
            )+
        }
    };
}

protocol!(
    protocol_python,
    crate::receiver::Service<crate::receiver::Python>
);
protocol!(
    protocol_python_slow,
    crate::receiver::Service<crate::receiver::SlowPython>
);
protocol!(
    protocol_node,
    crate::receiver::Service<crate::receiver::Node>
);
protocol!(
    protocol_node_slow,
    crate::receiver::Service<crate::receiver::SlowNode>
);
protocol!(protocol_exec, crate::receiver::Program);
protocol!(signed_python, web crate::receiver::Python);
protocol!(signed_node, web crate::receiver::Node);
