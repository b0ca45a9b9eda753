//! Folding the log into a request. It decides nothing: an event that is in the log has happened.

use super::{
    Actor, Approval, ApprovalFacts, EndCause, Event, Extension, ExtensionOutcome, Format,
    GroupRead, Human, Layer, Leftovers, Occurred, Progress, Question, Receipt, Removal, Request,
    RequestId, Review, SettledExtension, SignOff, Span, State, Time,
};

/// The shortest and longest warning before the end.
const WARNING: (Span, Span) = (Span::minutes(1), Span::minutes(15));

impl Request {
    /// The request that its first event makes; nothing if that event is another.
    pub fn first(id: RequestId, occurred: &Occurred) -> Option<Self> {
        let Event::Requested {
            ask_key,
            requester,
            email,
            human,
            username,
            terms,
            approvals_needed,
            approval_channel,
            mirrors,
            lapses_at,
            stages,
            starts_at,
        } = &occurred.event
        else {
            return None;
        };
        Some(Self {
            format: Format::CURRENT,
            id,
            ask_key: ask_key.clone(),
            version: 1,
            revision: 1,
            requester: requester.clone(),
            email: email.clone(),
            human: Human::new(requester, Some(email)).with(human),
            username: username.clone(),
            terms: terms.clone(),
            approvals_needed: *approvals_needed,
            stages: stages.clone(),
            shortened: None,
            approval_channel: approval_channel.clone(),
            mirrors: mirrors.clone(),
            asked_at: occurred.at,
            starts_at: *starts_at,
            started: false,
            approvals: Vec::new(),
            expires_at: None,
            warn_at: None,
            layers: Vec::new(),
            after: Vec::new(),
            facts: ApprovalFacts::default(),
            extension: None,
            reminded: 0,
            last_extension: None,
            extensions_withdrawn: 0,
            credentials_shown: 0,
            departure: None,
            review: None,
            questions: Vec::new(),
            texts_missing: false,
            state: State::Pending {
                lapses_at: *lapses_at,
            },
        })
    }

