//! What a command does to a request: one total match on state and command.

use std::collections::BTreeMap;

use super::{
    Actor, Approval, Assignment, Command, EndCause, Event, Human, Leftovers, Occurred, Parties,
    PlannedReview, Progress, Refusal, Removal, Request, RequestId, SignOff, Span, Stage, State,
    Terms, Time, UserId, Vote, asking, stricter,
};

/// Opens a request: the fold of its first event.
///
/// # Panics
///
/// If `first` is not [`Event::Requested`].
pub fn open(id: RequestId, first: &Occurred) -> Request {
    Request::first(id, first).expect("a request opens with Requested")
}

/// Says what `command` does to `request` at `now`: the events, in order, or the refusal.
///
/// # Errors
///
/// The [`Refusal`] that says why nothing happens.
pub fn decide(request: &Request, command: Command, now: Time) -> Result<Vec<Occurred>, Refusal> {
    let by = |actor: &Actor, rules: &[_], event| Occurred {
        at: now,
        actor: actor.clone(),
        rules: rules.to_vec(),
        event,
    };
    let keylend = |event| by(&Actor::Keylend, &[], event);

    match (&request.state, command) {
        (
            State::Pending { .. } | State::Approved | State::Active { .. },
            Command::Approve { .. }
            | Command::RequestExtension { .. }
            | Command::ShowCredential { .. }
            | Command::Start { .. }
            | Command::Inspected { .. }
            | Command::Granted { .. }
            | Command::AskQuestion { .. }
            | Command::AnswerQuestion { .. },
        ) if request.texts_missing => Err(Refusal::TextsMissing),
        (
            State::Pending { .. } | State::Active { .. },
            Command::Approve {
                by: who,
                rules,
                revision,
                parties,
                grant,
            },
        ) if request.awaits_decision() => {
            let approver = of_actor(&who).with(&parties.approver);
            let requester = request.human.clone().with(&parties.requester);
            may_decide(request, &approver, &requester, revision, now)?;
            let asked = request.asked_duration();
            if let Some(chosen) = grant.at_most
                && chosen > asked
            {
                return Err(Refusal::LongerThanAsked { chosen, asked });
            }
            let chosen = grant.at_most.filter(|chosen| *chosen < asked);
            let Counted {
                humans,
                mut stages,
                shortest,
                voided,
            } = count_votes(request, &parties, &requester);
            if humans.iter().any(|other| other.is(&approver)) {
                return Err(Refusal::ApprovedBefore);
            }
            let is_filled = match &who {
                Actor::Person(id) => stages.add(&request.stages, &parties.fills(id)),
                // A rule stands for all the approvers at once.
                Actor::Rule(_) | Actor::Keylend => true,
            };
            if !is_filled {
                let open = stages.open(&request.stages);
                return Err(Refusal::NoOpenStage { open });
            }
            let given = u8::try_from(humans.len() + 1).unwrap_or(u8::MAX);
            let enough = matches!(who, Actor::Rule(_)) || stages.is_complete();
            let granted = shortest.into_iter().chain(chosen).fold(asked, Span::min);
            let human = match who {
                Actor::Person(_) => approver,
                Actor::Rule(_) | Actor::Keylend => Human::default(),
            };
            let (groups, review) = (parties.groups, grant.review);
            let event = match (&request.extension, request.expires_at) {
                _ if !enough => Event::ApprovalCounted {
                    given,
                    needed: request.approvals_needed,
                    human,
                    groups,
                    duration: chosen,
                },
                (Some(_), Some(end)) if now < end => Event::Extended {
                    expires_at: granted.after(end),
                    human,
                    requester,
                    groups,
                    duration: chosen,
                },
                (Some(_), _) => return Err(Refusal::NotActive { state: "over" }),
                (None, _) => Event::Approved {
                    expires_at: granted
                        .after(request.starts_at.map_or(now, |start| start.max(now))),
                    layers: grant.layers,
                    after: grant.after,
                    human,
                    requester,
                    facts: grant.facts,
                    groups,
                    duration: chosen,
                },
            };
            let mut events: Vec<Occurred> = voided.into_iter().map(keylend).collect();
            let is_grant = matches!(event, Event::Approved { .. });
            events.push(by(&who, &rules, event));
            if let Some(PlannedReview { reviewers, channel }) = review.filter(|_| is_grant) {
                let user = Actor::Person(request.requester.clone());
                let event = Event::GlassBroken { reviewers, channel };
                events.push(by(&user, &rules, event));
            }
            Ok(events)
        }
        (
            State::Pending { .. } | State::Active { .. },
            Command::Deny {
                by: who,
                human,
                rules,
                revision,
                reason,
            },
        ) if request.awaits_decision() => {
            let who = Actor::Person(who);
            let decider = of_actor(&who).with(&human);
            may_decide(request, &decider, &request.human, revision, now)?;
            let event = match request.extension {
                Some(_) => Event::ExtensionDenied { reason },
                None => Event::Denied { reason },
            };
            Ok(vec![by(&who, &rules, event)])
        }
        (_, Command::Approve { .. } | Command::Deny { .. }) => Err(settled(request)),

        (
            State::Pending { .. } | State::Active { .. },
            Command::Revise {
                terms,
                approvals_needed,
                stages,
            },
        ) if request.awaits_decision() => {
            // The catalogue can only make a request that waits stricter.
            let terms = Terms {
                duration: terms.duration.min(request.terms.duration),
                ..terms
            };
            let stages = stricter(&request.stages, &stages);
            let approvals_needed = approvals_needed
                .max(request.approvals_needed)
                .max(u8::try_from(stages.len()).unwrap_or(u8::MAX));
            if terms == request.terms
                && approvals_needed == request.approvals_needed
                && stages == request.stages
            {
                return Err(Refusal::NotDue);
            }
            let is_new = terms.differ_from(&request.terms);
            Ok(vec![keylend(Event::Revised {
                terms,
                approvals_needed,
                revision: request.revision + u32::from(is_new),
                stages,
            })])
        }

        (State::Pending { .. }, Command::Withdraw { by: who, human }) => {
            only_requester(request, &who, &human)?;
            Ok(vec![by(&Actor::Person(who), &[], Event::Withdrawn {})])
        }
        (State::Approved, Command::Withdraw { by: who, human }) if request.waits_for_start() => {
            only_requester(request, &who, &human)?;
            let cause = EndCause::Withdrawn;
            let began = by(&Actor::Person(who), &[], Event::RevocationStarted { cause });
            Ok(begin_ending(request, began))
        }
        (_, Command::Withdraw { .. }) => Err(settled(request)),

        (
            State::Active { .. },
            Command::RequestExtension {
                by: who,
                human,
                rules,
                duration,
                lapses_at,
                reason,
            },
        ) => {
            only_requester(request, &who, &human)?;
            let human = Human::new(&who, None).with(&human);
            if !request.is_usable(now) {
                return Err(Refusal::NotActive { state: "over" });
            }
            if request.extensions_withdrawn >= Request::MOST_EXTENSIONS_WITHDRAWN {
                return Err(Refusal::TooManyWithdrawn);
            }
            let mut events = Vec::new();
            let who = Actor::Person(who);
            if let Some(asked) = &request.extension {
                if asked.duration == duration && asked.reason == reason {
                    return Err(Refusal::ExtensionWaits);
                }
                // What is changed is a new question, so no approval of the old one counts.
                events.push(by(&who, &[], Event::ExtensionWithdrawn {}));
            }
            let revision = request.revision + 1;
            let event = Event::ExtensionRequested {
                human,
                duration,
                revision,
                // Behind the grant's end, no answer does anything.
                lapses_at: request
                    .expires_at
                    .map_or(lapses_at, |end| lapses_at.min(end)),
                reason,
            };
            events.push(by(&who, &rules, event));
            Ok(events)
        }
        (State::Active { .. }, Command::WithdrawExtension { by: who, human })
            if request.extension.is_some() =>
        {
            only_requester(request, &who, &human)?;
            let event = Event::ExtensionWithdrawn {};
            Ok(vec![by(&Actor::Person(who), &[], event)])
        }
        (_, Command::WithdrawExtension { .. }) => Err(Refusal::NoExtension),

        (State::Approved | State::Active { .. }, Command::Done { by: who, human }) => {
            only_requester(request, &who, &human)?;
            let cause = match request.waits_for_start() {
                true => EndCause::Withdrawn,
                false => EndCause::Done,
            };
            let began = by(&Actor::Person(who), &[], Event::RevocationStarted { cause });
            Ok(begin_ending(request, began))
        }
        (
            State::Approved | State::Active { .. },
            Command::End {
                by: who,
                rules,
                cause,
            },
        ) => Ok(begin_ending(
            request,
            by(&who, &rules, Event::RevocationStarted { cause }),
        )),

        (State::Approved | State::Active { .. }, Command::NoticeLeave { rules, departure })
            if request.departure.as_ref() != Some(&departure) =>
        {
            let event = Event::LeaveNoticed { departure };
            Ok(vec![by(&Actor::Keylend, &rules, event)])
        }

        (State::Active { .. }, Command::ShowCredential { by: who }) => {
            // A credential is for the id that asked, not for the person's other ids: nobody but the
            // account that asked sees it.
            if who != request.requester {
                return Err(Refusal::NotTheRequester);
            }
            if !request.is_usable(now) {
                return Err(Refusal::NotActive { state: "over" });
            }
            if request.credentials_shown >= Request::MOST_CREDENTIALS_SHOWN {
                return Err(Refusal::ShownTooOften);
            }
            Ok(vec![by(
                &Actor::Person(who),
                &[],
                Event::CredentialShown {},
            )])
        }
        (
            state,
            Command::RequestExtension { .. }
            | Command::Done { .. }
            | Command::End { .. }
            | Command::ShowCredential { .. },
        ) => Err(Refusal::NotActive {
            state: state.name(),
        }),

        (State::Pending { lapses_at }, Command::Lapse) if now >= *lapses_at => {
            Ok(vec![keylend(Event::Lapsed {})])
        }
        (State::Active { .. }, Command::Lapse)
            if request
                .extension_lapses_at()
                .is_some_and(|lapses_at| now >= lapses_at) =>
        {
            Ok(vec![keylend(Event::ExtensionLapsed {})])
        }
        (State::Active { warned: false }, Command::Warn)
            if request.is_usable(now) && request.warn_at.is_some_and(|at| now >= at) =>
        {
            Ok(vec![keylend(Event::Warned {})])
        }
        (State::Pending { .. } | State::Active { .. }, Command::Remind) => {
            let step = request.due_reminder(now).ok_or(Refusal::NotDue)?;
            let revision = request.revision;
            Ok(vec![keylend(Event::Reminded { step, revision })])
        }
        (State::Approved | State::Active { .. }, Command::Expire)
            if request.expires_at.is_some_and(|end| now >= end) =>
        {
            let cause = EndCause::Expired;
            Ok(begin_ending(
                request,
                keylend(Event::RevocationStarted { cause }),
            ))
        }

        (
            State::Approved,
            Command::Start {
                terms,
                approvals_needed,
                stages,
                parties,
                after,
                facts,
            },
        ) if request.is_start_due(now) => {
            let requester = request.human.clone().with(&parties.requester);
            let counted = count_votes(request, &parties, &requester);
            let missing = match is_stricter(request, &terms, approvals_needed, &stages) {
                true => {
                    Some("the configuration of its scope changed after the approval".to_owned())
                }
                false => missing_approval(request, &counted),
            };
            let mut events: Vec<Occurred> = counted.voided.into_iter().map(keylend).collect();
            match missing {
                None => events.push(keylend(Event::Started {
                    requester,
                    after,
                    facts,
                })),
                Some(reason) => {
                    let cause = EndCause::StartRefused { reason };
                    let began = keylend(Event::RevocationStarted { cause });
                    events.extend(begin_ending(request, began));
                }
            }
            Ok(events)
        }
        (State::Approved, Command::RefuseStart { rules, reason }) if request.is_start_due(now) => {
            let cause = EndCause::StartRefused { reason };
            let began = by(&Actor::Keylend, &rules, Event::RevocationStarted { cause });
            Ok(begin_ending(request, began))
        }

        (
            State::Approved,
            Command::Inspected {
                layer,
                managed,
                receipt,
            },
        ) if progress(request, layer) == Some(Progress::Planned) && !request.waits_for_start() => {
            Ok(vec![keylend(Event::LayerInspected {
                layer,
                managed,
                receipt,
            })])
        }
        // What was on its way when the end began is noted too, so that the revocation knows of it.
        (
            State::Approved | State::Active { .. } | State::Ending { .. },
            Command::Granted {
                layer,
                until,
                ends_at,
                receipt,
                secrets,
                caveat,
            },
        ) if matches!(
            progress(request, layer),
            Some(Progress::Inspected { .. } | Progress::Granted { .. })
        ) =>
        {
            let mut events = vec![keylend(Event::LayerGranted {
                layer,
                until,
                ends_at,
                receipt,
                secrets,
                caveat,
            })];
            let last = request.layers.iter().enumerate().all(|(index, other)| {
                index == layer || matches!(other.progress, Progress::Granted { .. })
            });
            if last && request.state == State::Approved {
                events.push(keylend(Event::Activated {}));
            }
            Ok(events)
        }
        (
            State::Approved,
            Command::GrantFailed {
                layer,
                error,
                retry_at,
                receipt,
            },
        ) if progress(request, layer).is_some() && !request.waits_for_start() => {
            let failed = Event::LayerGrantFailed {
                layer,
                error: error.clone(),
                retry_at,
                receipt,
                failures: failures(request, layer),
            };
            let mut events = vec![keylend(failed)];
            if retry_at.is_none() {
                let cause = EndCause::GrantFailed { error };
                events.extend(begin_ending(
                    request,
                    keylend(Event::RevocationStarted { cause }),
                ));
            }
            Ok(events)
        }
        // An active grant whose target cannot be told of a later end stays active.
        (
            State::Active { .. },
            Command::GrantFailed {
                layer,
                error,
                retry_at: Some(retry_at),
                receipt,
            },
        ) if progress(request, layer).is_some() => {
            let retry_at = Some(retry_at);
            Ok(vec![keylend(Event::LayerGrantFailed {
                layer,
                error,
                retry_at,
                receipt,
                failures: failures(request, layer),
            })])
        }
        (
            State::Ending { .. },
            Command::GrantFailed {
                layer,
                error,
                receipt,
                ..
            },
        ) if matches!(
            progress(request, layer),
            Some(Progress::Inspected { .. } | Progress::Granted { .. })
        ) =>
        {
            Ok(vec![keylend(Event::LayerGrantFailed {
                layer,
                error,
                retry_at: None,
                receipt,
                failures: None,
            })])
        }
        (
            State::Ending { .. },
            Command::Revoked {
                layer,
                removal,
                leftovers,
            },
        ) if progress(request, layer).is_some_and(|progress| !progress.is_revoked()) => {
            let mut events = vec![keylend(Event::LayerRevoked {
                layer,
                removal,
                leftovers,
            })];
            events.extend(finish(request, &[layer]).map(keylend));
            Ok(events)
        }
        (
            State::Ending { .. },
            Command::RevokeFailed {
                layer,
                error,
                retry_at,
            },
        ) if progress(request, layer).is_some_and(|progress| !progress.is_revoked()) => {
            Ok(vec![keylend(Event::LayerRevokeFailed {
                layer,
                error,
                retry_at,
            })])
        }
        (
            State::Ended { .. } | State::Failed { .. },
            Command::InspectedLater { layer, present },
        ) if progress(request, layer).is_some_and(|it| it.inspect_since().is_some()) => {
            Ok(vec![keylend(match present {
                true => Event::LayerReappeared {
                    layer,
                    requester: request.human.clone(),
                },
                false => Event::LayerAbsenceConfirmed { layer },
            })])
        }
        (
            State::Ended { .. } | State::Failed { .. },
            Command::AbandonInspection { layer, error },
        ) if progress(request, layer).is_some_and(|it| it.inspect_since().is_some()) => {
            Ok(vec![keylend(Event::LayerInspectionAbandoned {
                layer,
                error,
            })])
        }
        (
            _,
            Command::SignOff {
                by: who,
                human,
                requester,
                earlier,
                note,
            },
        ) => {
            let human = Human::new(&who, None).with(&human);
            let event = sign_off(request, human, &requester, &earlier, &note)?;
            Ok(vec![by(&Actor::Person(who), &[], event)])
        }
        (
            State::Pending { .. } | State::Active { .. },
            Command::AskQuestion {
                by: who,
                human,
                rules,
                revision,
                text,
            },
        ) if request.awaits_decision() => {
            let who = Actor::Person(who);
            let asker = of_actor(&who).with(&human);
            may_decide(request, &asker, &request.human, revision, now)?;
            let (number, reason) = asking::ask(request, &text)?;
            let event = Event::QuestionAsked { number, reason };
            Ok(vec![by(&who, &rules, event)])
        }
        (
            State::Pending { .. } | State::Active { .. },
            Command::AnswerQuestion {
                by: who,
                human,
                number,
                text,
            },
        ) if request.awaits_decision() => {
            only_requester(request, &who, &human)?;
            still_waits(request, now)?;
            let reason = asking::answer(request, number, &text)?;
            let event = Event::QuestionAnswered { number, reason };
            Ok(vec![by(&Actor::Person(who), &[], event)])
        }
        (_, Command::AskQuestion { .. } | Command::AnswerQuestion { .. }) => Err(settled(request)),
        (_, Command::RemindReview) => {
            let step = request.due_review_reminder(now).ok_or(Refusal::NotDue)?;
            Ok(vec![keylend(Event::ReviewReminded { step })])
        }
        (
            _,
            Command::Revise { .. }
            | Command::Lapse
            | Command::NoticeLeave { .. }
            | Command::Warn
            | Command::Remind
            | Command::Expire
            | Command::Start { .. }
            | Command::RefuseStart { .. }
            | Command::Inspected { .. }
            | Command::Granted { .. }
            | Command::GrantFailed { .. }
            | Command::Revoked { .. }
            | Command::InspectedLater { .. }
            | Command::AbandonInspection { .. }
            | Command::RevokeFailed { .. },
        ) => Err(Refusal::NotDue),
    }
}

