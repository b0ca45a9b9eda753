//! What every kind of target has to do, run on a real one of each kind, and what each kind does
//! besides: `contract.rs` in the folder of the kind.

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

/// Makes a test of each rule.
macro_rules! rules {
    ($file:ident $subject:ty: $($rule:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                crate::$file::$rule::<$subject>().await;
            }
        )+
    };
}

/// Runs every rule of the contract on a subject.
macro_rules! contract {
    ($subject:ty) => {
        rules! { rules $subject:
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
            everybody_who_has_the_access_is_listed
            a_target_says_what_it_is_and_lacks_nothing
            a_target_that_is_down_lists_nobody_as_an_error
        }
    };
}

/// Runs every rule for receivers of the protocol on one.
macro_rules! protocol {
    ($receiver:ty) => {
        rules! { protocol $receiver:
            an_order_that_comes_after_a_newer_one_is_refused
            an_order_that_is_replayed_changes_nothing
            a_grant_that_ended_early_is_not_forgotten_before_its_end
            a_restart_forgets_nothing
            what_a_crash_cut_off_is_done_after_the_restart
            the_newest_order_is_the_one_that_counts
            what_is_no_order_of_a_known_version_is_refused
            an_action_that_it_does_not_know_is_not_taken_for_another
            every_status_follows_the_schema
            answers_to_questions_follow_the_schemas
            an_inventory_lists_what_its_parameters_give_alone
        }
    };
}

/// `src/backend/KIND/contract.rs` or `src/backend/KIND/contract/mod.rs` of each kind.
#[path = "../src/backend"]
mod kinds {
    macro_rules! contracts {
        ($($feature:literal $module:ident $Kind:ident;)+) => {
            $(
                #[cfg(feature = $feature)]
                mod $module {
                    mod contract;
                }
            )+
        };
    }

    keylend::kinds_of_target!(contracts);
}
