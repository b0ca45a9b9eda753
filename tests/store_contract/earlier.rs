//! What an earlier Keylend left in a store, and what becomes of it.

use keylend::{
    domain::{Human, Refusal, Request, Username},
    store::Store,
};

use crate::story::{approved, asked, at, human};

/// A request as the first Keylend wrote it, which knew a person by one id and one address.
pub(crate) fn as_it_was_written(request: &Request) -> String {
    let mut snapshot = serde_json::to_value(request).unwrap();
    let fields = snapshot.as_object_mut().unwrap();
    for unknown in ["human", "facts", "departure"] {
        fields.remove(unknown);
    }
    fields["terms"].as_object_mut().unwrap().remove("layers");
    for approval in fields["approvals"].as_array_mut().unwrap() {
        approval.as_object_mut().unwrap().remove("human");
    }
    snapshot.to_string()
}

/// Requests from before names were bound to people.
pub(crate) struct Approvals {
    past: Vec<Request>,
    pending: Request,
    running: Request,
}

impl Approvals {
    /// Alice used her own name; she and Bob both used `app`; Bob has asked for something under his.
    pub(crate) fn new() -> Self {
        let as_user = |seed: &str, person: &str, name: &str| {
            let mut request = asked(seed, person, "db-prod:write", at(0)).after().clone();
            request.username = Username::new(name);
            request
        };
        let granted = |seed, person, name| {
            let mut request = as_user(seed, person, name);
            request.expires_at = Some(at(30));
            request
        };
        let past = vec![
            granted("one", "alice", "alice"),
            granted("two", "alice", "app"),
            granted("three", "bob", "App"),
        ];
        // One that was approved by somebody, as every running grant was.
        let running = approved(&as_user("five", "carol", "carol"), &[], at(1))
            .after()
            .clone();
        Self {
            past,
            pending: as_user("four", "bob", "bob"),
            running,
        }
    }

    pub(crate) fn requests(&self) -> Vec<&Request> {
        let open = [&self.pending, &self.running];
        self.past.iter().chain(open).collect()
    }

    /// Verifies whose the names are in a store that had these requests and was brought up to date.
    pub(crate) async fn have_bound_the_names(&self, store: &dyn Store) {
        let admits = async |name: &str, person: &str| {
            let name = Username::new(name);
            let (owners, _) = store.name(&name).await.unwrap();
            owners.admit(&name, &human(person))
        };
        assert_eq!(admits("alice", "alice").await, Ok(()));
        let bound = Refusal::NameBound(Username::new("alice"));
        assert_eq!(admits("alice", "bob").await, Err(bound));
        // Two people have used it.
        let contested = Refusal::NameContested(Username::new("app"));
        for person in ["alice", "bob"] {
            assert_eq!(admits("app", person).await, Err(contested.clone()));
        }
        // Asking binds nothing.
        assert_eq!(admits("bob", "alice").await, Ok(()));
        let held = store.holdings(&human("bob")).await.unwrap().requests;
        assert_eq!(held.len(), 2);
        // What runs is still there, and can be ended.
        let mut running = self.running.clone();
        running.approvals[0].human = Human::default();
        let read = store.request(running.id).await.unwrap();
        assert_eq!(read, Some(running));
    }
}
