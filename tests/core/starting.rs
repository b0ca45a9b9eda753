//! A start in the future: approved in advance, decided on once more at the start.

use chrono::DateTime;
use keylend::domain::{
    Actor, ApprovalFacts, AskKey, BackendName, ChannelId, Command, Email, EndCause, Entitlement,
    Event, Handle, Human, Lane, Occurred, Params, Parties, PlannedGrant, PlannedLayer, Refusal,
    Request, RequestId, RevocationMode, Risk, Span, Stage, State, Terms, Time, UserId, Username,
    Vote, Work, decide, open,
};

const ALICE: &str = "U0ALICE";
const BOB: &str = "U0BOB";

fn asked_at() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// Twelve hours after it was asked for.
fn starts_at() -> Time {
    Span::minutes(720).after(asked_at())
}

fn ends_at() -> Time {
    Span::minutes(30).after(starts_at())
}

fn human(name: &str) -> Human {
    Human::new(&UserId::new(name), None)
}

fn terms() -> Terms {
    Terms {
        scope: "db-prod:write".parse().unwrap(),
        title: "Production database, write".into(),
        environment: None,
        risk: Risk::High,
        duration: Span::minutes(30),
        reason: "maintenance".into(),
        ticket: None,
        layers: Vec::new(),
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
    }
}

/// Approved by Bob a minute after Alice asked for it.
fn approved() -> Request {
    let alice = UserId::new(ALICE);
    let first = Occurred {
        at: asked_at(),
        actor: Actor::Person(alice.clone()),
        rules: Vec::new(),
        event: Event::Requested {
            ask_key: AskKey::derive("a trigger"),
            requester: alice,
            email: Email::new("alice@example.com"),
            human: Human::default(),
            username: Username::new("alice"),
            terms: terms(),
            approvals_needed: 1,
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: Span::minutes(60).after(asked_at()),
            stages: Vec::new(),
            starts_at: Some(starts_at()),
        },
    };
    let mut request = open(RequestId::new(asked_at(), 1), &first);
    let layer = PlannedLayer {
        backend: BackendName::new("pg-prod"),
        params: Params::new(),
        handle: Handle::new("jit_1"),
        revocation: RevocationMode::Call,
        late_effects: Span::default(),
        title: None,
        entitlement: Entitlement::new("role"),
    };
    let approve = Command::Approve {
        by: Actor::Person(UserId::new(BOB)),
        rules: Vec::new(),
        revision: 1,
        parties: Parties {
            approver: human(BOB),
            requester: human(ALICE),
            ..Parties::default()
        },
        grant: PlannedGrant {
            layers: vec![layer],
            ..PlannedGrant::default()
        },
    };
    tell(&mut request, approve, Span::minutes(1).after(asked_at())).unwrap();
    request
}

/// Tells it at `now`; the answer is what happened.
fn tell(request: &mut Request, command: Command, now: Time) -> Result<Vec<Event>, Refusal> {
    let events = decide(request, command, now)?;
    for event in &events {
        request.apply(event);
    }
    Ok(events.into_iter().map(|occurred| occurred.event).collect())
}

/// The start, where this is what became of Bob's vote.
fn start(vote: Vote) -> Command {
    Command::Start {
        terms: terms(),
        approvals_needed: 1,
        stages: Vec::new(),
        parties: Parties {
            requester: human(ALICE),
            votes: [(UserId::new(BOB), vote)].into(),
            ..Parties::default()
        },
        after: Vec::new(),
        facts: ApprovalFacts {
            at: starts_at(),
            ..ApprovalFacts::default()
        },
    }
}

fn counts() -> Vote {
    Vote::Counts { human: human(BOB) }
}

fn inspected() -> Command {
    Command::Inspected {
        layer: 0,
        managed: true,
        receipt: None,
    }
}

fn refused_because(request: &Request) -> &str {
    match &request.state {
        State::Ended {
            cause: EndCause::StartRefused { reason },
            ..
        } => reason,
        state => panic!("not refused at its start: {state:?}"),
    }
}

#[test]
fn nothing_is_made_before_the_start_and_the_time_counts_from_there() {
    let mut request = approved();
    assert_eq!(request.expires_at, Some(ends_at()));
    assert!(request.waits_for_start() && !request.is_held());
    let due: Vec<(Time, Work)> = request
        .due()
        .into_iter()
        .map(|due| (due.at, due.work))
        .collect();
    assert_eq!(due, [(starts_at(), Work::Start), (ends_at(), Work::Expire)]);
    let early = Span::minutes(1).before(starts_at());
    for command in [inspected(), start(counts())] {
        assert_eq!(tell(&mut request, command, early), Err(Refusal::NotDue));
    }
    let events = tell(&mut request, start(counts()), starts_at()).unwrap();
    assert!(matches!(events[..], [Event::Started { .. }]), "{events:?}");
    assert!(request.is_held());
    assert!(
        request
            .due()
            .iter()
            .any(|due| due.work == Work::Grant { layer: 0 })
    );
    assert_eq!(request.expires_at, Some(ends_at()));
    tell(&mut request, inspected(), starts_at()).unwrap();
    // It starts once.
    let again = tell(&mut request, start(counts()), starts_at());
    assert_eq!(again, Err(Refusal::NotDue));
}

