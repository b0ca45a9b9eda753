//! Memberships that others have given too. Since PostgreSQL 16 each grantor's grant counts by itself.

use keylend::backend::{BackendError, Presence};

use super::{PASSWORD, does};
use crate::subject::Calls as _;
use crate::{
    part::{Part, is_dead},
    skip::skip,
};

const WHY: &str = "needs PostgreSQL 16: before it, one grant stands for all";

#[tokio::test]
async fn a_grant_by_somebody_else_stays_and_neither_keeps_keylends_own_nor_a_session() {
    let part = Part::start("10s").await;
    if part.postgres().version().await < 16 {
        skip(WHY);
        return;
    }
    let (alice, role) = (part.person("alice", "").await, part.role());
    for options in ["", "WITH INHERIT FALSE, SET FALSE"] {
        for granted_first in [true, false] {
            let mut order = part.named(&alice);
            let also = format!("GRANT {role} TO {alice} {options}");
            if granted_first {
                part.administers(&also).await;
            }
            assert_eq!(part.lend(&mut order).await, Presence::Absent);
            if !granted_first {
                part.administers(&also).await;
            }
            let mut session = part.enter(&alice).await;
            does(&mut session, &format!("SET ROLE {role}")).await;
            does(&mut session, &part.write()).await;

            part.end(&order).await;
            assert!(is_dead(&mut session).await);
            assert_eq!(part.grantors(&alice).await, ["postgres"]);
            assert_eq!(part.can_write(&alice, PASSWORD).await, options.is_empty());
            part.administers(&format!("REVOKE {role} FROM {alice}"))
                .await;
        }
    }
}

/// An administrator who takes the use of it away has not taken the membership away.
#[tokio::test]
async fn a_membership_that_nobody_can_use_is_not_called_granted_and_is_revoked() {
    let part = Part::start("10s").await;
    if part.postgres().version().await < 16 {
        skip(WHY);
        return;
    }
    let (alice, role) = (part.person("alice", "").await, part.role());
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    part.administers(&format!(
        "GRANT {role} TO {alice} WITH INHERIT FALSE, SET FALSE GRANTED BY {}_keylend",
        part.name
    ))
    .await;
    let refused = part.grant(&order).await;
    let Err(BackendError::Fail(error)) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains("INHERIT FALSE"), "{error}");
    assert_eq!(part.status(&order).await, Presence::Present);
    part.end(&order).await;
    assert!(part.grantors(&alice).await.is_empty());
}

/// Before PostgreSQL 16, whether a login inherits is its own affair, and `SET ROLE` gives it the role.
#[tokio::test]
async fn a_login_that_does_not_inherit_can_use_what_it_is_lent() {
    let part = Part::start("10s").await;
    let alice = part.person("alice", "NOINHERIT").await;
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    if part.postgres().version().await < 16 {
        does(&mut session, &format!("SET ROLE {}", part.role())).await;
    }
    does(&mut session, &part.write()).await;
    part.end(&order).await;
    assert!(is_dead(&mut session).await);
}

/// Its answer was lost, and so was the number of the membership.
#[tokio::test]
async fn a_grant_that_nobody_heard_of_is_revoked_and_nothing_that_was_there_before() {
    let part = Part::start("10s").await;
    let is_per_grantor = part.postgres().version().await >= 16;
    let (alice, role) = (part.person("alice", "").await, part.role());
    if is_per_grantor {
        part.administers(&format!("GRANT {role} TO {alice}")).await;
    }
    let mut order = part.named(&alice);
    order.receipt = part.backend.inspect(&order).await.expect("seen").receipt;
    part.grant(&order).await.expect("granted");
    assert_eq!(part.status(&order).await, Presence::Present);
    part.end(&order).await;
    let left: &[&str] = if is_per_grantor { &["postgres"] } else { &[] };
    assert_eq!(part.grantors(&alice).await, left);
}

/// Both are recorded as given by the first superuser.
#[tokio::test]
async fn a_grant_that_keylends_own_would_merge_with_was_there_before() {
    let part = Part::start("10s").await;
    let (alice, role) = (part.person("alice", "").await, part.role());
    let backend = crate::part::backend(&part.postgres().admin_url(), "10s");
    let order = part.named(&alice);
    part.administers(&format!("GRANT {role} TO {alice}")).await;
    let inspection = backend.inspect(&order).await.expect("inspected");
    assert_eq!(inspection.presence, Presence::Present);

    // Granted anew, it would be theirs for ever.
    part.administers(&format!("REVOKE {role} FROM {alice}"))
        .await;
    let mut granted = order.clone();
    granted.receipt = inspection.receipt;
    let refused = backend.grant(&granted, None).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("somebody has revoked"), "{error}");
    assert!(part.grantors(&alice).await.is_empty());

    if part.postgres().version().await < 16 {
        skip(WHY);
        return;
    }
    part.administers(&format!(
        "GRANT {role} TO {alice} WITH INHERIT FALSE, SET FALSE"
    ))
    .await;
    let refused = backend.inspect(&order).await;
    let Err(BackendError::Fail(error)) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains("INHERIT FALSE"), "{error}");
}

#[tokio::test]
async fn a_grant_that_somebody_makes_after_the_inspection_is_not_taken_for_keylends() {
    let part = Part::start("10s").await;
    if part.postgres().version().await >= 16 {
        skip("needs PostgreSQL 15: from 16 on, Keylend's own grant stands beside it");
        return;
    }
    let (alice, role) = (part.person("alice", "").await, part.role());
    let mut order = part.named(&alice);
    order.receipt = part.backend.inspect(&order).await.expect("seen").receipt;
    part.administers(&format!("GRANT {role} TO {alice}")).await;
    let refused = part.grant(&order).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("`postgres` has given"), "{error}");
    part.end(&order).await;
    assert_eq!(part.grantors(&alice).await, ["postgres"]);
}

/// A holder to whom an administrator gave ADMIN OPTION in Keylend's name hands the role on.
#[tokio::test]
async fn what_a_holder_has_given_on_does_not_keep_the_grant() {
    let part = Part::start("10s").await;
    if part.postgres().version().await < 16 {
        skip(WHY);
        return;
    }
    let (alice, bob) = (part.person("alice", "").await, part.person("bob", "").await);
    let (role, keylend) = (part.role(), format!("{}_keylend", part.name));
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    part.administers(&format!(
        "GRANT {role} TO {alice} WITH ADMIN OPTION GRANTED BY {keylend}"
    ))
    .await;
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("GRANT {role} TO {bob}")).await;
    part.end(&order).await;
    assert!(!part.can_write(&bob, PASSWORD).await);
}
