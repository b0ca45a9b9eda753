//! What a command does to a request: one total match on state and command.

use super::{
    Actor, Command, EndCause, Event, Gone, Occurred, Progress, Refusal, Request, RequestId, State,
    Time, UserId,
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
            State::Pending { .. } | State::Active { .. },
            Command::Approve {
                by: who,
                rules,
                revision,
                plan,
                after,
            },
        ) if request.awaits_decision() => {
            may_decide(request, &who, revision, now)?;
            let approvals = request
                .extension
                .as_ref()
                .map_or(&request.approvals, |extension| &extension.approvals);
            if approvals.iter().any(|approval| approval.by == who) {
                return Err(Refusal::ApprovedBefore);
            }
            let given = u8::try_from(approvals.len() + 1).unwrap_or(u8::MAX);
            // A rule stands for all the approvers at once.
            let enough = matches!(who, Actor::Rule(_)) || given >= request.approvals_needed;
            let event = match (&request.extension, request.expires_at) {
                _ if !enough => Event::ApprovalCounted {
                    given,
                    needed: request.approvals_needed,
                },
                (Some(extension), Some(end)) if now < end => Event::Extended {
                    expires_at: extension.duration.after(end),
                },
                (Some(_), _) => return Err(Refusal::NotActive { state: "over" }),
                (None, _) => Event::Approved {
                    expires_at: request.terms.duration.after(now),
                    layers: plan,
                    after,
                },
            };
            Ok(vec![by(&who, &rules, event)])
        }
        (
            State::Pending { .. } | State::Active { .. },
            Command::Deny {
                by: who,
                rules,
                revision,
                reason,
            },
        ) if request.awaits_decision() => {
            let who = Actor::Person(who);
            may_decide(request, &who, revision, now)?;
            let event = match request.extension {
                Some(_) => Event::ExtensionDenied { reason },
                None => Event::Denied { reason },
            };
            Ok(vec![by(&who, &rules, event)])
        }
        (_, Command::Approve { .. } | Command::Deny { .. }) => Err(settled(request)),

        (State::Pending { .. }, Command::Withdraw { by: who }) => {
            only_requester(request, &who)?;
            Ok(vec![by(&Actor::Person(who), &[], Event::Withdrawn {})])
        }
        (_, Command::Withdraw { .. }) => Err(settled(request)),

        (
            State::Active { .. },
            Command::AskExtension {
                by: who,
                rules,
                duration,
                lapses_at,
            },
        ) => {
            only_requester(request, &who)?;
            if !request.is_usable(now) {
                return Err(Refusal::NotActive { state: "over" });
            }
            if request.extension.is_some() {
                return Err(Refusal::ExtensionWaits);
            }
            let revision = request.revision + 1;
            let event = Event::ExtensionAsked {
                duration,
                revision,
                lapses_at,
            };
            Ok(vec![by(&Actor::Person(who), &rules, event)])
        }

        (
            State::Approved | State::Active { .. },
            Command::End {
                by: who,
                rules,
                cause,
            },
        ) => {
            if let (EndCause::Done, Actor::Person(person)) = (&cause, &who) {
                only_requester(request, person)?;
            }
            Ok(begin_ending(
                request,
                by(&who, &rules, Event::EndingBegan { cause }),
            ))
        }

        (State::Approved | State::Active { .. }, Command::NoticeLeave { rules, departure })
            if request.departure.as_ref() != Some(&departure) =>
        {
            let event = Event::LeaveNoticed { departure };
            Ok(vec![by(&Actor::Keylend, &rules, event)])
        }

        (State::Active { .. }, Command::ShowCredential { by: who }) => {
            only_requester(request, &who)?;
            if !request.is_usable(now) {
                return Err(Refusal::NotActive { state: "over" });
            }
            Ok(vec![by(
                &Actor::Person(who),
                &[],
                Event::CredentialShown {},
            )])
        }
        (
            state,
            Command::AskExtension { .. } | Command::End { .. } | Command::ShowCredential { .. },
        ) => Err(Refusal::NotActive {
            state: state.name(),
        }),

        (State::Pending { lapses_at }, Command::Lapse) if now >= *lapses_at => {
            Ok(vec![keylend(Event::Lapsed {})])
        }
        (State::Active { .. }, Command::Lapse)
            if request
                .extension
                .as_ref()
                .is_some_and(|asked| now >= asked.lapses_at) =>
        {
            Ok(vec![keylend(Event::ExtensionLapsed {})])
        }
        (State::Active { warned: false }, Command::Warn)
            if request.is_usable(now) && request.warn_at.is_some_and(|at| now >= at) =>
        {
            Ok(vec![keylend(Event::Warned {})])
        }
        (State::Approved | State::Active { .. }, Command::Expire)
            if request.expires_at.is_some_and(|end| now >= end) =>
        {
            let cause = EndCause::Expired;
            Ok(begin_ending(request, keylend(Event::EndingBegan { cause })))
        }

        (State::Approved, Command::Surveyed { layer, given })
            if progress(request, layer) == Some(Progress::Planned) =>
        {
            Ok(vec![keylend(Event::LayerSurveyed { layer, given })])
        }
        (State::Approved | State::Active { .. }, Command::Made { layer, until })
            if matches!(
                progress(request, layer),
                Some(Progress::Surveyed { .. } | Progress::Made { .. })
            ) =>
        {
            let mut events = vec![keylend(Event::LayerMade { layer, until })];
            let last = request.layers.iter().enumerate().all(|(index, other)| {
                index == layer || matches!(other.progress, Progress::Made { .. })
            });
            if last && request.state == State::Approved {
                events.push(keylend(Event::Activated {}));
            }
            Ok(events)
        }
        (
            State::Approved,
            Command::NotMade {
                layer,
                error,
                retry_at,
            },
        ) if progress(request, layer).is_some() => {
            let failed = Event::LayerNotMade {
                layer,
                error: error.clone(),
                retry_at,
            };
            let mut events = vec![keylend(failed)];
            if retry_at.is_none() {
                let cause = EndCause::NotMade { error };
                events.extend(begin_ending(request, keylend(Event::EndingBegan { cause })));
            }
            Ok(events)
        }
        // An active grant whose target cannot be told of a later end stays active.
        (
            State::Active { .. },
            Command::NotMade {
                layer,
                error,
                retry_at: Some(retry_at),
            },
        ) if progress(request, layer).is_some() => {
            let retry_at = Some(retry_at);
            Ok(vec![keylend(Event::LayerNotMade {
                layer,
                error,
                retry_at,
            })])
        }
        (State::Ending { .. }, Command::Unmade { layer, how })
            if progress(request, layer).is_some_and(|progress| progress != Progress::Gone) =>
        {
            let mut events = vec![keylend(Event::LayerGone { layer, how })];
            events.extend(finish(request, &[layer]).map(keylend));
            Ok(events)
        }
        (
            State::Ending { .. },
            Command::NotUnmade {
                layer,
                error,
                retry_at,
            },
        ) if progress(request, layer).is_some_and(|progress| progress != Progress::Gone) => {
            Ok(vec![keylend(Event::LayerNotGone {
                layer,
                error,
                retry_at,
            })])
        }
        (
            _,
            Command::Lapse
            | Command::NoticeLeave { .. }
            | Command::Warn
            | Command::Expire
            | Command::Surveyed { .. }
            | Command::Made { .. }
            | Command::NotMade { .. }
            | Command::Unmade { .. }
            | Command::NotUnmade { .. },
        ) => Err(Refusal::NotDue),
    }
}

/// What holds for every decision, under every policy.
fn may_decide(request: &Request, who: &Actor, revision: u32, now: Time) -> Result<(), Refusal> {
    if *who == Actor::Person(request.requester.clone()) {
        return Err(Refusal::OwnRequest);
    }
    if revision != request.revision {
        return Err(Refusal::Outdated {
            shown: revision,
            current: request.revision,
        });
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

fn only_requester(request: &Request, who: &UserId) -> Result<(), Refusal> {
    if *who == request.requester {
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
        events.push(note(Event::LayerGone {
            layer: *layer,
            how: Gone::NeverMade,
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
        .any(|(index, layer)| layer.progress != Progress::Gone && !gone.contains(&index));
    if left {
        return None;
    }
    Some(match cause {
        EndCause::NotMade { error } => Event::Failed {
            error: error.clone(),
        },
        EndCause::Expired if !was_active => Event::Failed {
            error: "the time was over before the access was there".to_owned(),
        },
        _ => Event::Ended {},
    })
}
