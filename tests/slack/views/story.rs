//! Requests in every state, each reached by the commands that lead to it.

use chrono::{TimeDelta, TimeZone, Utc};
use keylend::{
    domain::{
        Actor, AskKey, BackendName, ChannelId, Command, Departure, Email, EndCause, Entitlement,
        Environment, Event, GroupName, Handle, Human, Leftovers, Occurred, Params, Parties,
        PlannedGrant, PlannedLayer, Removal, Request, RequestId, RevocationMode, Risk, RuleId,
        Span, Terms, Time, UserId, Username, Vote, decide, open,
    },
    store::{Entry, EntryBody},
};

/// A request, its log, and the time that it is.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) request: Request,
    /// The log, each entry with the request as a reader finds it right then.
    pub(crate) log: Vec<(Entry, Request)>,
    now: Time,
}

/// What is asked for; `hostile` puts it in the place of everything that people write.
pub(crate) fn terms(hostile: Option<&str>) -> Terms {
    let said = |usual: &str| hostile.unwrap_or(usual).to_owned();
    Terms {
        scope: match hostile {
            None => "db-prod:write".parse().unwrap(),
            Some(_) => format!("{}:w", "_".repeat(73)).parse().unwrap(),
        },
        title: said("Production database, write"),
        environment: Some(Environment::new(said("prod"))),
        risk: Risk::High,
        duration: Span::minutes(30),
        reason: said("writes are failing since the last deploy"),
        ticket: Some(said("INC-4211")),
        layers: Vec::new(),
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
    }
}

impl Story {
    pub(crate) fn begin(terms: Terms, approvals_needed: u8) -> Self {
        Self::begin_later(terms, approvals_needed, None)
    }

    /// With a start so long after it is asked for.
    pub(crate) fn begin_later(
        terms: Terms,
        approvals_needed: u8,
        ahead: Option<TimeDelta>,
    ) -> Self {
        let now = Utc.with_ymd_and_hms(2026, 11, 2, 10, 0, 0).unwrap();
        let requested = Occurred {
            at: now,
            actor: Actor::Person(alice()),
            rules: vec![RuleId::new("requester-group")],
            event: Event::Requested {
                ask_key: AskKey::derive("a request"),
                requester: alice(),
                email: Email::new("alice@example.com"),
                human: Human::default(),
                username: Username::new("alice"),
                terms,
                approvals_needed,
                stages: Vec::new(),
                approval_channel: ChannelId::new("C0DBA"),
                mirrors: vec![ChannelId::new("C0INC42")],
                lapses_at: now + TimeDelta::hours(1),
                starts_at: ahead.map(|ahead| now + ahead),
            },
        };
        let request = open(RequestId::new(requested.at, 1), &requested);
        let mut story = Self {
            request,
            log: Vec::new(),
            now,
        };
        story.note(&[requested]);
        story
    }

    /// The story going on, so many minutes later.
    pub(crate) fn after(&self, minutes: i64, command: Command) -> Self {
        let mut story = self.clone();
        story.now += TimeDelta::minutes(minutes);
        let events = decide(&story.request, command, story.now).unwrap();
        for occurred in &events {
            story.request.apply(occurred);
        }
        story.note(&events);
        story
    }

    pub(crate) fn approve(&self, by: &str) -> Self {
        self.approve_as(Actor::Person(UserId::new(by)), "approver-group", "pg-prod")
    }

    pub(crate) fn approve_as(&self, by: Actor, rule: &str, target: &str) -> Self {
        let plan = PlannedLayer {
            backend: BackendName::new(target),
            params: Params::new(),
            handle: Handle::new("kl_handle"),
            revocation: RevocationMode::Call,
            late_effects: Span::default(),
            title: Some("app_writer".to_owned()),
            entitlement: Entitlement::new("member alice of app_writer"),
        };
        self.after(
            1,
            Command::Approve {
                by,
                rules: vec![RuleId::new(rule)],
                revision: self.request.revision,
                parties: self.parties(),
                grant: PlannedGrant {
                    layers: vec![plan],
                    ..PlannedGrant::default()
                },
            },
        )
    }