/// What holds for every decision, under every policy.
fn may_decide(
    request: &Request,
    decider: &Human,
    requester: &Human,
    revision: u32,
    now: Time,
) -> Result<(), Refusal> {
    if decider.is(requester) {
        return Err(Refusal::OwnRequest);
    }
    if revision != request.revision {
        return Err(Refusal::Outdated {
            shown: revision,
            current: request.revision,
        });
    }
    still_waits(request, now)
}

/// Refuses once the time to decide what waits is over.
fn still_waits(request: &Request, now: Time) -> Result<(), Refusal> {
    if request.extension.is_some() && !request.is_usable(now) {
        return Err(Refusal::NotActive { state: "over" });
    }
    // The time-out is a fact, whether or not the sweeper has run.
    let lapses_at = match (&request.state, &request.extension) {
        (State::Pending { lapses_at }, _) => Some(*lapses_at),
        (_, extension) => extension.as_ref().map(|extension| extension.lapses_at),
    };
    if lapses_at.is_some_and(|at| now >= at) {
        return Err(Refusal::Settled {
            state: "lapsed",
            by: None,
        });
    }
    Ok(())
}

/// The sign-off of somebody who may review: never of whoever used break-glass, once for each human, and with a
/// note.
fn sign_off(
    request: &Request,
    human: Human,
    requester: &Human,
    earlier: &BTreeMap<UserId, Human>,
    note: &str,
) -> Result<Event, Refusal> {
    let review = request.review.as_ref().ok_or(Refusal::NoReview)?;
    if human.is(&request.human) || human.is(requester) {
        return Err(Refusal::OwnReview);
    }
    let is_theirs = |given: &SignOff| {
        let recorded = Human::new(&given.by, None).with(&given.human);
        let known = earlier.get(&given.by);
        human.is(&recorded) || known.is_some_and(|known| human.is(known))
    };
    if review.sign_offs.iter().any(is_theirs) {
        return Err(Refusal::SignedOffBefore);
    }
    if !review.is_open() {
        return Err(Refusal::ReviewClosed);
    }
    match note.trim() {
        "" => Err(Refusal::NoteMissing),
        note => Ok(Event::ReviewSignedOff {
            human,
            reason: note.to_owned(),
        }),
    }
}

