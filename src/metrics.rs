//! What Keylend counts and measures, in one place.
//!
//! Whoever does the work counts it here: the broker and the worker hand every committed event to
//! [`Metrics::occurred`], `slack` times its acknowledgements, `api` counts checks. What is a fact
//! of the store or of memory (what is stuck, what is active) is a gauge, set when it is read, so
//! that it is right after a restart. No label carries a person, a scope or a request.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::domain::{Event, Request, State, Time};

/// The metrics of this process.
pub struct Metrics {
    registry: Registry,
    checks: Family<[(&'static str, &'static str); 1], Counter>,
    requests: Family<[(&'static str, &'static str); 1], Counter>,
    retries: Counter,
    report_only: Counter,
    alerts: Family<[(&'static str, String); 1], Gauge>,
    /// The alerts that the gauge shows.
    alerting: Mutex<BTreeSet<String>>,
    stuck: Gauge,
    active: Gauge,
    slack_connections: Gauge,
    head: Gauge,
    applied: Gauge,
    connections: Gauge,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
    acknowledged: Histogram,
    revocation_delay: Histogram,
    leaver_round: Gauge,
}

/// How a check was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// There is a grant.
    Yes,
    /// There is none.
    No,
    /// Nothing could be said, which the asker takes for a no.
    Unavailable,
    /// The asker had no known token.
    Unauthorized,
    /// The question could not be read.
    Malformed,
}

impl Decision {
    const ALL: [Self; 5] = [
        Self::Yes,
        Self::No,
        Self::Unavailable,
        Self::Unauthorized,
        Self::Malformed,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unavailable => "unavailable",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
        }
    }
}

/// Why somebody at the door was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Slack did not sign it.
    Unsigned,
    /// It came with no known token.
    UnknownToken,
    /// Its address had failed too often.
    Throttled,
    /// It took too long to ask, or to take the answer.
    Slow,
    /// It had waited longest when its connection or its memory was needed.
    Evicted,
    /// There was no connection left, and none that could give way.
    Full,
}

impl Rejection {
    const ALL: [Self; 6] = [
        Self::Unsigned,
        Self::UnknownToken,
        Self::Throttled,
        Self::Slow,
        Self::Evicted,
        Self::Full,
    ];

    /// The reason's name, in metrics and in the process's log.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::UnknownToken => "unknown_token",
            Self::Throttled => "throttled",
            Self::Slow => "slow",
            Self::Evicted => "evicted",
            Self::Full => "full",
        }
    }
}

/// What requests come to; every label is there from the start, at zero.
const OUTCOMES: [&str; 9] = [
    "asked",
    "approved",
    "denied",
    "withdrawn",
    "lapsed",
    "activated",
    "extended",
    "ended",
    "failed",
];

/// Seconds; Slack waits for three.
const ACKNOWLEDGED: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0,
];

/// Seconds; from a second, which is well, to a day, which is not.
const DELAYS: [f64; 11] = [
    0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 86_400.0,
];

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("keylend"),
            checks: Family::default(),
            requests: Family::default(),
            retries: Counter::default(),
            report_only: Counter::default(),
            alerts: Family::default(),
            alerting: Mutex::default(),
            stuck: Gauge::default(),
            active: Gauge::default(),
            slack_connections: Gauge::default(),
            head: Gauge::default(),
            applied: Gauge::default(),
            connections: Gauge::default(),
            rejected: Family::default(),
            acknowledged: Histogram::new(ACKNOWLEDGED),
            revocation_delay: Histogram::new(DELAYS),
            leaver_round: Gauge::default(),
        };
        for decision in Decision::ALL {
            drop(
                metrics
                    .checks
                    .get_or_create(&[("decision", decision.label())]),
            );
        }
        for reason in Rejection::ALL {
            drop(
                metrics
                    .rejected
                    .get_or_create(&[("reason", reason.label())]),
            );
        }
        for outcome in OUTCOMES {
            drop(metrics.requests.get_or_create(&[("outcome", outcome)]));
        }
        metrics.registered()
    }
}

impl Metrics {
    /// Counts a check.
    pub fn checked(&self, decision: Decision) {
        let label = [("decision", decision.label())];
        self.checks.get_or_create(&label).inc();
    }