    /// Every earlier approval still counts.
    fn parties(&self) -> Parties {
        let request = &self.request;
        let extended = request.extension.iter().flat_map(|it| &it.approvals);
        let votes = request
            .approvals
            .iter()
            .chain(extended)
            .filter_map(|approval| match &approval.by {
                Actor::Person(id) => {
                    let human = approval.human.clone();
                    Some((id.clone(), Vote::Counts { human }))
                }
                Actor::Rule(_) | Actor::Keylend => None,
            });
        Parties {
            votes: votes.collect(),
            ..Parties::default()
        }
    }

    pub(crate) fn deny(&self, reason: &str) -> Self {
        self.after(
            1,
            Command::Deny {
                by: bob(),
                human: Human::default(),
                rules: vec![RuleId::new("approver-group")],
                revision: self.request.revision,
                reason: reason.to_owned(),
            },
        )
    }

    /// The layer made, and the grant active.
    pub(crate) fn active(&self) -> Self {
        self.active_with(true, None)
    }

    /// The same; `managed` if the access was not there before, with what its target says of its end.
    pub(crate) fn active_with(&self, managed: bool, caveat: Option<&str>) -> Self {
        let until = self.request.expires_at.unwrap();
        let inspected = Command::Inspected {
            layer: 0,
            managed,
            receipt: None,
        };
        self.after(0, inspected).after(
            0,
            Command::Granted {
                layer: 0,
                until,
                ends_at: None,
                receipt: None,
                secrets: false,
                caveat: caveat.map(ToOwned::to_owned),
            },
        )
    }

    pub(crate) fn warned(&self) -> Self {
        let seconds = (self.request.warn_at.unwrap() - self.now).num_seconds();
        self.after((seconds + 59) / 60, Command::Warn)
    }

    pub(crate) fn more_time(&self) -> Self {
        self.after(
            1,
            Command::RequestExtension {
                by: alice(),
                human: Human::default(),
                rules: vec![RuleId::new("requester-group")],
                duration: Span::minutes(15),
                lapses_at: self.now + TimeDelta::minutes(10),
                reason: "the index is slow".to_owned(),
            },
        )
    }

    pub(crate) fn end(&self, by: Actor, cause: EndCause) -> Self {
        self.after(
            1,
            Command::End {
                by,
                rules: vec![RuleId::new("approver-group")],
                cause,
            },
        )
    }

    pub(crate) fn expire(&self) -> Self {
        let minutes = (self.request.expires_at.unwrap() - self.now).num_minutes();
        self.after(minutes, Command::Expire)
    }

    pub(crate) fn not_gone(&self, error: &str) -> Self {
        self.after(
            1,
            Command::RevokeFailed {
                layer: 0,
                error: error.to_owned(),
                retry_at: self.now + TimeDelta::minutes(2),
            },
        )
    }

    pub(crate) fn gone(&self) -> Self {
        self.gone_by(Removal::Removed)
    }

    pub(crate) fn gone_by(&self, removal: Removal) -> Self {
        self.gone_leaving(removal, Leftovers::default())
    }

    /// The same, with what the grantee left behind.
    pub(crate) fn gone_leaving(&self, removal: Removal, leftovers: Leftovers) -> Self {
        let layer = 0;
        self.after(
            1,
            Command::Revoked {
                layer,
                removal,
                leftovers,
            },
        )
    }

    fn note(&mut self, events: &[Occurred]) {
        for occurred in events {
            let entry = Entry {
                seq: self.log.len() as u64 + 1,
                at: occurred.at,
                request_id: Some(self.request.id),
                body: EntryBody::Request(occurred.event.clone()),
                actor: occurred.actor.clone(),
                rules: occurred.rules.clone(),
                prev_hash: String::new(),
                hash: String::new(),
                version: 1,
            };
            self.log.push((entry, self.request.clone()));
        }
    }
}

pub(crate) fn alice() -> UserId {
    UserId::new("U0ALICE")
}

pub(crate) fn bob() -> UserId {
    UserId::new("U0BOB")
}

