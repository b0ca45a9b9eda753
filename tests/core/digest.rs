//! The weekly digest: what the log says of a week.

use std::collections::BTreeMap;

use chrono::Weekday;
use keylend::domain::{
    Actor, ApprovalFacts, AskKey, BackendName, ChannelId, DigestFold, Email, EndCause, Entitlement,
    Event, Handle, Human, Names, Occurred, Params, PlannedLayer, RequestId, RevocationMode, Risk,
    RuleId, ScopeId, Span, Terms, Time, UserId, Username, Weekly, WeeklyDigest,
};

/// When the week ends.
fn end() -> Time {
    "2099-11-23T09:00:00Z".parse().unwrap()
}

/// So many seconds before that.
fn before(seconds: u32) -> Time {
    Span::seconds(seconds).before(end())
}

fn scope(name: &str) -> ScopeId {
    name.parse().unwrap()
}

fn bob() -> Actor {
    Actor::Person(UserId::new("U0BOB"))
}

/// A log that is written as it is folded.
struct Log {
    fold: DigestFold,
    requests: u32,
}

impl Log {
    fn new() -> Self {
        Self {
            fold: DigestFold::until(end()),
            requests: 0,
        }
    }

    fn note(&mut self, id: RequestId, at: Time, actor: Actor, event: Event) {
        let occurred = Occurred {
            at,
            actor,
            rules: Vec::new(),
            event,
        };
        self.fold.note(id, &occurred);
    }

    /// Alice asks.
    fn asks(&mut self, name: &str, at: Time) -> RequestId {
        self.requests += 1;
        let id = RequestId::new(at, self.requests);
        let terms = Terms {
            scope: scope(name),
            title: name.to_owned(),
            environment: None,
            risk: Risk::High,
            duration: Span::minutes(30),
            reason: String::new(),
            ticket: None,
            layers: Vec::new(),
            residual: Span::default(),
            ends_early: true,
            dangerous: false,
        };
        let event = Event::Requested {
            ask_key: AskKey::derive(&id.to_string()),
            requester: UserId::new("U0ALICE"),
            email: Email::new("alice@example.com"),
            human: Human::default(),
            username: Username::new("alice"),
            terms,
            approvals_needed: 1,
            stages: Vec::new(),
            approval_channel: ChannelId::new("C0DBA"),
            mirrors: Vec::new(),
            lapses_at: Span::minutes(60).after(at),
            starts_at: None,
        };
        self.note(id, at, Actor::Person(UserId::new("U0ALICE")), event);
        id
    }

    fn approved(&mut self, id: RequestId, at: Time, by: Actor) {
        let layer = PlannedLayer {
            backend: BackendName::new("pg-prod"),
            params: Params::new(),
            handle: Handle::new(format!("jit_{id}")),
            revocation: RevocationMode::Call,
            late_effects: Span::default(),
            title: None,
            entitlement: Entitlement::new("role"),
        };
        let event = Event::Approved {
            expires_at: Span::minutes(30).after(at),
            layers: vec![layer],
            after: Vec::new(),
            human: Human::default(),
            requester: Human::default(),
            facts: ApprovalFacts::default(),
            groups: Vec::new(),
            duration: None,
        };
        self.note(id, at, by, event);
    }

    fn active(&mut self, id: RequestId, at: Time) {
        self.note(id, at, Actor::Keylend, Event::Activated {});
    }

    fn ending(&mut self, id: RequestId, at: Time) {
        let cause = EndCause::Expired;
        self.note(id, at, Actor::Keylend, Event::RevocationStarted { cause });
    }

    /// A grant that Bob approves after some time, and that lasts for some time.
    fn grant(&mut self, name: &str, asked: Time, after: Span, lasting: Span) -> RequestId {
        let id = self.asks(name, asked);
        let approved = after.after(asked);
        self.approved(id, approved, bob());
        self.active(id, approved);
        self.ending(id, lasting.after(approved));
        id
    }

    fn denied(&mut self, name: &str, at: Time, by: Actor) {
        let id = self.asks(name, at);
        let reason = String::new();
        self.note(id, at, by, Event::Denied { reason });
    }

    /// The digest, of scopes that allow eight hours.
    fn digest(self) -> WeeklyDigest {
        let scopes = ["db-prod:write", "lab:use"];
        let maxima = scopes.map(|name| (scope(name), Span::minutes(480)));
        self.fold.digest(&BTreeMap::from(maxima))
    }
}

fn sentences(digest: &WeeklyDigest) -> Vec<String> {
    digest.sentences(&Names {
        scope: &|scope| scope.to_string(),
        person: &|person| person.to_string(),
        time: &|time| time.format("%H:%M").to_string(),
    })
}

const WEEK: u32 = 7 * 24 * 3600;

#[test]
fn a_digest_counts_what_happened_in_its_week_and_nothing_else() {
    let mut log = Log::new();
    let (minute, hour) = (Span::minutes(1), Span::minutes(60));
    log.grant("db-prod:write", before(WEEK + 7_200), minute, minute);
    // Asked for before the week, approved within it.
    log.grant("db-prod:write", before(WEEK + 60), hour, minute);
    let automatic = log.asks("lab:use", before(5_000));
    log.approved(
        automatic,
        before(5_000),
        Actor::Rule(RuleId::new("low-risk")),
    );
    log.active(automatic, before(5_000));
    log.denied("db-prod:write", before(4_000), bob());
    let lapsed = log.asks("db-prod:write", before(4_000));
    log.note(lapsed, before(400), Actor::Keylend, Event::Lapsed {});
    let failed = log.asks("db-prod:write", before(300));
    log.approved(failed, before(299), bob());
    let error = "no such role".to_owned();
    log.note(failed, before(298), Actor::Keylend, Event::Failed { error });
    // The moment itself belongs to the next week.
    log.denied("db-prod:write", end(), bob());
    let digest = log.digest();
    assert_eq!((digest.from, digest.until), (before(WEEK), end()));
    assert_eq!(
        sentences(&digest),
        [
            "4 requests: 2 granted, 1 approved by a rule, 1 denied, 1 lapsed, 1 failed.",
            "Time to approve: median 1s, 90th percentile 1h (2 approvals by people).",
            "Grants by scope: db-prod:write 1; lab:use 1.",
        ]
    );
}

