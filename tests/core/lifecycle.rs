//! The state machine under any sequence of commands: what must hold whoever sends what, when.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use keylend::domain::{
    Actor, ApprovalFacts, AskKey, BackendName, ChannelId, Command, Departure, Email, EndCause,
    Entitlement, Event, ExtensionOutcome, GroupName, Handle, Human, Leftovers, Occurred, Params,
    Parties, PlannedGrant, PlannedLayer, PlannedReview, Progress, Refusal, Removal, Request,
    RequestId, Review, RevocationMode, Risk, RuleId, Span, Stage, State, Terms, Time, UserId,
    Username, Vote, Work, decide, open,
};
use proptest::prelude::*;

const REQUESTER: &str = "U0ALICE";
const LAYERS: usize = 2;

fn start() -> Time {
    DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap()
}

fn requested(approvals_needed: u8) -> Occurred {
    Occurred {
        at: start(),
        actor: Actor::Person(UserId::new(REQUESTER)),
        rules: vec![RuleId::new("requester-group")],
        event: Event::Requested {
            ask_key: AskKey::derive("a trigger"),
            requester: UserId::new(REQUESTER),
            email: Email::new("alice@example.com"),
            human: Human::default(),
            username: Username::new("alice"),
            terms: Terms {
                scope: "db-prod:write".parse().unwrap(),
                title: "Production database, write".into(),
                environment: None,
                risk: Risk::High,
                duration: Span::minutes(30),
                reason: "writes are failing".into(),
                ticket: Some("INC-4211".into()),
                layers: Vec::new(),
                residual: Span::default(),
                ends_early: true,
                dangerous: false,
            },
            approvals_needed,
            stages: Vec::new(),
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: Span::minutes(60).after(start()),
            starts_at: None,
        },
    }
}

fn plan() -> Vec<PlannedLayer> {
    (0..LAYERS)
        .map(|index| PlannedLayer {
            backend: BackendName::new(format!("target-{index}")),
            params: Params::new(),
            handle: Handle::new(format!("jit_{index}")),
            revocation: RevocationMode::Call,
            late_effects: Span::default(),
            title: None,
            entitlement: Entitlement::new(format!("role-{index}")),
        })
        .collect()
}

fn person() -> impl Strategy<Value = UserId> {
    let ids = vec![REQUESTER, "W0ALICE", "U0BOB", "W0BOB", "U0CAROL"];
    prop::sample::select(ids).prop_map(UserId::new)
}

/// Whose id it is: Alice and Bob have two each.
fn human(id: &UserId) -> Human {
    let name = id.as_str()[2..].to_lowercase();
    Human::new(id, Some(&Email::new(format!("{name}@example.com"))))
}

fn human_of(actor: &Actor) -> Human {
    match actor {
        Actor::Person(id) => human(id),
        Actor::Rule(_) | Actor::Keylend => Human::default(),
    }
}

/// The stages of a request that has some.
fn stages() -> Vec<Stage> {
    let stage = |group| Stage::from([GroupName::new(group)]);
    ["dba", "security"].map(stage).into()
}

/// Which stages the person can fill: Bob one, Alice's other id and Carol both.
fn fills(name: &str) -> BTreeSet<usize> {
    match name {
        "BOB" => [0].into(),
        "ALICE" | "CAROL" => [0, 1].into(),
        name => panic!("nobody is called {name}"),
    }
}

/// Who is who, and which of the earlier approvals still count.
fn parties(by: &Actor, void: u8) -> Parties {
    let ids = ["W0ALICE", "U0BOB", "W0BOB", "U0CAROL"].map(UserId::new);
    let stages = ids
        .iter()
        .map(|id| (id.clone(), fills(&id.as_str()[2..])))
        .collect();
    let votes = ids.into_iter().enumerate().map(|(index, id)| {
        let vote = match void & (1 << index) {
            0 => Vote::Counts { human: human(&id) },
            _ => Vote::Void {
                reason: "has left".into(),
            },
        };
        (id, vote)
    });
    Parties {
        approver: human_of(by),
        requester: human(&UserId::new(REQUESTER)),
        votes: votes.collect(),
        stages,
        groups: Vec::new(),
    }
}

