//! A role that may lock every table of the server, the system catalogues included. PostgreSQL 17 and
//! later have one, `pg_maintain`.

use keylend::backend::BackendError;

use crate::{part::Part, skip::skip, subject::Calls as _};

/// Whether PostgreSQL has `pg_maintain`, which then is granted to the role.
async fn maintains(part: &Part) -> bool {
    let has = part.postgres().version().await >= 17;
    if has {
        part.administers(&format!("GRANT pg_maintain TO {}", part.role()))
            .await;
    }
    has
}

/// Why a test is skipped.
const TOO_OLD: &str = "PostgreSQL has no pg_maintain before version 17";

#[tokio::test]
async fn a_role_that_can_lock_the_catalogues_is_lent_only_where_the_scope_says_that_it_is_dangerous()
 {
    let part = Part::start_alone("2s").await;
    if !maintains(&part).await {
        skip(TOO_OLD);
        return;
    }
    let alice = part.person("alice", "").await;
    for mut order in [part.named(&alice), part.generated()] {
        let refused = part.backend.inspect(&order).await;
        let Err(BackendError::Fail(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.to_string().contains("pg_maintain"), "{why}");
        order.dangerous = true;
        part.lend(&mut order).await;
        part.end(&order).await;
    }
}
