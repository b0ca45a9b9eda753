//! Requests that live their lives by the rules of the domain, committed to a real store.
//!
//! Needs `clock` beside it in the test file: `mod clock; mod story;`, each with its `#[path]`.

#![allow(dead_code, reason = "a test file uses what it needs of it")]

use std::sync::Arc;

use keylend::{
    clock::Clock,
    domain::{
        Actor, AskKey, BackendName, ChannelId, Command, Email, EndCause, Entitlement, Environment,
        Event, Handle, Human, Leftovers, Occurred, Params, Parties, PlannedGrant, PlannedLayer,
        Removal, Request, RequestId, RevocationMode, Risk, RuleId, Span, Terms, Time, UserId,
        Username, decide, open,
    },
    store::{Change, Commit, Database},
};

use crate::clock::TestClock;

/// A store, and the clock by which things happen in it.
pub(crate) struct Story {
    /// Where it is told.
    pub(crate) store: Arc<dyn Database>,
    /// When.
    pub(crate) clock: Arc<TestClock>,
}

impl Story {
    /// Alice is `U0ALICE`, alice@example.com and `alice`: asks for `scope`, with a reason.
    pub(crate) async fn ask(&self, name: &str, scope: &str, minutes: u32, reason: &str) -> Request {
        let (request, first) = self.asked(name, scope, minutes, reason);
        self.commit(vec![Change::first(request.id, first, Vec::new())])
            .await;
        request
    }

    fn asked(&self, name: &str, scope: &str, minutes: u32, reason: &str) -> (Request, Occurred) {
        let now = self.clock.now();
        let requester = UserId::new(format!("U0{}", name.to_uppercase()));
        let first = Occurred {
            at: now,
            actor: Actor::Person(requester.clone()),
            rules: vec![RuleId::new("requester-group")],
            event: Event::Requested {
                ask_key: AskKey::derive(&format!("{name}{scope}{now}")),
                requester,
                email: Email::new(format!("{name}@example.com")),
                human: Human::default(),
                username: Username::new(name),
                terms: Terms {
                    scope: scope.parse().unwrap(),
                    title: format!("Title of {scope}"),
                    environment: Some(Environment::new("prod")),
                    risk: Risk::High,
                    duration: Span::minutes(minutes),
                    reason: reason.to_owned(),
                    ticket: Some("INC-4211".to_owned()),
                    layers: Vec::new(),
                    residual: Span::default(),
                    ends_early: true,
                    dangerous: false,
                },
                approvals_needed: 1,
                stages: Vec::new(),
                approval_channel: ChannelId::new("C0DBA"),
                mirrors: Vec::new(),
                lapses_at: Span::minutes(60).after(now),
                starts_at: None,
            },
        };
        let mix = |hash: u32, byte: u8| hash.wrapping_mul(31).wrapping_add(byte.into());
        let random = format!("{name}{scope}").bytes().fold(0, mix);
        let id = RequestId::new(now, random);
        (open(id, &first), first)
    }

    /// What `command` does to the request, committed.
    pub(crate) async fn tell(&self, request: &mut Request, command: Command) -> Vec<Occurred> {
        let before = request.clone();
        let events = self.told(request, command);
        let commit = Commit {
            changes: vec![Change::of(before, events.clone())],
            ..Commit::default()
        };
        self.store.commit(commit).await.unwrap();
        events
    }

    fn told(&self, request: &mut Request, command: Command) -> Vec<Occurred> {
        let events = decide(request, command, self.clock.now()).unwrap();
        for event in &events {
            request.apply(event);
        }
        events
    }

    /// `by` approves, and the access is made: from now on it is active.
    pub(crate) async fn grant(&self, request: &mut Request, by: &str) {
        self.grant_among(request, by, Parties::default()).await;
    }

    /// The same, with what is known of the people by then.
    pub(crate) async fn grant_among(&self, request: &mut Request, by: &str, known: Parties) {
        let entitlement = Entitlement::new(format!("{}/{}", request.username, request.terms.scope));
        for mut command in granting(request, self.clock.now(), by, "pg-prod", entitlement) {
            if let Command::Approve { parties, .. } = &mut command {
                parties.clone_from(&known);
            }
            self.tell(request, command).await;
        }
    }

    /// Everybody of `names` holds access by this backend, as one commit each would have left it.
    pub(crate) async fn hold(
        &self,
        names: &[String],
        scope: &str,
        minutes: u32,
        backend: &str,
        entitlement: impl Fn(&Request) -> Entitlement,
    ) {
        let now = self.clock.now();
        for some in names.chunks(100) {
            let changes = some.iter().map(|name| {
                let (mut request, first) = self.asked(name, scope, minutes, "a long night");
                let mut events = Vec::new();
                for command in granting(&request, now, "U0BOB", backend, entitlement(&request)) {
                    events.extend(self.told(&mut request, command));
                }
                Change::first(request.id, first, events)
            });
            self.commit(changes.collect()).await;
        }
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
        let (layer, how) = (0, Removal::Removed);
        self.tell(
            request,
            Command::Revoked {
                layer,
                removal: how,
                leftovers: Leftovers::default(),
            },
        )
        .await;
    }

    async fn commit(&self, changes: Vec<Change>) {
        let commit = Commit {
            changes,
            ..Commit::default()
        };
        self.store.commit(commit).await.unwrap();
    }
}

/// What is said of a request until its access is active.
fn granting(
    request: &Request,
    now: Time,
    by: &str,
    backend: &str,
    entitlement: Entitlement,
) -> [Command; 3] {
    let plan = vec![PlannedLayer {
        backend: BackendName::new(backend),
        params: Params::new(),
        handle: Handle::new(format!("keylend_{}", request.id)),
        revocation: RevocationMode::Call,
        late_effects: Span::default(),
        title: None,
        entitlement,
    }];
    let approve = Command::Approve {
        by: Actor::Person(UserId::new(by)),
        rules: vec![RuleId::new("approver-group")],
        revision: request.revision,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: plan,
            ..PlannedGrant::default()
        },
    };
    let (layer, managed) = (0, true);
    let until = request.terms.duration.after(now);
    [
        approve,
        Command::Inspected {
            layer,
            managed,
            receipt: None,
        },
        Command::Granted {
            layer,
            until,
            ends_at: None,
            receipt: None,
            secrets: false,
            caveat: None,
        },
    ]
}
