//! Requests that live their lives by the rules of the domain, committed to a real store.
//!
//! Needs `clock` beside it in the test file: `mod clock; mod story;`, each with its `#[path]`.

#![allow(dead_code, reason = "a test file uses what it needs of it")]

use std::sync::Arc;

use keylend::{
    clock::Clock,
    domain::{
        Actor, BackendName, ChannelId, Command, Email, EndCause, Entitlement, Environment, Event,
        Gone, Handle, Occurred, Params, PlannedLayer, Request, RequestId, Risk, RuleId, Span,
        Terms, UserId, Username, decide, open,
    },
    store::{Change, Commit, Record, Store},
};

use crate::clock::TestClock;

/// A store, and the clock by which things happen in it.
pub(crate) struct Story {
    /// Where it is told.
    pub(crate) store: Arc<dyn Store>,
    /// When.
    pub(crate) clock: Arc<TestClock>,
}

impl Story {
    /// Alice is `U0ALICE`, alice@example.com and `alice`: asks for `scope`, with a reason.
    pub(crate) async fn ask(&self, name: &str, scope: &str, minutes: u32, reason: &str) -> Request {
        let now = self.clock.now();
        let requester = UserId::new(format!("U0{}", name.to_uppercase()));
        let first = Occurred {
            at: now,
            actor: Actor::Person(requester.clone()),
            rules: vec![RuleId::new("requester-group")],
            event: Event::Requested {
                requester,
                email: Email::new(format!("{name}@example.com")),
                username: Username::new(name),
                terms: Terms {
                    scope: scope.parse().unwrap(),
                    title: format!("Title of {scope}"),
                    environment: Some(Environment::new("prod")),
                    risk: Risk::High,
                    duration: Span::minutes(minutes),
                    reason: reason.to_owned(),
                    ticket: Some("INC-4211".to_owned()),
                },
                approvals_needed: 1,
                approval_channel: ChannelId::new("C0DBA"),
                mirrors: Vec::new(),
                lapses_at: Span::minutes(60).after(now),
            },
        };
        let request = open(RequestId::derive(&format!("{name}{scope}{now}")), &first);
        self.commit(None, request.clone(), &[first]).await;
        request
    }

    /// What `command` does to the request, committed.
    pub(crate) async fn tell(&self, request: &mut Request, command: Command) -> Vec<Occurred> {
        let events = decide(request, command, self.clock.now()).unwrap();
        let before = request.version;
        for event in &events {
            request.apply(event);
        }
        self.commit(Some(before), request.clone(), &events).await;
        events
    }

    /// `by` approves, and the access is made: from now on it is active.
    pub(crate) async fn grant(&self, request: &mut Request, by: &str) {
        self.approve(request, by, "pg-prod").await;
        let (layer, given) = (0, true);
        self.tell(request, Command::Surveyed { layer, given }).await;
        let until = request.expires_at.unwrap();
        self.tell(request, Command::Made { layer, until }).await;
    }

    /// `by` approves: the access is now to be made by this backend.
    pub(crate) async fn approve(&self, request: &mut Request, by: &str, backend: &str) {
        let plan = vec![PlannedLayer {
            backend: BackendName::new(backend),
            params: Params::new(),
            handle: Handle::new(format!("keylend_{}", request.id)),
            entitlement: Entitlement::new(format!("{}/{}", request.username, request.terms.scope)),
        }];
        let approve = Command::Approve {
            by: Actor::Person(UserId::new(by)),
            rules: vec![RuleId::new("approver-group")],
            revision: request.revision,
            plan,
            after: Vec::new(),
        };
        self.tell(request, approve).await;
    }

    /// The requester is done: from now on every check says no.
    pub(crate) async fn done(&self, request: &mut Request) {
        let done = Command::End {
            by: Actor::Person(request.requester.clone()),
            rules: Vec::new(),
            cause: EndCause::Done,
        };
        self.tell(request, done).await;
    }

    /// The target was read back, and the access is not there.
    pub(crate) async fn gone(&self, request: &mut Request) {
        let (layer, how) = (0, Gone::Removed);
        self.tell(request, Command::Unmade { layer, how }).await;
    }

    async fn commit(&self, before: Option<u64>, after: Request, events: &[Occurred]) {
        let records = events.iter().map(|event| Record::of(after.id, event));
        let change = Change {
            before,
            records: records.collect(),
            cards: Vec::new(),
            after,
        };
        let commit = Commit {
            changes: vec![change],
            ..Commit::default()
        };
        self.store.commit(commit).await.unwrap();
    }
}
