//! Attacks of database users on a PostgreSQL target: on its locks, its sessions, its connections and
//! its names.

mod crowd;
mod exiting;
mod grantors;
mod identity;
mod leftovers;
mod logins;
mod maintenance;
mod names;
mod objects;
mod prepared;
mod prepared_by_people;
mod queues;
mod race;
mod relay;
mod sessions;

use std::time::Duration;

use keylend::{
    backend::{BackendError, Presence},
    domain::Handle,
};
use serde_json::json;
use sqlx::{PgConnection, Row as _};

use crate::subject::{Calls as _, Order};
use crate::{
    part::{Part, run},
    subject::order,
};

/// Every person's own password.
pub(crate) const PASSWORD: &str = "their-own";

/// What Keylend would generate.
pub(crate) const GENERATED: &str = "abcdefghjkmnpqrstuvwxyz23456789A";

impl Part {
    /// Makes a login of a person's own, with attributes if it is to have any.
    pub(crate) async fn person(&self, name: &str, attributes: &str) -> String {
        let login = format!("{}_{name}", self.name);
        let create = format!("CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}' {attributes}");
        self.postgres().execute(&create).await;
        login
    }

    pub(crate) fn named(&self, login: &str) -> Order {
        order(login, json!({"role": self.role()}))
    }

    pub(crate) fn generated(&self) -> Order {
        let mut order = order("alice", json!({"role": self.role(), "login": "generated"}));
        // The clean-up drops only logins with names that Keylend gives.
        order.handle = Handle::new(format!("jit_{}_0", order.request));
        order
    }

    pub(crate) async fn grant(&self, order: &Order) -> Result<(), BackendError> {
        let password = (order.params.get("login").is_some()).then(|| GENERATED.into());
        self.backend.grant(order, password.as_ref()).await.map(drop)
    }

    /// Inspects and grants as the worker does, and keeps what the target recognises the access by.
    pub(crate) async fn lend(&self, order: &mut Order) -> Presence {
        let inspection = self.backend.inspect(order).await.expect("inspected");
        order.receipt = inspection.receipt;
        let password = (order.params.get("login").is_some()).then(|| GENERATED.into());
        let granted = self.backend.grant(order, password.as_ref()).await;
        order.receipt = granted.expect("granted").receipt;
        assert_eq!(self.status(order).await, Presence::Present);
        inspection.presence
    }

    /// Runs statements as the superuser.
    pub(crate) async fn administers(&self, statements: &str) {
        self.postgres().execute(statements).await;
    }

    /// Who has given `login` the role.
    pub(crate) async fn grantors(&self, login: &str) -> Vec<String> {
        let grantors = format!(
            "SELECT pg_get_userbyid(a.grantor)::text FROM pg_auth_members a \
             JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member \
             WHERE r.rolname = '{}' AND m.rolname = '{login}' ORDER BY 1",
            self.role()
        );
        let rows = self.postgres().query(&grantors).await;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Ends the access, and expects that nothing holds it up.
    pub(crate) async fn end(&self, order: &Order) {
        let ended = tokio::time::timeout(Duration::from_secs(10), self.backend.revoke(order));
        ended.await.expect("in time").expect("ended");
        assert_eq!(self.status(order).await, Presence::Absent);
    }

    pub(crate) async fn status(&self, order: &Order) -> Presence {
        self.backend.status(order).await.expect("an answer")
    }

    pub(crate) async fn enter(&self, login: &str) -> PgConnection {
        self.log_in(login, PASSWORD).await.expect("in")
    }

    /// Opens a session of a generated login.
    pub(crate) async fn enter_as(&self, order: &Order) -> PgConnection {
        self.log_in(order.handle.as_str(), GENERATED)
            .await
            .expect("in")
    }
}

/// Runs a statement that is expected to work.
pub(crate) async fn does(session: &mut PgConnection, statement: &str) {
    run(session, statement)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}