    /// Counts a committed event of a request. `before` is the request as the commit found it;
    /// nothing for a new one.
    pub fn occurred(&self, before: Option<&Request>, at: Time, event: &Event) {
        let was_over = matches!(
            before.map(|before| &before.state),
            Some(State::Ending { again: true, .. })
        );
        let outcome = match event {
            Event::Requested { .. } => "asked",
            Event::Approved { .. } => "approved",
            Event::Denied { .. } => "denied",
            Event::Withdrawn {} => "withdrawn",
            Event::Lapsed {} => "lapsed",
            Event::Activated {} => "activated",
            Event::Extended { .. } => "extended",
            Event::Ended {} => {
                if let Some(delay) = before.and_then(|before| delay(before, at)) {
                    self.revocation_delay.observe(delay.as_secs_f64());
                }
                if was_over {
                    return;
                }
                "ended"
            }
            Event::Failed { .. } if was_over => return,
            Event::Failed { .. } => "failed",
            Event::LayerRevokeFailed { .. } => {
                self.retries.inc();
                return;
            }
            Event::ApprovalCounted { .. }
            | Event::ApprovalVoided { .. }
            | Event::Revised { .. }
            | Event::LayerInspected { .. }
            | Event::LayerGranted { .. }
            | Event::LayerGrantFailed { .. }
            | Event::Warned {}
            | Event::LeaveNoticed { .. }
            | Event::RevocationStarted { .. }
            | Event::LayerRevoked { .. }
            | Event::LayerAbsenceConfirmed { .. }
            | Event::LayerInspectionAbandoned { .. }
            | Event::LayerReappeared { .. }
            | Event::ExtensionRequested { .. }
            | Event::ExtensionWithdrawn {}
            | Event::ExtensionDenied { .. }
            | Event::ExtensionLapsed {}
            | Event::CredentialShown {}
            | Event::Reminded { .. }
            | Event::Started { .. }
            | Event::GlassBroken { .. }
            | Event::ReviewSignedOff { .. }
            | Event::ReviewReminded { .. }
            | Event::QuestionAsked { .. }
            | Event::QuestionAnswered { .. } => return,
        };
        self.requests.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts something that was allowed and that a report-only rule would have refused.
    pub fn would_refuse(&self) {
        self.report_only.inc();
    }

    /// Notes how long Slack waited for an answer.
    pub fn acknowledged(&self, after: Duration) {
        self.acknowledged.observe(after.as_secs_f64());
    }

    /// Notes which alerts are raised.
    pub fn alerts(&self, raised: BTreeSet<String>) {
        let mut shown = self.alerting.lock().unwrap_or_else(PoisonError::into_inner);
        for cleared in shown.difference(&raised) {
            self.alerts.remove(&[("alert", cleared.clone())]);
        }
        for name in &raised {
            self.alerts.get_or_create(&[("alert", name.clone())]).set(1);
        }
        *shown = raised;
    }

    /// Notes how many revocations are stuck.
    pub fn stuck(&self, count: usize) {
        set(&self.stuck, count);
    }

    /// Notes how many grants are active.
    pub fn active(&self, count: usize) {
        set(&self.active, count);
    }

    /// Notes how many Socket Mode connections are open.
    pub fn slack_connections(&self, count: usize) {
        set(&self.slack_connections, count);
    }

    /// Notes the log's head, and how far checks know the log.
    pub fn log(&self, head: u64, applied: u64) {
        set(&self.head, head);
        set(&self.applied, applied);
    }

    /// Notes how many connections there are.
    pub fn connections(&self, count: usize) {
        set(&self.connections, count);
    }

    /// Counts a question or a connection that was turned away.
    pub fn rejected(&self, reason: Rejection) {
        let label = [("reason", reason.label())];
        self.rejected.get_or_create(&label).inc();
    }

    /// Notes how long it took to ask about everybody who holds access whether they have left.
    pub fn leaver_round(&self, took: Duration) {
        set(&self.leaver_round, took.as_secs());
    }

    /// Everything in the OpenMetrics text format.
    ///
    /// # Errors
    ///
    /// If a metric cannot be written, which is a mistake in its definition.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let seconds = || Unit::Seconds;
        registry.register("checks", "Checks by answer", self.checks.clone());
        registry.register(
            "requests",
            "Requests by what they came to. A grant whose access was found again has ended once",
            self.requests.clone(),
        );
        registry.register(
            "revocation_retries",
            "Revocations that a target did not carry out and that are tried again",
            self.retries.clone(),
        );
        registry.register(
            "policy_report_only",
            "Decisions that were allowed and that a report-only rule would have refused",
            self.report_only.clone(),
        );
        registry.register(
            "alert",
            "1 for each alert that is raised on this replica",
            self.alerts.clone(),
        );
        registry.register(
            "revocations_stuck",
            "Grants that are over and that a target has failed to revoke",
            self.stuck.clone(),
        );
        registry.register("grants_active", "Active grants", self.active.clone());
        registry.register(
            "slack_connections",
            "Open Socket Mode connections; none where Slack reaches Keylend over HTTP",
            self.slack_connections.clone(),
        );
        registry.register(
            "log_head",
            "Number of the log's last entry",
            self.head.clone(),
        );
        registry.register(
            "log_applied",
            "Number of the last entry that checks know",
            self.applied.clone(),
        );
        registry.register(
            "connections",
            "Connections over which somebody asks or may ask",
            self.connections.clone(),
        );
        registry.register(
            "rejected",
            "Questions and connections that were turned away",
            self.rejected.clone(),
        );
        registry.register_with_unit(
            "acknowledgement",
            "Time until Slack had its answer to a command or click",
            seconds(),
            self.acknowledged.clone(),
        );
        registry.register_with_unit(
            "revocation_delay",
            "Time from a grant's end, or from when its access was found again, until every target was \
             read back",
            seconds(),
            self.revocation_delay.clone(),
        );
        registry.register_with_unit(
            "leaver_round",
            "Time that the last round took through everybody who holds access; 0 on replicas that \
             do not make it",
            seconds(),
            self.leaver_round.clone(),
        );
        self
    }
}

/// From the moment at which access was to end, or was found again, until `gone`; nothing for a grant that was not
/// ending when the commit found it, since no target had to be asked.
fn delay(before: &Request, gone: Time) -> Option<Duration> {
    let State::Ending { since, again, .. } = before.state else {
        return None;
    };
    let expired = before.expires_at.filter(|_| !again);
    let end = expired.map_or(since, |end| end.min(since));
    (gone - end).to_std().ok()
}

fn set(gauge: &Gauge, value: impl TryInto<i64>) {
    gauge.set(value.try_into().unwrap_or(i64::MAX));
}