/// What is granted with the last approval: by a rule, for review; by a person, for as long as they allow.
fn grant(by: &Actor, at_most: Option<u32>) -> PlannedGrant {
    let review = matches!(by, Actor::Rule(_)).then(|| PlannedReview {
        reviewers: [GroupName::new("security")].into(),
        channel: ChannelId::new("C0SECURITY"),
    });
    PlannedGrant {
        layers: plan(),
        at_most: at_most.map(Span::minutes),
        review,
        ..PlannedGrant::default()
    }
}

/// The terms, as a catalogue that changes gives them.
fn revised(title: bool, minutes: u32) -> Terms {
    let Event::Requested { mut terms, .. } = requested(1).event else {
        unreachable!("a request begins by being asked for")
    };
    if title {
        terms.title.push_str(" (new)");
    }
    terms.duration = Span::minutes(minutes);
    terms
}

/// The start, with the terms that the catalogue gives then and the approvals that count no more.
fn starting(terms: Terms, void: u8) -> Command {
    Command::Start {
        terms,
        approvals_needed: 1,
        stages: Vec::new(),
        parties: parties(&Actor::Keylend, void),
        after: Vec::new(),
        facts: ApprovalFacts::default(),
    }
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        4 => person().prop_map(Actor::Person),
        1 => Just(Actor::Rule(RuleId::new("low-risk"))),
    ]
}

fn cause() -> impl Strategy<Value = EndCause> {
    prop_oneof![
        Just(EndCause::Done),
        Just(EndCause::Revoked {
            reason: "no longer needed".into()
        }),
        Just(EndCause::Locked {
            reason: "incident".into()
        }),
        any::<bool>().prop_map(|deleted| EndCause::TicketClosed { deleted }),
        Just(EndCause::Displaced {
            by: RequestId::new(start(), 2)
        }),
    ]
}

