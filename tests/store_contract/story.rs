//! Requests as they really come about: through the domain, never put together by hand.

use keylend::{
    domain::{
        Actor, AskKey, BackendName, ChannelId, Command, Email, EndCause, Entitlement, Environment,
        Event, Handle, Human, Occurred, Params, Parties, PlannedGrant, PlannedLayer, Removal,
        Request, RequestId, Risk, RuleId, ScopeId, Span, Terms, Time, UserId, Username, decide,
        open,
    },
    store::{Change, Commit, CommitError, EntryBody, NewCard, Record, Store},
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
    let first = Occurred {
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
            },
            approvals_needed: 1,
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: Span::minutes(60).after(now),
        },
    };
    let id = id(seed);
    Change {
        after: open(id, &first),
        before: None,
        last_seq: None,
        records: vec![Record::of(id, &first)],
        cards: Vec::new(),
    }
}

/// A request of Alice's that needs two approvals.
pub(crate) fn asked_for_two(seed: &str, now: Time) -> Change {
    let mut change = asked(seed, "alice", "db-prod:write", now);
    change.after.approvals_needed = 2;
    for record in &mut change.records {
        if let EntryBody::Request(Event::Requested {
            approvals_needed, ..
        }) = &mut record.body
        {
            *approvals_needed = 2;
        }
    }
    change
}

/// What a command makes of a request.
pub(crate) fn then(request: &Request, command: Command, now: Time) -> Change {
    let occurred = decide(request, command, now).expect("the command fits");
    let mut after = request.clone();
    occurred.iter().for_each(|occurred| after.apply(occurred));
    Change {
        after,
        before: Some(request.version),
        last_seq: None,
        records: occurred
            .iter()
            .map(|occurred| Record::of(request.id, occurred))
            .collect(),
        cards: Vec::new(),
    }
}

/// Bob's approval, which plans a layer in each backend with the entitlement named.
pub(crate) fn approved(request: &Request, layers: &[(&str, &str)], now: Time) -> Change {
    let plan = layers
        .iter()
        .map(|(backend, entitlement)| PlannedLayer {
            backend: BackendName::new(*backend),
            params: Params::from_iter([("role".to_owned(), "app_writer".into())]),
            handle: Handle::new(format!("keylend_{}", request.id)),
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
    then(request, Command::Inspected { layer, managed }, now)
}

pub(crate) fn made(request: &Request, layer: usize, now: Time) -> Change {
    let until = request.expires_at.expect("an approved request");
    then(request, Command::Granted { layer, until }, now)
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

/// The change, and messages that show the request from now on.
pub(crate) fn with_cards(change: Change, cards: &[NewCard]) -> Change {
    Change {
        cards: cards.to_vec(),
        ..change
    }
}

pub(crate) fn only(change: Change) -> Commit {
    Commit {
        changes: vec![change],
        ..Commit::default()
    }
}

/// Commits one change that has to go well, and gives the request after it.
pub(crate) async fn commit(store: &dyn Store, change: Change) -> Request {
    let after = change.after.clone();
    store.commit(only(change)).await.expect("a commit");
    after
}

/// A grant of Alice's that is active, with one layer in `pg-prod`.
pub(crate) async fn active(store: &dyn Store, seed: &str, entitlement: &str) -> Request {
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