    /// Folds one more event in.
    pub fn apply(&mut self, occurred: &Occurred) {
        let Occurred {
            at,
            actor,
            rules,
            event,
        } = occurred;
        self.version += 1;
        let approval = |human: &Human, groups: &[GroupRead], duration: &Option<Span>| Approval {
            by: actor.clone(),
            at: *at,
            rules: rules.clone(),
            human: human.clone(),
            groups: groups.to_vec(),
            duration: *duration,
        };
        match event {
            // The first event makes the request; a second one changes nothing.
            Event::Requested { .. } => {}
            Event::CredentialShown {} => {
                self.credentials_shown = self.credentials_shown.saturating_add(1);
            }
            Event::ApprovalCounted {
                human,
                groups,
                duration,
                ..
            } => {
                self.approvals_to_decide()
                    .push(approval(human, groups, duration));
            }
            Event::ApprovalVoided { approver, .. } => {
                let theirs = Actor::Person(approver.clone());
                self.approvals_to_decide()
                    .retain(|approval| approval.by != theirs);
            }
            Event::Revised {
                terms,
                approvals_needed,
                revision,
                stages,
            } => {
                self.stages.clone_from(stages);
                self.terms = terms.clone();
                self.approvals_needed = *approvals_needed;
                if self.revision != *revision {
                    self.revision = *revision;
                    self.approvals_to_decide().clear();
                }
            }
            Event::Approved {
                expires_at,
                layers,
                after,
                human,
                requester,
                facts,
                groups,
                duration,
            } => {
                self.approvals.push(approval(human, groups, duration));
                self.shortened = shortest(&self.approvals);
                self.human = std::mem::take(&mut self.human).with(requester);
                self.facts = facts.clone();
                self.ends_at(*expires_at, *at, self.approved_duration());
                self.after.clone_from(after);
                self.layers = layers
                    .iter()
                    .map(|plan| Layer {
                        plan: plan.clone(),
                        progress: Progress::Planned,
                        failures: 0,
                        retry_at: None,
                        error: None,
                        ordered_at: None,
                        receipt: None,
                        secrets: false,
                        preexisting: false,
                        caveat: None,
                        leftovers: Leftovers::default(),
                    })
                    .collect();
                self.state = State::Approved;
            }
            Event::Denied { reason } => {
                let (by, reason) = (actor.clone(), reason.clone());
                self.state = State::Denied {
                    by,
                    reason,
                    at: *at,
                };
            }
            Event::Withdrawn {} => {
                let by = actor.clone();
                self.state = State::Withdrawn { by, at: *at };
            }
            Event::Lapsed {} => self.state = State::Lapsed { at: *at },
            Event::LayerInspected {
                layer,
                managed,
                receipt,
            } => {
                self.settle(*layer, Progress::Inspected { managed: *managed });
                if let Some(layer) = self.layers.get_mut(*layer) {
                    layer.preexisting = !managed;
                }
                self.keep(*layer, receipt.as_ref(), false);
            }
            Event::LayerGranted {
                layer,
                until,
                ends_at,
                receipt,
                secrets,
                caveat,
            } => {
                let managed = self.manages(*layer);
                let granted = Progress::Granted {
                    managed,
                    until: *until,
                    ends_at: *ends_at,
                };
                self.settle(*layer, granted);
                self.keep(*layer, receipt.as_ref(), *secrets);
                if let Some(layer) = self.layers.get_mut(*layer) {
                    layer.caveat.clone_from(caveat);
                }
                self.note_order(*layer, *at);
                self.end_with_layer(*until, *ends_at, *at);
            }
            Event::LayerGrantFailed {
                layer,
                error,
                retry_at,
                receipt,
                ..
            } => {
                self.keep(*layer, receipt.as_ref(), false);
                self.note_order(*layer, *at);
                // An order that was on its way when the end began is no revocation that failed.
                if !matches!(self.state, State::Ending { .. }) {
                    self.record_failure(*layer, Some(error), *retry_at);
                }
            }
            Event::Started {
                requester,
                after,
                facts,
            } => {
                self.human = std::mem::take(&mut self.human).with(requester);
                self.after.clone_from(after);
                self.facts = facts.clone();
                self.started = true;
            }
            Event::Activated {} => self.state = State::Active { warned: false },
            Event::Reminded { step, .. } => self.reminded = *step,
            Event::LeaveNoticed { departure } => self.departure = Some(departure.clone()),
            Event::Warned {} => self.state = State::Active { warned: true },
            Event::RevocationStarted { cause } => {
                self.settle_extension(occurred, ExtensionOutcome::Overtaken);
                self.begin_ending(cause.clone(), actor.clone(), *at);
            }
            Event::LayerRevoked {
                layer,
                removal,
                leftovers,
            } => {
                let inspect_since = removal.is_inspected_later().then_some(*at);
                if let Some(layer) = self.layers.get_mut(*layer) {
                    layer.caveat.take_if(|_| *removal != Removal::Removed);
                    if !leftovers.is_empty() {
                        layer.leftovers.clone_from(leftovers);
                    }
                }
                self.settle(*layer, Progress::Revoked { inspect_since });
            }
            Event::LayerAbsenceConfirmed { layer }
            | Event::LayerInspectionAbandoned { layer, .. } => {
                let inspect_since = None;
                self.settle(*layer, Progress::Revoked { inspect_since });
            }
            Event::LayerReappeared { layer, .. } => {
                self.settle(*layer, Progress::Inspected { managed: true });
                // Its revocation has failed, which raises the same alert as any other failure.
                self.record_failure(*layer, None, None);
                self.reopen(*at);
            }
            Event::LayerRevokeFailed {
                layer,
                error,
                retry_at,
            } => self.record_failure(*layer, Some(error), Some(*retry_at)),
            Event::Ended {} => {
                if let State::Ending { cause, by, .. } = &self.state {
                    let (cause, by) = (cause.clone(), by.clone());
                    self.state = State::Ended { cause, by, at: *at };
                }
            }
            Event::Failed { error } => {
                self.state = State::Failed {
                    error: error.clone(),
                    at: *at,
                };
            }
            Event::ExtensionRequested {
                human,
                duration,
                revision,
                lapses_at,
                reason,
            } => {
                self.human = std::mem::take(&mut self.human).with(human);
                self.revision = *revision;
                self.last_extension = None;
                self.reminded = 0;
                self.extension = Some(Extension {
                    duration: *duration,
                    reason: reason.clone(),
                    asked_at: *at,
                    lapses_at: *lapses_at,
                    approvals: Vec::new(),
                });
            }
            Event::Extended {
                expires_at,
                human,
                requester,
                groups,
                duration,
            } => {
                self.human = std::mem::take(&mut self.human).with(requester);
                if let Some(extension) = &mut self.extension {
                    extension.approvals.push(approval(human, groups, duration));
                    let shortest = shortest(&extension.approvals);
                    let duration = shortest.unwrap_or(extension.duration);
                    self.approvals.extend(extension.approvals.clone());
                    self.ends_at(*expires_at, *at, duration);
                }
                self.settle_extension(
                    occurred,
                    ExtensionOutcome::Extended {
                        expires_at: *expires_at,
                    },
                );
                self.state = State::Active { warned: false };
            }
            Event::ExtensionDenied { reason } => self.settle_extension(
                occurred,
                ExtensionOutcome::Denied {
                    reason: reason.clone(),
                },
            ),
            Event::ExtensionWithdrawn {} => {
                self.extensions_withdrawn = self.extensions_withdrawn.saturating_add(1);
                self.settle_extension(occurred, ExtensionOutcome::Withdrawn);
            }
            Event::ExtensionLapsed {} => {
                self.settle_extension(occurred, ExtensionOutcome::Lapsed);
            }
            Event::GlassBroken { reviewers, channel } => {
                self.review = Some(Review {
                    reviewers: reviewers.clone(),
                    channel: channel.clone(),
                    opened_at: *at,
                    reminded: 0,
                    sign_offs: Vec::new(),
                });
            }
            Event::ReviewSignedOff { human, reason } => {
                if let (Some(review), Actor::Person(by)) = (&mut self.review, actor) {
                    review.sign_offs.push(SignOff {
                        by: by.clone(),
                        at: *at,
                        human: human.clone(),
                        reason: reason.clone(),
                    });
                }
            }
            Event::ReviewReminded { step } => {
                if let Some(review) = &mut self.review {
                    review.reminded = *step;
                }
            }
            Event::QuestionAsked { reason, .. } => {
                if let Actor::Person(by) = actor {
                    self.questions.push(Question {
                        by: by.clone(),
                        text: reason.clone(),
                        revision: self.revision,
                        for_extension: self.extension.is_some(),
                        is_answered: false,
                    });
                }
            }
            Event::QuestionAnswered { number, .. } => {
                let mut numbered = (1..).zip(&mut self.questions);
                if let Some((_, question)) = numbered.find(|(asked, _)| asked == number) {
                    question.is_answered = true;
                }
            }
        }
    }