/// The earlier approvals, as they count today.
struct Counted {
    /// Whose approvals count.
    humans: Vec<Human>,
    /// Which stages they fill.
    stages: Assignment,
    /// The shortest time that one of them chose; nothing if none chose one.
    shortest: Option<Span>,
    /// An event for each approval that does not count.
    voided: Vec<Event>,
}

/// Counts the earlier approvals again.
fn count_votes(request: &Request, parties: &Parties, requester: &Human) -> Counted {
    let mut counted = Counted {
        humans: Vec::new(),
        stages: Assignment::new(&request.stages, request.approvals_needed),
        shortest: None,
        voided: Vec::new(),
    };
    for approval in request.waiting_approvals() {
        let Actor::Person(approver) = &approval.by else {
            continue;
        };
        let vote = vote(approval, approver, parties, requester, &counted.humans);
        let vote = vote.and_then(|human| {
            let able = parties.fills(approver);
            match counted.stages.add(&request.stages, &able) {
                true => Ok(human),
                false => Err("the approver can fill no stage that is left".to_owned()),
            }
        });
        match vote {
            Ok(human) => {
                counted.humans.push(human);
                let chosen = counted.shortest.into_iter().chain(approval.duration);
                counted.shortest = chosen.min();
            }
            Err(reason) => counted.voided.push(Event::ApprovalVoided {
                approver: approver.clone(),
                reason,
            }),
        }
    }
    counted
}