#[test]
fn the_time_to_approve_is_that_of_half_and_of_nine_in_ten() {
    let mut log = Log::new();
    for minutes in 1..=10 {
        let took = Span::minutes(minutes);
        log.grant("lab:use", before(50_000), took, Span::minutes(300));
    }
    let waited = log.digest().waited.unwrap();
    assert_eq!(waited.median, Span::minutes(5));
    assert_eq!(waited.p90, Span::minutes(9));
    assert_eq!(waited.approved, 10);
    assert_eq!(Log::new().digest().waited, None);
}

#[test]
fn a_maximum_is_far_above_use_if_several_grants_stayed_far_below_it() {
    let named = |lasted: &[u32]| {
        let mut log = Log::new();
        for minutes in lasted {
            let lasting = Span::minutes(*minutes);
            log.grant("db-prod:write", before(50_000), Span::minutes(1), lasting);
        }
        sentences(&log.digest()).pop().unwrap()
    };
    assert_eq!(
        named(&[5, 120, 60]),
        "Maximum far above use: db-prod:write allows 8h, and the longest of 3 grants lasted 2h."
    );
    for lasted in [&[5, 121, 60][..], &[5, 5]] {
        assert!(named(lasted).starts_with("Grants by scope"), "{lasted:?}");
    }
    // A scope that is gone has no maximum.
    let mut log = Log::new();
    for _ in 0..3 {
        log.grant(
            "old:use",
            before(50_000),
            Span::minutes(1),
            Span::minutes(1),
        );
    }
    assert!(log.digest().oversized.is_empty());
}

#[test]
fn who_approves_everything_within_seconds_is_named() {
    let hasty = |waits: &[u32], denies: bool| {
        let mut log = Log::new();
        for seconds in waits {
            let after = Span::seconds(*seconds);
            log.grant("lab:use", before(50_000), after, Span::minutes(300));
        }
        if denies {
            log.denied("lab:use", before(100), bob());
        }
        let digest = log.digest();
        let named = sentences(&digest).pop().unwrap();
        (!digest.hasty.is_empty()).then_some(named)
    };
    assert_eq!(
        hasty(&[3, 4, 10, 2, 0], false).unwrap(),
        "Approved everything within seconds: U0BOB (5 approvals, each within 10s, and no denial)."
    );
    assert_eq!(hasty(&[3, 4, 10, 2], false), None, "too few to tell");
    assert_eq!(hasty(&[3, 4, 11, 2, 0], false), None, "one took longer");
    assert_eq!(hasty(&[3, 4, 10, 2, 0], true), None, "one was denied");
}

#[test]
fn what_a_target_still_has_not_revoked_is_stuck() {
    let mut log = Log::new();
    let id = log.grant(
        "db-prod:write",
        before(7_200),
        Span::default(),
        Span::minutes(30),
    );
    let event = Event::LayerRevokeFailed {
        layer: 0,
        error: "connection refused".to_owned(),
        retry_at: before(10),
    };
    log.note(id, before(20), Actor::Keylend, event);
    let said = sentences(&log.digest());
    assert_eq!(
        said[3..],
        [
            "A target failed to revoke access of 1 grant at least once.",
            "Still not revoked: db-prod:write of U0ALICE since 07:30.",
        ]
    );
}

#[test]
fn a_list_names_five_and_counts_the_rest() {
    let mut log = Log::new();
    for number in 0..8 {
        for _ in 0..=number {
            let name = format!("s{number}:use");
            log.grant(&name, before(50_000), Span::minutes(1), Span::minutes(1));
        }
    }
    assert_eq!(
        sentences(&log.digest())[2],
        "Grants by scope: s7:use 8; s6:use 7; s5:use 6; s4:use 5; s3:use 4; and 3 more."
    );
}

#[test]
fn a_week_without_anything_is_one_sentence() {
    assert_eq!(
        sentences(&Log::new().digest()),
        ["0 requests: 0 granted, 0 approved by a rule, 0 denied, 0 lapsed, 0 failed."]
    );
}

#[test]
fn a_weekly_moment_goes_by_the_clock_of_its_zone() {
    let time = |text: &str| text.parse::<Time>().unwrap();
    let mondays = Weekly {
        day: Weekday::Mon,
        hour: 9,
        zone: chrono_tz::Europe::Berlin,
    };
    let monday = time("2026-11-23T08:00:00Z");
    assert_eq!(mondays.last(time("2026-11-25T00:00:00Z")), monday);
    assert_eq!(mondays.last(monday), monday);
    assert_eq!(mondays.next(monday), time("2026-11-30T08:00:00Z"));
    assert_eq!(mondays.next(time("2026-11-23T07:59:59Z")), monday);
    // In summer the clocks are one hour ahead.
    let summer = time("2026-07-06T07:00:00Z");
    assert_eq!(mondays.last(time("2026-07-08T00:00:00Z")), summer);
    // 02:00 is left out when they are set.
    let sundays = Weekly {
        day: Weekday::Sun,
        hour: 2,
        ..mondays
    };
    let set = time("2027-03-28T01:00:00Z");
    assert_eq!(sundays.last(time("2027-03-28T12:00:00Z")), set);
}
