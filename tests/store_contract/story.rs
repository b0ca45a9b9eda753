//! Requests as they really come about: through the domain, never put together by hand.

use keylend::{
    domain::{
        Actor, AskKey, BackendName, ChannelId, Command, Email, EndCause, Entitlement, Environment,
        Event, Handle, Human, Leftovers, Occurred, Params, Parties, PlannedGrant, PlannedLayer,
        Removal, Request, RequestId, RevocationMode, Risk, RuleId, ScopeId, Span, Terms, Time,
        UserId, Username, decide,
    },
    store::{Change, Commit, CommitError, Ledger},
};

/// This many seconds after the story's beginning, which has milliseconds of its own.
pub(crate) fn at(seconds: i64) -> Time {
    Time::from_timestamp_millis(1_800_000_000_120 + 1000 * seconds).expect("a time")
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(format!("U0{}", name.to_uppercase()))
}

/// Everybody's first id and address.
pub(crate) fn human(name: &str) -> Human {
    Human::new(
        &user(name),
        Some(&Email::new(format!("{name}@example.com"))),
    )
}

pub(crate) fn scope(name: &str) -> ScopeId {
    name.parse().expect("a scope")
}

/// The id of the request that `seed` tells from others.
pub(crate) fn id(seed: &str) -> RequestId {
    let mix = |hash: u32, byte: u8| hash.wrapping_mul(31).wrapping_add(byte.into());
    RequestId::new(at(0), seed.bytes().fold(0, mix))
}

/// A request that is asked for and lapses after an hour.
pub(crate) fn asked(seed: &str, requester: &str, scope_name: &str, now: Time) -> Change {
    asked_as(id(seed), seed, requester, scope_name, now)
}

/// The same, under another id.
pub(crate) fn asked_as(
    id: RequestId,
    seed: &str,
    requester: &str,
    scope_name: &str,
    now: Time,
) -> Change {
    let first = first_event(seed, requester, scope_name, now);
    Change::first(id, first, Vec::new())
}

/// What opens such a request.
pub(crate) fn first_event(seed: &str, requester: &str, scope_name: &str, now: Time) -> Occurred {
    Occurred {
        at: now,
        actor: Actor::Person(user(requester)),
        rules: vec![RuleId::new("requester-group")],
        event: Event::Requested {
            ask_key: AskKey::derive(seed),
            requester: user(requester),
            email: Email::new(format!("{requester}@example.com")),
            human: Human::default(),
            username: Username::new(requester),
            terms: Terms {
                scope: scope(scope_name),
                title: "Production database, write".to_owned(),
                environment: Some(Environment::new("prod")),
                risk: Risk::High,
                duration: Span::minutes(30),
                reason: "Größe „falsch“, \"writes\" are failing 🔑".to_owned(),
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
    }
}

/// A request of Alice's that needs two approvals.
pub(crate) fn asked_for_two(seed: &str, now: Time) -> Change {
    let mut first = first_event(seed, "alice", "db-prod:write", now);
    if let Event::Requested {
        approvals_needed, ..
    } = &mut first.event
    {
        *approvals_needed = 2;
    }
    Change::first(id(seed), first, Vec::new())
}

/// What a command makes of a request.
pub(crate) fn then(request: &Request, command: Command, now: Time) -> Change {
    let events = decide(request, command, now).expect("the command fits");
    Change::of(request.clone(), events)
}

/// Bob's approval, which plans a layer in each backend with the entitlement named.
pub(crate) fn approved(request: &Request, layers: &[(&str, &str)], now: Time) -> Change {
    let plan = layers
        .iter()
        .map(|(backend, entitlement)| PlannedLayer {
            backend: BackendName::new(*backend),
            params: Params::from_iter([("role".to_owned(), "app_writer".into())]),
            handle: Handle::new(format!("keylend_{}", request.id)),
            revocation: RevocationMode::Call,
            late_effects: Span::default(),
            title: None,
            entitlement: Entitlement::new(*entitlement),
        })
        .collect();
    let command = Command::Approve {
        by: Actor::Person(user("bob")),
        rules: vec![RuleId::new("approver-group")],
        revision: request.revision,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: plan,
            ..PlannedGrant::default()
        },
    };
    then(request, command, now)
}

pub(crate) fn inspected(request: &Request, layer: usize, managed: bool, now: Time) -> Change {
    then(
        request,
        Command::Inspected {
            layer,
            managed,
            receipt: None,
        },
        now,
    )
}

pub(crate) fn made(request: &Request, layer: usize, now: Time) -> Change {
    let until = request.expires_at.expect("an approved request");
    then(
        request,
        Command::Granted {
            layer,
            until,
            ends_at: None,
            receipt: None,
            secrets: false,
            caveat: None,
        },
        now,
    )
}

pub(crate) fn done(request: &Request, now: Time) -> Change {
    let command = Command::End {
        by: Actor::Person(request.requester.clone()),
        rules: Vec::new(),
        cause: EndCause::Done,
    };
    then(request, command, now)
}

pub(crate) fn revoked(request: &Request, layer: usize, now: Time) -> Change {
    let how = Removal::Removed;
    then(
        request,
        Command::Revoked {
            layer,
            removal: how,
            leftovers: Leftovers::default(),
        },
        now,
    )
}

pub(crate) fn not_unmade(request: &Request, layer: usize, retry_at: Time, now: Time) -> Change {
    let error = "connection refused".to_owned();
    let command = Command::RevokeFailed {
        layer,
        error,
        retry_at,
    };
    then(request, command, now)
}

pub(crate) fn withdrawn(request: &Request, now: Time) -> Change {
    let by = request.requester.clone();
    then(
        request,
        Command::Withdraw {
            by,
            human: Human::default(),
        },
        now,
    )
}

pub(crate) fn only(change: Change) -> Commit {
    Commit {
        changes: vec![change],
        ..Commit::default()
    }
}

/// Commits one change that has to go well, and gives the request after it. It is read back, since the
/// store dates nothing before what it has.
pub(crate) async fn commit(store: &dyn Ledger, change: Change) -> Request {
    let id = change.after().id;
    store.commit(only(change)).await.expect("a commit");
    let read = store.request(id).await.expect("an answer");
    read.expect("what was committed")
}

/// A grant of Alice's that is active, with one layer in `pg-prod`.
pub(crate) async fn active(store: &dyn Ledger, seed: &str, entitlement: &str) -> Request {
    let request = commit(store, asked(seed, "alice", "db-prod:write", at(0))).await;
    let request = commit(
        store,
        approved(&request, &[("pg-prod", entitlement)], at(1)),
    )
    .await;
    let request = commit(store, inspected(&request, 0, true, at(2))).await;
    commit(store, made(&request, 0, at(3))).await
}

pub(crate) fn is_conflict<T: std::fmt::Debug>(result: Result<T, CommitError>) -> bool {
    matches!(result, Err(CommitError::Conflict))
}

pub(crate) fn is_unavailable<T: std::fmt::Debug>(result: Result<T, CommitError>) -> bool {
    matches!(result, Err(CommitError::Unavailable(_)))
}