    /// The approvals of what waits for its decision: the request, or more time for it.
    fn approvals_to_decide(&mut self) -> &mut Vec<Approval> {
        match &mut self.extension {
            Some(extension) => &mut extension.approvals,
            None => &mut self.approvals,
        }
    }

    /// Whether Keylend gives the access of `layer`, as far as is known.
    pub fn manages(&self, layer: usize) -> bool {
        matches!(
            self.layers.get(layer).map(|layer| layer.progress),
            Some(Progress::Inspected { managed: true } | Progress::Granted { managed: true, .. })
        )
    }

    /// The warning comes a tenth of the time before the end, but not before `from`.
    fn ends_at(&mut self, end: Time, from: Time, duration: Span) {
        let tenth = Span::seconds(duration.as_seconds() / 10);
        self.expires_at = Some(end);
        if let Some(extension) = &mut self.extension {
            extension.lapses_at = extension.lapses_at.min(end);
        }
        self.warn_at = Some(
            tenth
                .clamp(WARNING.0, WARNING.1)
                .before(end)
                .max(from)
                .min(end),
        );
    }

    /// The grant ends when the first of its layers ends by itself: its layers are all there, or none
    /// stays. What a target says of an end that it is to be told again does not count.
    fn end_with_layer(&mut self, until: Time, ends_at: Option<Time>, at: Time) {
        let goes_on = self.goes_on();
        let is_up_to_date = self.expires_at.is_some_and(|end| end <= until);
        let sooner = ends_at.filter(|sooner| self.expires_at.is_some_and(|end| *sooner < end));
        if let (true, true, Some(sooner)) = (goes_on, is_up_to_date, sooner) {
            let left = u32::try_from((sooner - at).num_seconds()).unwrap_or_default();
            self.ends_at(sooner, at, Span::seconds(left));
        }
    }

    fn begin_ending(&mut self, cause: EndCause, by: Actor, since: Time) {
        let was_active = matches!(self.state, State::Active { .. });
        self.state = State::Ending {
            cause,
            by,
            was_active,
            since,
            again: false,
        };
        for layer in &mut self.layers {
            (layer.failures, layer.retry_at, layer.error) = (0, None, None);
        }
    }

    /// Nothing if no extension waits.
    fn settle_extension(&mut self, by: &Occurred, outcome: ExtensionOutcome) {
        if let Some(extension) = self.extension.take() {
            self.last_extension = Some(SettledExtension {
                duration: extension.duration,
                reason: extension.reason,
                approvals: extension.approvals,
                by: by.actor.clone(),
                at: by.at,
                outcome,
            });
        }
    }

    /// What is over is ending again, for the same reason.
    fn reopen(&mut self, since: Time) {
        let (cause, by, was_active) = match &self.state {
            State::Ended { cause, by, .. } => (cause.clone(), by.clone(), true),
            State::Failed { error, .. } => {
                let error = error.clone();
                (EndCause::GrantFailed { error }, Actor::Keylend, false)
            }
            _ => return,
        };
        self.state = State::Ending {
            cause,
            by,
            was_active,
            since,
            again: true,
        };
    }

    fn keep(&mut self, layer: usize, receipt: Option<&Receipt>, secrets: bool) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.receipt = receipt.cloned().or(layer.receipt.take());
            layer.secrets |= secrets;
        }
    }

    fn note_order(&mut self, layer: usize, at: Time) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.ordered_at = Some(at);
        }
    }

    fn settle(&mut self, layer: usize, progress: Progress) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.progress = progress;
            (layer.failures, layer.retry_at, layer.error) = (0, None, None);
        }
    }

    fn record_failure(&mut self, layer: usize, error: Option<&String>, retry_at: Option<Time>) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.failures += 1;
            layer.retry_at = retry_at;
            layer.error = error.cloned();
        }
    }
}

/// The shortest time that an approver chose; nothing if none chose one.
fn shortest(approvals: &[Approval]) -> Option<Span> {
    approvals
        .iter()
        .filter_map(|approval| approval.duration)
        .min()
}