/// Any command, with times a minute apart at the finest.
fn command() -> impl Strategy<Value = Command> {
    let layer = 0..LAYERS;
    let later = (0u32..120).prop_map(|minutes| Span::minutes(minutes).after(start()));
    let people = prop_oneof![
            6 => (actor(), 1u32..4, 0u8..16, prop::option::of(5u32..60)).prop_map(
                |(by, revision, void, at_most)| Command::Approve {
                    parties: parties(&by, void & void >> 1),
                    grant: grant(&by, at_most),
                    by, rules: vec![], revision,
                }
            ),
            2 => (person(), prop::sample::select(vec!["read the session", " "])).prop_map(
                |(by, note)| Command::SignOff {
                    human: human(&by), by, note: note.into(),
                    requester: human(&UserId::new(REQUESTER)), earlier: Default::default(),
                }
            ),
            1 => (any::<bool>(), 10u32..31, 1u8..4).prop_map(|(title, minutes, approvals_needed)| {
                Command::Revise { terms: revised(title, minutes), approvals_needed, stages: Vec::new() }
            }),
            2 => (person(), 1u32..4).prop_map(|(by, revision)| Command::Deny {
                human: human(&by), by, rules: vec![], revision, reason: "not now".into(),
            }),
            1 => person().prop_map(|by| Command::WithdrawExtension { human: human(&by), by }),
            1 => person().prop_map(|by| Command::Withdraw { human: human(&by), by }),
            1 => person().prop_map(|by| Command::Done { human: human(&by), by }),
            2 => (person(), later.clone()).prop_map(|(by, lapses_at)| Command::RequestExtension {
                human: human(&by), by, rules: vec![], duration: Span::minutes(20), lapses_at, reason: String::new(),
    }),
            2 => (actor(), cause()).prop_map(|(by, cause)| Command::End { by, rules: vec![], cause }),
            1 => person().prop_map(|by| Command::ShowCredential { by }),
            2 => (person(), 1u32..4).prop_map(|(by, revision)| Command::AskQuestion {
                human: human(&by), by, rules: vec![], revision, text: "which table?".into(),
            }),
            1 => (person(), 1u32..4).prop_map(|(by, number)| Command::AnswerQuestion {
                human: human(&by), by, number, text: "orders".into(),
            }),
        ];
    let sweeper = prop_oneof![
        1 => Just(Command::Lapse),
        1 => Just(Command::Warn),
        1 => Just(Command::Remind),
        1 => Just(Command::RemindReview),
        1 => Just(Command::NoticeLeave { rules: vec![], departure: Departure::Group { groups: [GroupName::new("dba")].into() } }),
        1 => (layer.clone(), any::<bool>())
            .prop_map(|(layer, present)| Command::InspectedLater { layer, present }),
        1 => layer.clone().prop_map(|layer| Command::AbandonInspection { layer, error: "no such target".into() }),
        2 => Just(Command::Expire),
        3 => (0u8..16, any::<bool>()).prop_map(|(void, title)| starting(revised(title, 30), void & void >> 1)),
        1 => Just(Command::RefuseStart { rules: vec![], reason: "not at night".into() }),
        6 => (layer.clone(), any::<bool>())
            .prop_map(|(layer, managed)| Command::Inspected { layer, managed, receipt: None }),
        6 => (layer.clone(), later.clone())
            .prop_map(|(layer, until)| Command::Granted { layer, until, ends_at: None, receipt: None, secrets: false, caveat: None }),
        2 => (layer.clone(), prop::option::of(later.clone())).prop_map(|(layer, retry_at)| {
            Command::GrantFailed { layer, error: "no such role".into(), retry_at, receipt: None }
        }),
        4 => layer.clone().prop_map(|layer| Command::Revoked { layer, removal: Removal::Removed, leftovers: Leftovers::default() }),
        2 => (layer, later).prop_map(|(layer, retry_at)| Command::RevokeFailed {
            layer, error: "no connection".into(), retry_at,
        }),
    ];
    prop_oneof![2 => people, 3 => sweeper]
}

/// How many approvals are needed, in which stages, how many minutes ahead the start is, and what is told after
/// how many minutes.
type History = (u8, Vec<Stage>, Option<u32>, Vec<(u32, Command)>);

fn history() -> impl Strategy<Value = History> {
    let approvals = prop_oneof![
        2 => (1u8..3).prop_map(|needed| (needed, Vec::new())),
        1 => Just((2, stages())),
    ];
    let ahead = prop::option::weighted(0.3, 1u32..60);
    // Once in a while nothing happens for a week, after which reviewers are reminded.
    let pause = prop_oneof![60 => 0u32..6, 1 => Just(8 * 24 * 60)];
    let commands = prop::collection::vec((pause, command()), 0..60);
    (approvals, ahead, commands)
        .prop_map(|((needed, stages), ahead, commands)| (needed, stages, ahead, commands))
}

/// One step of a history: before, what happened, after.
type Step<'a> = (&'a Request, &'a [Occurred], &'a Request);

