//! Memberships that others have given too.

use keylend::backend::BackendError;
use sqlx::Row;

use super::does;
use crate::subject::Calls as _;
use crate::{
    part::{Part, is_dead},
    skip::skip,
};

/// Since PostgreSQL 16 each grantor's grant counts by itself, and only some may revoke it.
#[tokio::test]
async fn a_grant_by_somebody_else_does_not_keep_keylends_own_or_a_session() {
    let part = Part::start("10s").await;
    if part.postgres().version().await < 16 {
        skip("needs PostgreSQL 16: before it, whoever may revoke a role revokes every grant");
        return;
    }
    let alice = part.person("alice", "").await;
    let order = part.named(&alice);
    let role = part.role();
    let also = format!("GRANT {role} TO {alice}");
    part.postgres().execute(&also).await;
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;

    let outcome = part.backend.revoke(&order).await;
    let Err(BackendError::Fail(message)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        message.to_string().contains("`postgres` has given"),
        "{message}"
    );
    assert!(is_dead(&mut session).await);
    let grantors = format!(
        "SELECT grantor::regrole::text FROM pg_auth_members \
         WHERE roleid = '{role}'::regrole AND member = '{alice}'::regrole"
    );
    let grantors: Vec<String> = part
        .postgres()
        .query(&grantors)
        .await
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(grantors, ["postgres"]);

    part.postgres()
        .execute(&format!("REVOKE {role} FROM {alice}"))
        .await;
    part.end(&order).await;
}