/// A request in every state that people see, with people's words as `hostile` has them.
pub(crate) fn every_state(hostile: Option<&str>) -> Vec<(&'static str, Story)> {
    let said = |usual: &str| hostile.unwrap_or(usual).to_owned();
    let pending = Story::begin(terms(hostile), 1);
    let of_two = Story::begin(terms(hostile), 2);
    let approved = pending.approve_as(Actor::Person(bob()), "approver-group", &said("pg-prod"));
    let by_rule = Actor::Rule(RuleId::new(said("low-risk")));
    let active = approved.active();
    let warned = active.warned();
    let extending = warned.more_time();
    let revoked = active.end(
        Actor::Person(bob()),
        EndCause::Revoked {
            reason: said("wrong table"),
        },
    );
    let no_engineer = Departure::Group {
        groups: [GroupName::new(said("engineers"))].into(),
    };
    let left = active.end(
        Actor::Keylend,
        EndCause::Left {
            person: alice(),
            departure: no_engineer.clone(),
        },
    );
    let refused = "connection refused";
    let stuck = active
        .expire()
        .not_gone(&said(refused))
        .not_gone(&said(refused))
        .not_gone(&said(refused));
    let grant_failed = |retry_at| Command::GrantFailed {
        layer: 0,
        error: said("role \"app_writer\" does not exist"),
        retry_at,
        receipt: None,
    };
    let inspected = Command::Inspected {
        layer: 0,
        managed: true,
        receipt: None,
    };
    let retried = approved
        .after(0, inspected)
        .after(0, grant_failed(Some(approved.now + TimeDelta::seconds(2))));
    vec![
        ("one approval of two", of_two.approve("U0BOB")),
        (
            "two approvals of two",
            of_two.approve("U0BOB").approve("U0CAROL"),
        ),
        ("denied", pending.deny(&said("use the replica"))),
        (
            "withdrawn",
            pending.after(
                3,
                Command::Withdraw {
                    by: alice(),
                    human: Human::default(),
                },
            ),
        ),
        ("lapsed", pending.after(60, Command::Lapse)),
        ("approved", approved),
        (
            "approved by a rule",
            pending.approve_as(by_rule, &said("low-risk"), "pg-prod"),
        ),
        ("a target fails", retried.clone()),
        ("failed", retried.after(1, grant_failed(None)).gone()),
        ("active", active.clone()),
        ("warned", warned),
        ("more time asked for", extending.clone()),
        ("extended", extending.approve("U0BOB").active_again()),
        ("more time denied", extending.deny(&said("finish, please"))),
        (
            "more time lapsed",
            active.more_time().after(10, Command::Lapse),
        ),
        (
            "ended before more time was decided",
            extending.expire().gone(),
        ),
        ("being revoked", revoked.clone()),
        ("revoked", revoked.gone()),
        ("revocation stuck", stuck.clone()),
        ("ended at last", stuck.gone()),
        (
            "done",
            active.end(Actor::Person(alice()), EndCause::Done).gone(),
        ),
        (
            "locked",
            active
                .end(
                    Actor::Person(bob()),
                    EndCause::Locked {
                        reason: said("incident"),
                    },
                )
                .gone(),
        ),
        (
            "displaced",
            active
                .end(
                    Actor::Keylend,
                    EndCause::Displaced {
                        by: RequestId::new(Time::UNIX_EPOCH, 2),
                    },
                )
                .gone(),
        ),
        ("left the engineers, and ended", left.gone()),
        (
            "left the engineers, and goes on",
            active.after(
                1,
                Command::NoticeLeave {
                    rules: vec![RuleId::new("requester-group")],
                    departure: no_engineer,
                },
            ),
        ),
        ("pending", pending),
    ]
}

impl Story {
    /// The target told of the later end.
    fn active_again(&self) -> Self {
        let until = self.request.expires_at.unwrap();
        self.after(
            0,
            Command::Granted {
                layer: 0,
                until,
                ends_at: None,
                receipt: None,
                secrets: false,
                caveat: None,
            },
        )
    }
}