/// Plays a history and hands every step to `check`.
fn play(
    (needed, in_stages, ahead, commands): History,
    mut check: impl FnMut(Step<'_>),
) -> (Request, Vec<Occurred>) {
    let mut log = vec![requested(needed)];
    if let Event::Requested {
        stages,
        starts_at,
        lapses_at,
        ..
    } = &mut log[0].event
    {
        *stages = in_stages;
        *starts_at = ahead.map(|minutes| Span::minutes(minutes).after(start()));
        *lapses_at = starts_at.map_or(*lapses_at, |start| start.min(*lapses_at));
    }
    let mut request = open(RequestId::new(log[0].at, 1), &log[0]);
    let mut now = start();
    for (minutes, command) in commands {
        now = Span::minutes(minutes).after(now);
        let Ok(events) = decide(&request, command, now) else {
            continue;
        };
        let before = request.clone();
        for event in &events {
            request.apply(event);
        }
        check((&before, &events, &request));
        log.extend(events);
    }
    (request, log)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_sequence_of_commands_activates_without_a_foreign_approval_or_a_rule(
        history in history()
    ) {
        let needed = history.0;
        play(history, |(_, _, request)| {
            if !matches!(request.state, State::Approved | State::Active { .. }) {
                return;
            }
            // Each human once, whichever of their ids approved.
            let foreign: BTreeSet<String> = request
                .approvals
                .iter()
                .filter(|approval| !human_of(&approval.by).is(&request.human))
                .map(|approval| match &approval.by {
                    Actor::Person(id) => id.as_str()[2..].to_owned(),
                    by => by.to_string(),
                })
                .collect();
            let by_rule = foreign.iter().any(|by| by.starts_with("rule:"));
            assert!(by_rule || foreign.len() >= usize::from(needed), "{request:?}");
        });
    }

    #[test]
    fn each_stage_is_filled_by_a_person_of_its_own(history in history()) {
        play(history, |(before, events, request)| {
            let by_rule = request.approvals.iter().any(|it| matches!(it.by, Actor::Rule(_)));
            let decided = events.iter().any(|it| {
                matches!(it.event, Event::Approved { .. } | Event::Started { .. })
            });
            if before.stages.is_empty() || by_rule || !decided {
                return;
            }
            let of = |stage: usize| -> BTreeSet<&str> {
                let people = request.approvals.iter().filter_map(|approval| match &approval.by {
                    Actor::Person(id) => Some(&id.as_str()[2..]),
                    _ => None,
                });
                people.filter(|name| fills(name).contains(&stage)).collect()
            };
            let (first, second) = (of(0), of(1));
            let apart = first.iter().any(|one| second.iter().any(|other| one != other));
            assert!(apart, "{request:?}");
        });
    }

    #[test]
    fn nothing_lasts_longer_than_was_asked_for_or_than_an_approver_allows(history in history()) {
        play(history, |(before, events, request)| {
            for occurred in events {
                let (from, asked, end, allowed) = match &occurred.event {
                    Event::Approved { expires_at, duration, .. } => {
                        let from = before.starts_at.unwrap_or(occurred.at).max(occurred.at);
                        (from, before.terms.duration, *expires_at, *duration)
                    }
                    Event::Extended { expires_at, duration, .. } => {
                        let more = before.extension.as_ref().unwrap().duration;
                        (before.expires_at.unwrap(), more, *expires_at, *duration)
                    }
                    _ => continue,
                };
                let voided = |by: &Actor| events.iter().any(|it| {
                    matches!(&it.event, Event::ApprovalVoided { approver, .. } if *by == Actor::Person(approver.clone()))
                });
                let earlier = before.waiting_approvals().iter().filter(|it| !voided(&it.by));
                let allowed = earlier.filter_map(|it| it.duration).chain(allowed).min();
                let granted = allowed.into_iter().chain([asked]).min().unwrap();
                assert_eq!(end, granted.after(from), "{request:?}");
            }
        });
    }

    #[test]
    fn a_review_is_open_until_two_others_have_signed_off(history in history()) {
        let mut open = false;
        let (request, log) = play(history, |(before, events, after)| {
            for occurred in events {
                match &occurred.event {
                    Event::GlassBroken { .. } => open = true,
                    Event::ReviewSignedOff { reason, .. } => {
                        assert!(open && before.review.as_ref().is_some_and(Review::is_open));
                        assert!(!reason.trim().is_empty());
                    }
                    Event::ReviewReminded { .. } => assert!(open),
                    _ => {}
                }
            }
            open &= after.review.as_ref().is_some_and(Review::is_open);
        });
        let signed_off = log.iter().filter(|it| matches!(it.event, Event::ReviewSignedOff { .. }));
        let by: Vec<&str> = signed_off
            .map(|it| match &it.actor {
                Actor::Person(id) => &id.as_str()[2..],
                other => panic!("signed off by {other}"),
            })
            .collect();
        let people: BTreeSet<&str> = by.iter().copied().collect();
        prop_assert_eq!(people.len(), by.len(), "somebody signed off twice");
        prop_assert!(!people.contains("ALICE"), "whoever used it signed off");
        prop_assert!(people.len() <= 2);
        let is_reviewed = request.review.as_ref().map(|review| !review.is_open());
        prop_assert!(is_reviewed.is_none_or(|reviewed| reviewed == (people.len() == 2)));
        let by_rule = log.iter().any(|it| {
            matches!((&it.event, &it.actor), (Event::Approved { .. }, Actor::Rule(_)))
        });
        prop_assert_eq!(request.review.is_some(), by_rule);
    }

    #[test]
    fn nothing_is_granted_before_its_approval_and_inspection_are_logged(history in history()) {
        play(history, |(before, events, _)| {
            for occurred in events {
                if let Event::LayerGranted { layer, .. } = occurred.event {
                    assert!(before.expires_at.is_some());
                    let progress = before.layers[layer].progress;
                    assert!(!matches!(progress, Progress::Planned | Progress::Revoked { .. }));
                }
            }
        });
    }

    #[test]
    fn nothing_is_touched_before_the_start_and_nothing_starts_twice(history in history()) {
        let mut started = 0;
        let (request, _) = play(history, |(before, events, _)| {
            for occurred in events {
                started += u32::from(matches!(occurred.event, Event::Started { .. }));
                if let Event::LayerInspected { .. } = occurred.event {
                    assert!(!before.waits_for_start());
                    assert!(before.starts_at.is_none_or(|start| start <= occurred.at));
                }
            }
        });
        prop_assert_eq!(started, u32::from(request.started));
    }

    #[test]
    fn every_layer_that_may_stand_is_due_to_be_taken_back_until_it_is_gone(history in history()) {
        play(history, |(_, _, request)| {
            let standing = request.layers.iter().any(|layer| !layer.progress.is_revoked());
            if standing {
                assert!(request.is_open(), "over, but not gone: {request:?}");
                assert!(!request.due().is_empty(), "forgotten: {request:?}");
            }
        });
    }

    #[test]
    fn every_open_request_comes_to_its_end_by_what_is_due_alone(history in history()) {
        let (mut request, log) = play(history, |_| {});
        let mut now = log.last().unwrap().at;
        for _ in 0..50 {
            let Some(due) = request.due().into_iter().next() else { break };
            now = now.max(due.at);
            let command = match due.work {
                Work::Lapse => Command::Lapse,
                Work::Warn => Command::Warn,
                Work::Remind { .. } => Command::Remind,
                Work::RemindReview { .. } => Command::RemindReview,
                Work::Expire => Command::Expire,
                Work::Start => starting(request.terms.clone(), 0),
                Work::Grant { layer } if request.layers[layer].progress == Progress::Planned => {
                    Command::Inspected { layer, managed: true, receipt: None }
                }
                Work::Grant { layer } => {
                    Command::Granted { layer, until: request.expires_at.unwrap(), ends_at: None, receipt: None, secrets: false, caveat: None }
                }
                Work::Revoke { layer } => Command::Revoked { layer, removal: Removal::Removed, leftovers: Leftovers::default() },
                Work::InspectAgain { layer } => Command::InspectedLater { layer, present: false },
            };
            let events = match decide(&request, command, now) {
                Ok(events) => events,
                // What came too late to fit: the end, or the time-out, is due as well.
                Err(_) => decide(&request, Command::Expire, now)
                    .or_else(|_| decide(&request, Command::Lapse, now))
                    .unwrap(),
            };
            for event in &events {
                request.apply(event);
            }
        }
        prop_assert!(!request.is_open(), "never ends: {request:?}");
    }

    #[test]
    fn replaying_the_log_gives_the_state(history in history()) {
        let (request, log) = play(history, |_| {});
        let told = serde_json::to_string(
            &log.iter().map(|occurred| &occurred.event).collect::<Vec<_>>()
        ).unwrap();
        let read: Vec<Event> = serde_json::from_str(&told).unwrap();
        let mut replayed = open(request.id, &log[0]);
        for (occurred, event) in log.iter().zip(read).skip(1) {
            replayed.apply(&Occurred { event, ..occurred.clone() });
        }
        prop_assert_eq!(&replayed, &request);
        let stored = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(serde_json::from_str::<Request>(&stored).unwrap(), request);
    }

    #[test]
    fn an_extension_moves_the_end_and_interrupts_nothing(history in history()) {
        play(history, |(before, events, after)| {
            if events.iter().any(|occurred| matches!(occurred.event, Event::Extended { .. })) {
                assert!(matches!(before.state, State::Active { .. }));
                assert!(matches!(after.state, State::Active { .. }));
                assert!(after.expires_at > before.expires_at);
                assert!(after.layers == before.layers);
            }
        });
    }

    #[test]
    fn an_extension_request_does_not_outlive_its_grant(history in history()) {
        play(history, |(_, _, request)| {
            if let Some(extension) = &request.extension {
                assert!(Some(extension.lapses_at) <= request.expires_at, "{request:?}");
            }
        });
    }

    #[test]
    fn questions_and_answers_change_nothing_but_the_questions(history in history()) {
        play(history, |(before, events, after)| {
            let is_question = matches!(
                events[0].event,
                Event::QuestionAsked { .. } | Event::QuestionAnswered { .. }
            );
            if is_question {
                assert!(before.awaits_decision());
                let mut expected = before.clone();
                expected.version += 1;
                expected.questions.clone_from(&after.questions);
                assert_eq!(&expected, after);
            }
            assert!(after.awaits_decision() || after.open_questions().next().is_none());
        });
    }

    #[test]
    fn what_is_settled_stays_settled(history in history()) {
        // What may be found later, and what reviewers say.
        let is_later = |occurred: &Occurred| matches!(
            occurred.event,
            Event::ReviewSignedOff { .. }
                | Event::ReviewReminded { .. }
                | Event::LayerAbsenceConfirmed { .. }
                | Event::LayerInspectionAbandoned { .. }
                | Event::LayerReappeared { .. }
        );
        play(history, |(before, events, _)| {
            assert!(before.is_open() || events.iter().all(is_later), "it went on: {before:?}");
        });
    }

    #[test]
    fn no_check_says_yes_from_the_end_on(history in history()) {
        play(history, |(_, _, request)| {
            if let Some(end) = request.expires_at {
                assert!(!request.is_usable(end));
            }
            if matches!(request.state, State::Ending { .. }) {
                assert!(!request.is_usable(start()));
            }
        });
    }
}

/// The request after these commands, each a minute after the one before.
fn after(commands: Vec<Command>) -> Request {
    let commands: Vec<_> = commands.into_iter().map(|command| (1, command)).collect();
    let count = commands.len();
    let mut done = 0;
    let (request, _) = play((1, Vec::new(), None, commands), |_| done += 1);
    assert_eq!(done, count, "every command does something");
    request
}

fn approve(revision: u32) -> Command {
    let bob = Actor::Person(UserId::new("U0BOB"));
    Command::Approve {
        parties: parties(&bob, 0),
        by: bob,
        rules: vec![],
        revision,
        grant: PlannedGrant {
            layers: plan()[..1].to_vec(),
            ..PlannedGrant::default()
        },
    }
}

fn granted(until: Time, ends_at: Option<Time>) -> Command {
    Command::Granted {
        layer: 0,
        until,
        ends_at,
        receipt: None,
        secrets: false,
        caveat: None,
    }
}

fn more_time(minutes: u32, lapses_at: Time) -> Command {
    let alice = UserId::new(REQUESTER);
    Command::RequestExtension {
        human: human(&alice),
        by: alice,
        rules: vec![],
        duration: Span::minutes(minutes),
        lapses_at,
        reason: String::new(),
    }
}

/// Approved a minute after it was asked for, until half an hour after that.
fn until_active() -> (Vec<Command>, Time) {
    let end = Span::minutes(31).after(start());
    let inspected = Command::Inspected {
        layer: 0,
        managed: true,
        receipt: None,
    };
    (vec![approve(1), inspected, granted(end, None)], end)
}

#[test]
fn a_pending_extension_is_settled_when_the_grant_ends() {
    let (commands, end) = until_active();
    let request = after([commands, vec![more_time(20, Span::minutes(60).after(end))]].concat());
    assert_eq!(request.extension.as_ref().unwrap().lapses_at, end);
    let due: Vec<Work> = request.due().into_iter().map(|due| due.work).collect();
    assert!(
        due.contains(&Work::Expire) && !due.contains(&Work::Lapse),
        "{due:?}"
    );
    for command in [Command::Lapse, approve(2)] {
        assert!(decide(&request, command, end).is_err());
    }
    let mut expired = request;
    for event in decide(&expired, Command::Expire, end).unwrap() {
        expired.apply(&event);
    }
    let settled = expired.last_extension.unwrap();
    assert_eq!(settled.outcome, ExtensionOutcome::Overtaken);
}

#[test]
fn an_extension_request_can_lapse_before_the_grant_ends() {
    let (commands, end) = until_active();
    let lapses_at = Span::minutes(1).before(end);
    let mut request = after([commands, vec![more_time(20, lapses_at)]].concat());
    for event in decide(&request, Command::Lapse, lapses_at).unwrap() {
        request.apply(&event);
    }
    let settled = request.last_extension.unwrap();
    assert_eq!(settled.outcome, ExtensionOutcome::Lapsed);
}

#[test]
fn withdrawals_of_extensions_are_limited() {
    let (mut commands, end) = until_active();
    let alice = UserId::new(REQUESTER);
    let take_back = Command::WithdrawExtension {
        human: human(&alice),
        by: alice,
    };
    // Changed, it is another question, which is one that was taken back.
    for minutes in [1, 2, 3, 4] {
        commands.push(more_time(minutes, end));
    }
    for _ in 4..Request::MOST_EXTENSIONS_WITHDRAWN {
        commands.extend([take_back.clone(), more_time(5, end)]);
    }
    commands.push(more_time(6, end));
    let request = after(commands.clone());
    assert!(request.extension.is_some());
    let now = Span::minutes(1).before(end);
    let changed = decide(&request, more_time(7, end), now);
    assert_eq!(changed, Err(Refusal::TooManyWithdrawn));
    // What is pending can still be decided or taken back.
    assert!(decide(&request, approve(request.revision), now).is_ok());
    let request = after([commands, vec![take_back]].concat());
    assert_eq!(
        decide(&request, more_time(5, end), now),
        Err(Refusal::TooManyWithdrawn)
    );
}

#[test]
fn a_target_that_ends_the_access_sooner_closes_the_question_sooner() {
    let (commands, end) = until_active();
    let sooner = Span::minutes(10).before(end);
    let asked = vec![more_time(20, end), granted(end, Some(sooner))];
    let request = after([commands, asked].concat());
    assert_eq!(request.expires_at, Some(sooner));
    assert_eq!(request.extension.unwrap().lapses_at, sooner);
}

#[test]
fn an_answer_to_an_order_that_more_time_has_outdated_does_not_bring_the_end_forward() {
    let (commands, first) = until_active();
    let later = Span::minutes(20).after(first);
    let until_extended = [commands, vec![more_time(20, first), approve(2)]].concat();
    let extended = after(until_extended.clone());
    assert_eq!(extended.expires_at, Some(later));
    // The target echoes the end that it was told, or ends what it granted a minute before that.
    for (until, ends_at, ends) in [
        (first, first, later),
        (first, Span::minutes(1).before(first), later),
        (later, later, later),
        (later, first, first),
    ] {
        let answered = [until_extended.clone(), vec![granted(until, Some(ends_at))]].concat();
        let request = after(answered);
        assert_eq!(request.expires_at, Some(ends), "{until} {ends_at}");
        let is_told_again = until < request.expires_at.unwrap();
        let mut due = request.due().into_iter();
        assert_eq!(
            due.any(|due| matches!(due.work, Work::Grant { .. })),
            is_told_again
        );
    }
    // What the target ends too early is told of every later end, also of one that it was told before.
    let shortened = vec![
        granted(later, Some(first)),
        more_time(10, first),
        approve(3),
    ];
    let request = after([until_extended, shortened].concat());
    assert!(
        request
            .expires_at
            .is_some_and(|end| first < end && end <= later)
    );
    let mut due = request.due().into_iter();
    assert!(due.any(|due| matches!(due.work, Work::Grant { .. })));
}

/// The reminders of these minutes, as the log tells them.
fn reminded(request: &mut Request, minutes: &[u32]) -> Vec<(u32, u8)> {
    let mut steps = Vec::new();
    for minute in minutes {
        let now = Span::minutes(*minute).after(start());
        for occurred in decide(request, Command::Remind, now).unwrap_or_default() {
            if let Event::Reminded { step, .. } = occurred.event {
                steps.push((*minute, step));
            }
            request.apply(&occurred);
        }
    }
    steps
}

#[test]
fn approvers_are_reminded_after_a_third_and_two_thirds_of_the_time_out_once_each() {
    let log = requested(1);
    let mut request = open(RequestId::new(log.at, 1), &log);
    let due = request.due();
    assert_eq!(due[0].at, Span::minutes(20).after(start()));
    assert_eq!(due[0].work, Work::Remind { step: 1 });
    let minutes = [0, 19, 20, 21, 39, 40, 41, 59];
    assert_eq!(reminded(&mut request, &minutes), [(20, 1), (40, 2)]);
    assert_eq!(request.due().len(), 1, "the time-out alone is left");
}

#[test]
fn a_reminder_that_comes_late_comes_once_and_not_after_the_time_out() {
    let log = requested(1);
    let mut request = open(RequestId::new(log.at, 1), &log);
    assert_eq!(reminded(&mut request.clone(), &[60, 61]), []);
    assert_eq!(reminded(&mut request, &[50, 51]), [(50, 2)]);
}

#[test]
fn approvers_are_reminded_of_more_time_by_its_own_time_out() {
    let (commands, end) = until_active();
    let request = after([commands, vec![more_time(20, end)]].concat());
    let asked_at = request.extension.as_ref().unwrap().asked_at;
    let third = TimeDelta::milliseconds((end - asked_at).num_milliseconds() / 3);
    assert_eq!(request.next_reminder(), Some((1, asked_at + third)));
    let due = request.due();
    assert!(due.iter().any(|due| due.work == Work::Remind { step: 1 }));
}

#[test]
fn nobody_is_reminded_of_what_was_decided() {
    let log = requested(1);
    let mut request = open(RequestId::new(log.at, 1), &log);
    let withdraw = Command::Withdraw {
        by: UserId::new(REQUESTER),
        human: human(&UserId::new(REQUESTER)),
    };
    for event in decide(&request, withdraw, start()).unwrap() {
        request.apply(&event);
    }
    assert_eq!(request.due(), []);
    let now = Span::minutes(20).after(start());
    assert_eq!(decide(&request, Command::Remind, now), Err(Refusal::NotDue));
}
