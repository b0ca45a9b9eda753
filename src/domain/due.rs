//! What has to be done next, and when: a pure function of the state, so that the first attempt
//! and the recovery after a crash are the same code.

use std::{borrow::Cow, collections::BTreeMap};

use super::{BackendName, Layer, Progress, Request, RevocationMode, Span, State, Time};

/// A revocation that was not tried yet is due at once. Not since the moment that the log gives: it may
/// lie ahead of the clock of the replica that has to do it.
const AT_ONCE: Time = Time::UNIX_EPOCH;

/// How long after its removal was confirmed a layer is inspected once more, for what took effect late;
/// later where the target's late effects last longer.
pub const INSPECT_AGAIN: Span = Span::minutes(5);

/// The longest that one call to a target may take, whatever its own limits are.
pub const LONGEST_CALL: Span = Span::seconds(60);

/// The longest that a target that failed is left alone.
pub const LONGEST_RETRY: Span = Span::minutes(5);

/// How far the clocks of replicas may differ.
pub const CLOCKS_DIFFER: Span = Span::seconds(60);

/// One piece of work that waits for its moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Time,
    /// Who does it: the lanes of different targets do not wait for each other.
    pub lane: Lane,
    /// What.
    pub work: Work,
}

/// A queue of work of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// What needs no target: time-outs, reminders, warnings, the end of a grant's time.
    Clock,
    /// What needs this target.
    Target(BackendName),
    /// What is only read back in this target, at its own time: access that only a time limit ends, and
    /// access that has ended and is inspected once more.
    ReadBack(BackendName),
    /// Starts of what was approved in advance. They ask Slack and the tracker, and no end waits for those.
    Starts,
}

impl Lane {
    /// Its name in the store: with the target's name, if it has one, or nothing for the clock.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Clock => Cow::Borrowed(""),
            Self::Target(backend) => Cow::Borrowed(backend.as_str()),
            Self::ReadBack(backend) => Cow::Owned(format!(":read-back:{backend}")),
            Self::Starts => Cow::Borrowed(":starts"),
        }
    }

    /// The latest moment to which its work can be put off at `now`. What is due later was put off by a
    /// replica whose clock is ahead, and is due at once.
    pub fn latest(&self, now: Time) -> Option<Time> {
        match self {
            Self::Clock | Self::ReadBack(_) | Self::Starts => None,
            Self::Target(_) => Some(CLOCKS_DIFFER.after(LONGEST_RETRY.after(now))),
        }
    }
}

