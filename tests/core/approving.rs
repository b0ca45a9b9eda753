//! Approval in stages, and for less time than what was asked for.

use std::collections::BTreeSet;

use chrono::DateTime;
use keylend::domain::{
    Actor, AskKey, ChannelId, Command, Email, Event, GroupName, Human, Occurred, Parties,
    PlannedGrant, Refusal, Request, RequestId, Risk, RuleId, Span, Stage, State, Terms, Time,
    UserId, Username, Vote, decide, open,
};

fn start() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn stage(groups: &[&str]) -> Stage {
    groups.iter().map(|group| GroupName::new(*group)).collect()
}

/// A request of Alice for half an hour.
fn asked(stages: Vec<Stage>, approvals_needed: u8) -> Request {
    let alice = UserId::new("U0ALICE");
    let first = Occurred {
        at: start(),
        actor: Actor::Person(alice.clone()),
        rules: vec![RuleId::new("requester-group")],
        event: Event::Requested {
            ask_key: AskKey::derive("a trigger"),
            requester: alice,
            email: Email::new("alice@example.com"),
            human: Human::default(),
            username: Username::new("alice"),
            terms: terms(),
            approvals_needed,
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: Span::minutes(60).after(start()),
            starts_at: None,
            stages,
        },
    };
    open(RequestId::new(start(), 1), &first)
}

fn terms() -> Terms {
    Terms {
        scope: "db-prod:write".parse().unwrap(),
        title: "Production database, write".into(),
        environment: None,
        risk: Risk::High,
        duration: Span::minutes(30),
        reason: "writes are failing".into(),
        ticket: None,
        layers: Vec::new(),
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
    }
}

fn human(name: &str) -> Human {
    Human::new(&UserId::new(name), None)
}

/// An approval by the first of `people`, each with the stages that they can fill now. The others have
/// approved before, and still may.
fn approval(request: &Request, people: &[(&str, &[usize])], at_most: Option<Span>) -> Command {
    let by = people[0].0;
    let votes = people[1..].iter().map(|(name, _)| {
        let human = human(name);
        (UserId::new(*name), Vote::Counts { human })
    });
    let stages = people.iter().map(|(name, able)| {
        let able: BTreeSet<usize> = able.iter().copied().collect();
        (UserId::new(*name), able)
    });
    Command::Approve {
        by: Actor::Person(UserId::new(by)),
        rules: Vec::new(),
        revision: request.revision,
        parties: Parties {
            approver: human(by),
            requester: human("U0ALICE"),
            votes: votes.collect(),
            stages: stages.collect(),
            ..Parties::default()
        },
        grant: PlannedGrant {
            at_most,
            ..PlannedGrant::default()
        },
    }
}

fn tell(request: &mut Request, command: Command) -> Result<(), Refusal> {
    for event in decide(request, command, start())? {
        request.apply(&event);
    }
    Ok(())
}

fn approve(request: &mut Request, people: &[(&str, &[usize])]) -> Result<(), Refusal> {
    let command = approval(request, people, None);
    tell(request, command)
}

#[test]
fn every_stage_needs_an_approval_of_its_own() {
    let mut request = asked(vec![stage(&["dba"]), stage(&["security", "leads"])], 2);
    approve(&mut request, &[("U0BOB", &[0])]).unwrap();
    assert!(matches!(request.state, State::Pending { .. }));
    let refused = approve(&mut request, &[("U0CAROL", &[0]), ("U0BOB", &[0])]);
    let open = vec![stage(&["security", "leads"])];
    assert_eq!(refused, Err(Refusal::NoOpenStage { open }));
    approve(&mut request, &[("U0EVE", &[1]), ("U0BOB", &[0])]).unwrap();
    assert_eq!(request.state, State::Approved);
}

#[test]
fn an_approver_who_can_fill_two_stages_fills_the_one_that_is_left() {
    let mut request = asked(vec![stage(&["dba"]), stage(&["security"])], 2);
    approve(&mut request, &[("U0BOB", &[0, 1])]).unwrap();
    approve(&mut request, &[("U0CAROL", &[0]), ("U0BOB", &[0, 1])]).unwrap();
    assert_eq!(request.state, State::Approved);
}

#[test]
fn an_earlier_approval_that_fills_no_stage_any_more_is_void() {
    let mut request = asked(vec![stage(&["dba"]), stage(&["security"])], 2);
    approve(&mut request, &[("U0BOB", &[0])]).unwrap();
    approve(&mut request, &[("U0EVE", &[1]), ("U0BOB", &[])]).unwrap();
    assert!(matches!(request.state, State::Pending { .. }));
    let by: Vec<String> = request
        .approvals
        .iter()
        .map(|approval| approval.by.to_string())
        .collect();
    assert_eq!(by, ["person:U0EVE"]);
}

#[test]
fn who_is_in_no_group_of_a_stage_approves_nothing() {
    let mut request = asked(vec![stage(&["dba"])], 1);
    let refused = approve(&mut request, &[("U0BOB", &[])]);
    assert!(matches!(refused, Err(Refusal::NoOpenStage { .. })));
}

#[test]
fn a_catalogue_that_changes_only_makes_the_stages_stricter() {
    let both = vec![stage(&["dba"]), stage(&["security", "leads"])];
    let mut request = asked(both.clone(), 2);
    let revise = |stages: Vec<Stage>| Command::Revise {
        terms: terms(),
        approvals_needed: 1,
        stages,
    };
    assert_eq!(tell(&mut request, revise(Vec::new())), Err(Refusal::NotDue));
    assert_eq!(tell(&mut request, revise(both)), Err(Refusal::NotDue));
    let three = vec![stage(&["dba"]), stage(&["security"]), stage(&["leads"])];
    tell(&mut request, revise(three.clone())).unwrap();
    assert_eq!((request.stages, request.approvals_needed), (three, 3));
}

#[test]
fn the_shortest_choice_of_the_approvers_counts() {
    let mut request = asked(Vec::new(), 2);
    let first = approval(&request, &[("U0BOB", &[])], Some(Span::minutes(10)));
    tell(&mut request, first).unwrap();
    let people: [(&str, &[usize]); 2] = [("U0CAROL", &[]), ("U0BOB", &[])];
    let second = approval(&request, &people, Some(Span::minutes(20)));
    tell(&mut request, second).unwrap();
    assert_eq!(request.expires_at, Some(Span::minutes(10).after(start())));
    assert_eq!(request.approved_duration(), Span::minutes(10));
    // Keylend retries a target while half of what was approved is left.
    let half = Span::minutes(5).after(start());
    assert_eq!(request.retries_until(), Some(half));
}

#[test]
fn the_choice_of_an_approval_that_is_void_does_not_count() {
    let mut request = asked(Vec::new(), 1);
    request.approvals_needed = 2;
    let first = approval(&request, &[("U0BOB", &[])], Some(Span::minutes(10)));
    tell(&mut request, first).unwrap();
    request.approvals_needed = 1;
    // Bob is not among those whose approval was evaluated again.
    approve(&mut request, &[("U0CAROL", &[])]).unwrap();
    assert_eq!(request.expires_at, Some(Span::minutes(30).after(start())));
}

#[test]
fn an_approver_cannot_lengthen_the_time() {
    let mut request = asked(Vec::new(), 1);
    let longer = approval(&request, &[("U0BOB", &[])], Some(Span::minutes(31)));
    let refused = tell(&mut request, longer);
    let (chosen, asked) = (Span::minutes(31), Span::minutes(30));
    assert_eq!(refused, Err(Refusal::LongerThanAsked { chosen, asked }));
}