/// Whether the catalogue asks more of a request today than when it was approved, or gives something else.
fn is_stricter(request: &Request, terms: &Terms, approvals_needed: u8, stages: &[Stage]) -> bool {
    terms.differ_from(&request.terms)
        || terms.duration < request.approved_duration()
        || approvals_needed > request.approvals_needed
        || stricter(&request.stages, stages) != request.stages
}

/// Why the approvals that count today are too few; nothing if they are enough.
fn missing_approval(request: &Request, counted: &Counted) -> Option<String> {
    // A rule stands for all the approvers at once.
    let by_rule = |approval: &Approval| matches!(approval.by, Actor::Rule(_));
    if counted.stages.is_complete() || request.approvals.iter().any(by_rule) {
        return None;
    }
    let why = counted.voided.iter().find_map(|event| match event {
        Event::ApprovalVoided { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    let why = why.unwrap_or("too few approvals");
    Some(format!("an approval no longer counts: {why}"))
}

/// Who stands behind an earlier approval, if it counts today; otherwise why not.
fn vote(
    approval: &Approval,
    approver: &UserId,
    parties: &Parties,
    requester: &Human,
    counted: &[Human],
) -> Result<Human, String> {
    let human = match parties.votes.get(approver) {
        Some(Vote::Counts { human }) => of_actor(&approval.by).with(&approval.human).with(human),
        Some(Vote::Void { reason }) => return Err(reason.clone()),
        None => return Err("it was not evaluated again".to_owned()),
    };
    if human.is(requester) {
        return Err("the approver and the requester are the same person".to_owned());
    }
    if counted.iter().any(|other| other.is(&human)) {
        return Err("another approval is by the same person".to_owned());
    }
    Ok(human)
}

/// The person who acts, as far as the actor alone tells.
fn of_actor(actor: &Actor) -> Human {
    match actor {
        Actor::Person(id) => Human::new(id, None),
        Actor::Rule(_) | Actor::Keylend => Human::default(),
    }
}

fn only_requester(request: &Request, who: &UserId, human: &Human) -> Result<(), Refusal> {
    if Human::new(who, None).with(human).is(&request.human) {
        Ok(())
    } else {
        Err(Refusal::NotTheRequester)
    }
}

fn settled(request: &Request) -> Refusal {
    let by = match &request.state {
        State::Denied { by, .. } => Some(by.clone()),
        _ => request.approvals.last().map(|approval| approval.by.clone()),
    };
    Refusal::Settled {
        state: request.state.name(),
        by,
    }
}

fn progress(request: &Request, layer: usize) -> Option<Progress> {
    request.layers.get(layer).map(|layer| layer.progress)
}

/// How often in a row a layer has failed once it has failed again.
fn failures(request: &Request, layer: usize) -> Option<u32> {
    let layer = request.layers.get(layer);
    layer.map(|layer| layer.failures.saturating_add(1))
}

/// Ends what was never looked at in its target at once: nothing can have been made there.
fn begin_ending(request: &Request, began: Occurred) -> Vec<Occurred> {
    let untouched: Vec<usize> = request
        .layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| layer.progress == Progress::Planned)
        .map(|(index, _)| index)
        .collect();
    let ending = {
        let mut ending = request.clone();
        ending.apply(&began);
        ending
    };
    let at = began.at;
    let note = |event| Occurred {
        at,
        actor: Actor::Keylend,
        rules: Vec::new(),
        event,
    };
    let mut events = vec![began];
    for layer in &untouched {
        events.push(note(Event::LayerRevoked {
            layer: *layer,
            removal: Removal::NotGranted,
            leftovers: Leftovers::default(),
        }));
    }
    events.extend(finish(&ending, &untouched).map(note));
    events
}

/// The last word on a request that is ending, if all its layers but `gone` are gone.
fn finish(request: &Request, gone: &[usize]) -> Option<Event> {
    let State::Ending {
        cause, was_active, ..
    } = &request.state
    else {
        return None;
    };
    let left = request
        .layers
        .iter()
        .enumerate()
        .any(|(index, layer)| !layer.progress.is_revoked() && !gone.contains(&index));
    if left {
        return None;
    }
    Some(match cause {
        EndCause::GrantFailed { error } => Event::Failed {
            error: error.clone(),
        },
        EndCause::Expired if !was_active => Event::Failed {
            error: "the time was over before the access was there".to_owned(),
        },
        _ => Event::Ended {},
    })
}