impl Due {
    /// Whether it is to be done at `now`.
    pub fn is_due(&self, now: Time) -> bool {
        let latest = self.lane.latest(now);
        self.at <= now || latest.is_some_and(|latest| self.at > latest)
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Let the request, or its extension, lapse.
    Lapse,
    /// Tell the requester that the end is near.
    Warn,
    /// End the grant.
    Expire,
    /// Decide once more on what was approved in advance, at its start.
    Start,
    /// Grant this layer, or tell its target of a later end.
    Grant {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Revoke this layer.
    Revoke {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Inspect once more whether this layer, which is revoked, is gone.
    InspectAgain {
        /// Which layer, from 0.
        layer: usize,
    },
    /// Remind the approvers of what waits for their decision.
    Remind {
        /// Which reminder, from 1.
        step: u8,
    },
    /// Remind the reviewers of the review that is open.
    RemindReview {
        /// Which reminder, from 1.
        step: u32,
    },
}

impl Request {
    /// Everything that waits for its moment, soonest first. Two pieces of work in one lane are
    /// done one after the other.
    pub fn due(&self) -> Vec<Due> {
        let mut due = Vec::new();
        let clock = |at, work| Due {
            at,
            lane: Lane::Clock,
            work,
        };
        match &self.state {
            State::Pending { lapses_at } => due.push(clock(*lapses_at, Work::Lapse)),
            State::Approved | State::Active { .. } => {
                if let Some(end) = self.expires_at {
                    due.push(clock(end, Work::Expire));
                    match self.starts_at.filter(|_| self.waits_for_start()) {
                        Some(at) => due.push(Due {
                            at,
                            lane: Lane::Starts,
                            work: Work::Start,
                        }),
                        None => self.layers_to_make(end, &mut due),
                    }
                }
                if let Some(lapses_at) = self.extension_lapses_at() {
                    due.push(clock(lapses_at, Work::Lapse));
                }
                if let (State::Active { warned: false }, Some(at)) = (&self.state, self.warn_at) {
                    due.push(clock(at, Work::Warn));
                }
            }
            State::Ending { .. } => {
                for (index, layer) in self.layers.iter().enumerate() {
                    if layer.progress.is_revoked() {
                        continue;
                    }
                    let target = layer.plan.backend.clone();
                    let (at, lane) = match (layer.retry_at, self.time_limit(layer), layer.progress)
                    {
                        (Some(retry_at), ..) => (retry_at, Lane::Target(target)),
                        (None, Some(limit), Progress::Granted { .. }) => {
                            (limit, Lane::ReadBack(target))
                        }
                        // Nothing of it may be there, which its status tells before its time limit.
                        (None, ..) => (AT_ONCE, Lane::Target(target)),
                    };
                    let work = Work::Revoke { layer: index };
                    due.push(Due { at, lane, work });
                }
            }
            State::Ended { .. } | State::Failed { .. } => {
                for (index, layer) in self.layers.iter().enumerate() {
                    if let Some(since) = layer.progress.inspect_since() {
                        due.push(Due {
                            at: INSPECT_AGAIN.max(layer.plan.late_effects).after(since),
                            lane: Lane::ReadBack(layer.plan.backend.clone()),
                            work: Work::InspectAgain { layer: index },
                        });
                    }
                }
            }
            State::Denied { .. } | State::Withdrawn { .. } | State::Lapsed { .. } => {}
        }
        if let Some((step, at)) = self.next_reminder() {
            due.push(clock(at, Work::Remind { step }));
        }
        if let Some((step, at)) = self.next_review_reminder() {
            due.push(clock(at, Work::RemindReview { step }));
        }
        due.sort_by_key(|due| due.at);
        due
    }

    /// When each lane has to look at the request next.
    pub fn due_by_lane(&self) -> BTreeMap<Lane, Time> {
        let mut lanes = BTreeMap::new();
        // Soonest first, so the first of a lane stays.
        for due in self.due() {
            lanes.entry(due.lane).or_insert(due.at);
        }
        lanes
    }

    /// When a layer that is to end has ended, if only a time limit ends it.
    pub fn time_limit(&self, layer: &Layer) -> Option<Time> {
        if layer.plan.revocation != RevocationMode::TimeLimit {
            return None;
        }
        match layer.progress {
            Progress::Granted {
                managed: true,
                until,
                ends_at,
            } => {
                let known = ends_at.unwrap_or(until);
                // The order for a later end may have taken effect.
                let later = self.expires_at.filter(|end| until < *end);
                Some(later.map_or(known, |later| later.max(known)))
            }
            // Whether an order took effect is not known; if one did, it names this end at the latest.
            Progress::Inspected { managed: true } => self.expires_at,
            _ => None,
        }
    }

    /// Until when an order to grant `layer` may take effect although the layer is gone, while the
    /// request is ending; nothing if none may.
    pub fn late_effects_until(&self, layer: usize) -> Option<Time> {
        let (State::Ending { since, .. }, Some(layer)) = (&self.state, self.layers.get(layer))
        else {
            return None;
        };
        let may_be_on_its_way = match layer.progress {
            Progress::Inspected { managed: true } => true,
            Progress::Granted {
                managed: true,
                until,
                ..
            } => self.expires_at.is_some_and(|end| until < end),
            _ => return None,
        };
        let given_up = match layer.ordered_at {
            Some(at) if at >= *since || !may_be_on_its_way => at,
            // Nothing tells of it, so it was given up when its time was over.
            _ => LONGEST_CALL.after(*since),
        };
        let late_effects = layer.plan.late_effects;
        (late_effects > Span::default()).then(|| late_effects.after(given_up))
    }

    fn layers_to_make(&self, end: Time, due: &mut Vec<Due>) {
        for (index, layer) in self.layers.iter().enumerate() {
            let is_made = match layer.progress {
                Progress::Granted { until, ends_at, .. } => {
                    until >= end && ends_at.is_none_or(|own| own >= end)
                }
                _ => false,
            };
            if !is_made {
                due.push(Due {
                    // Behind revocations that are late: access that comes late does no harm.
                    at: layer.retry_at.unwrap_or(self.facts.at),
                    lane: Lane::Target(layer.plan.backend.clone()),
                    work: Work::Grant { layer: index },
                });
            }
        }
    }
}

/// How long to wait after so many failures in a row (from 1): doubled each time from `first` to
/// `longest`, then shortened by up to a half by `jitter` (0 to 255), so that many who failed
/// together do not come back together.
pub fn backoff(failures: u32, first: Span, longest: Span, jitter: u8) -> std::time::Duration {
    let doubled = u64::from(first.as_seconds()) << failures.saturating_sub(1).min(16);
    let millis = 1000 * doubled.min(u64::from(longest.as_seconds()));
    std::time::Duration::from_millis(millis - millis * u64::from(jitter) / 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_off_by_a_clock_that_is_ahead_is_due_at_once() {
        let now = Time::UNIX_EPOCH;
        let target = Lane::Target(BackendName::new("pg-prod"));
        let is_due = |lane: &Lane, minutes| {
            let due = Due {
                at: Span::minutes(minutes).after(now),
                lane: lane.clone(),
                work: Work::Revoke { layer: 0 },
            };
            due.is_due(now)
        };
        assert_eq!(
            [0, 1, 5, 6, 7].map(|it| is_due(&target, it)),
            [true, false, false, false, true]
        );
        assert_eq!(
            [0, 1, 60].map(|it| is_due(&Lane::Clock, it)),
            [true, false, false]
        );
    }

    #[test]
    fn revocation_is_retried_between_a_second_and_five_minutes() {
        let wait = |failures, jitter| {
            backoff(failures, Span::seconds(1), Span::minutes(5), jitter).as_millis()
        };
        assert_eq!([wait(1, 0), wait(2, 0), wait(3, 0)], [1000, 2000, 4000]);
        assert_eq!(wait(1000, 0), 300_000);
        assert!((150_000..300_000).contains(&wait(1000, 255)));
    }
}