#[test]
fn an_approval_that_counts_no_more_at_the_start_ends_it_with_nothing_granted() {
    let mut request = approved();
    let void = Vote::Void {
        reason: "has left".into(),
    };
    let events = tell(&mut request, start(void), starts_at()).unwrap();
    let kinds = events.as_slice();
    assert!(
        matches!(
            kinds,
            [
                Event::ApprovalVoided { .. },
                Event::RevocationStarted { .. },
                Event::LayerRevoked { .. },
                Event::Ended {}
            ]
        ),
        "{kinds:?}"
    );
    assert_eq!(
        refused_because(&request),
        "an approval no longer counts: has left"
    );
    assert!(request.never_started());
}

#[test]
fn the_approver_who_is_the_requester_by_now_does_not_count() {
    let mut request = approved();
    let same = human(BOB).with(&human(ALICE));
    tell(
        &mut request,
        start(Vote::Counts { human: same }),
        starts_at(),
    )
    .unwrap();
    assert!(refused_because(&request).contains("the same person"));
}

#[test]
fn a_scope_that_asks_more_by_now_ends_it() {
    type Change = fn(&mut Terms);
    let title: Change = |terms| terms.title.push_str(" (new)");
    let shorter: Change = |terms| terms.duration = Span::minutes(20);
    let same: Change = |_| ();
    let changes = [
        (title, 1, Vec::new()),
        (shorter, 1, Vec::new()),
        (same, 2, Vec::new()),
        (same, 1, vec![Stage::default()]),
    ];
    for (change, needed, today) in changes {
        let mut request = approved();
        let mut command = start(counts());
        if let Command::Start {
            terms,
            approvals_needed,
            stages,
            ..
        } = &mut command
        {
            change(terms);
            (*approvals_needed, *stages) = (needed, today);
        }
        tell(&mut request, command, starts_at()).unwrap();
        assert!(refused_because(&request).contains("configuration"));
    }
}

#[test]
fn a_refusal_at_the_start_names_its_rules() {
    let mut request = approved();
    let refuse = Command::RefuseStart {
        rules: vec![keylend::domain::RuleId::new("hours")],
        reason: "not at night".into(),
    };
    let early = tell(&mut request, refuse.clone(), asked_at());
    assert_eq!(early, Err(Refusal::NotDue));
    let events = decide(&request, refuse, starts_at()).unwrap();
    assert_eq!(events[0].rules.len(), 1);
}

#[test]
fn only_the_requester_withdraws_it_and_only_before_its_start() {
    let withdraw = |name: &str| Command::Withdraw {
        by: UserId::new(name),
        human: human(name),
    };
    let mut request = approved();
    let by_bob = tell(&mut request, withdraw(BOB), asked_at());
    assert_eq!(by_bob, Err(Refusal::NotTheRequester));
    let mut started = request.clone();
    tell(&mut started, start(counts()), starts_at()).unwrap();
    let late = tell(&mut started, withdraw(ALICE), starts_at());
    assert!(matches!(late, Err(Refusal::Settled { .. })), "{late:?}");
    let done = Command::Done {
        by: UserId::new(ALICE),
        human: human(ALICE),
    };
    for command in [withdraw(ALICE), done] {
        let mut request = request.clone();
        tell(&mut request, command, asked_at()).unwrap();
        let cause = EndCause::Withdrawn;
        assert!(matches!(&request.state, State::Ended { cause: it, .. } if *it == cause));
    }
}

#[test]
fn a_start_that_could_not_be_decided_until_the_end_grants_nothing() {
    let mut request = approved();
    let late = tell(&mut request, start(counts()), ends_at());
    assert_eq!(late, Err(Refusal::NotDue));
    tell(&mut request, Command::Expire, ends_at()).unwrap();
    assert!(matches!(request.state, State::Failed { .. }));
}

#[test]
fn no_end_shares_a_lane_with_starts() {
    let due = approved().due();
    let lane = |work: Work| due.iter().find(|it| it.work == work).map(|it| &it.lane);
    assert_eq!(lane(Work::Start), Some(&Lane::Starts));
    assert_eq!(lane(Work::Expire), Some(&Lane::Clock));
}
