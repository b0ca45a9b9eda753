//! A target under test, seen from both sides: Keylend's, and that of a person who uses it.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use keylend::{
    backend::{
        Backend, BackendConfig, BackendError, BoundLayer, Granted, Inspection, LayerRequest,
        Presence,
    },
    clock::SystemClock,
    domain::{
        BackendName, Email, Entitlement, Handle, Leftovers, Params, RequestId, Time, UserId,
        Username,
    },
};
use secrecy::SecretString;
use serde_json::Value;

/// One real target.
pub(crate) trait Subject: Sized + Sync {
    /// The least that the configuration says of its kind.
    const CONFIG: &str;

    /// Starts one whose calls may take `limit`, as the configuration writes it.
    async fn start(limit: &str) -> Self;

    /// Starts one that nobody else uses, which can be stopped.
    async fn start_alone(limit: &str) -> Self {
        Self::start(limit).await
    }

    /// Keylend's side of it.
    fn backend(&self) -> &Arc<dyn Backend>;

    /// An order for somebody who can use the target; a new grant each time.
    async fn order(&self, username: &str) -> Order;

    /// The password that Keylend would make for the order, if its layer takes one.
    fn password(&self, order: &Order) -> Option<SecretString>;

    /// Whether the person can now do what the layer gives.
    async fn works(&self, order: &Order) -> bool;

    /// The end that the target was told; nothing if it keeps none.
    async fn end(&self, order: &Order) -> Option<Time>;

    /// Gives the person of this order the same access without Keylend, as somebody who administers
    /// the target would. What the target calls the person.
    async fn grant_by_hand(&self, order: &Order) -> String;

    /// Gives Keylend's account what the documentation advises and most tests do without.
    async fn complete(&self) {}

    /// Takes the target away.
    async fn stop(&self);

    /// Brings it back.
    async fn start_again(&self);

    /// Makes the target silent, though it can be reached.
    fn hang(&self);

    /// Parameters that are wrong, with the key that is to blame.
    fn wrong_params() -> Vec<(Value, Option<&'static str>)>;
}

/// An order, with the parameters of its layer.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) order: LayerRequest,
    pub(crate) params: Params,
}

impl Deref for Order {
    type Target = LayerRequest;

    fn deref(&self) -> &LayerRequest {
        &self.order
    }
}

impl DerefMut for Order {
    fn deref_mut(&mut self) -> &mut LayerRequest {
        &mut self.order
    }
}

/// Calls to a target about an order, whose parameters are bound as the worker binds them.
pub(crate) trait Calls {
    fn bound(&self, order: &Order) -> Box<dyn BoundLayer>;

    #[allow(dead_code, reason = "one of the tests that include this file calls it")]
    async fn inspect(&self, order: &Order) -> Result<Inspection, BackendError> {
        self.bound(order).inspect(order).await
    }

    async fn grant(
        &self,
        order: &Order,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        self.bound(order).grant(order, password).await
    }

    async fn revoke(&self, order: &Order) -> Result<(), BackendError> {
        self.bound(order).revoke(order).await
    }

    async fn status(&self, order: &Order) -> Result<Presence, BackendError> {
        self.bound(order).status(order).await
    }

    #[allow(dead_code, reason = "one of the tests that include this file calls it")]
    async fn leftovers(&self, order: &Order) -> Result<Leftovers, BackendError> {
        self.bound(order).leftovers(order).await
    }

    fn entitlement(&self, order: &Order) -> Entitlement {
        self.bound(order).entitlement(order)
    }

    #[allow(dead_code, reason = "one of the tests that include this file calls it")]
    fn interrupts(&self, order: &Order) -> Option<String> {
        self.bound(order).interrupts(order)
    }
}

impl Calls for Arc<dyn Backend> {
    fn bound(&self, order: &Order) -> Box<dyn BoundLayer> {
        self.bind(&order.params).expect("right parameters")
    }
}

/// The name of every target.
pub(crate) const NAME: &str = "wiki";

/// A target as `keylend serve` makes it, from its configuration.
pub(crate) fn build(toml: &str) -> Arc<dyn Backend> {
    let config: BackendConfig = toml::from_str(toml).expect("a configuration");
    let target = config.build(&BackendName::new(NAME), Arc::new(SystemClock));
    target.expect("a target")
}

/// The end of every order, until a test sets another.
pub(crate) fn end() -> Time {
    "2099-11-02T10:00:00.250Z".parse().expect("a moment")
}

/// An order of a new grant.
pub(crate) fn order(username: &str, params: Value) -> Order {
    let number = unique();
    let Value::Object(params) = params else {
        panic!("parameters are an object");
    };
    let order = LayerRequest {
        request: RequestId::new(end(), number[1..].parse().expect("a number")),
        generation: 3,
        scope: "db-prod:write".parse().expect("a scope"),
        dangerous: false,
        requester: UserId::new("U0ALICE"),
        email: Email::new("alice@example.com"),
        username: Username::new(username),
        handle: Handle::new(format!("keylend_{number}_0")),
        entitlement: None,
        receipt: None,
        expires_at: end(),
        instance: None,
    };
    Order { order, params }
}

/// A word that no other test has.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
