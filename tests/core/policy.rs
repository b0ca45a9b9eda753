//! Who may do what: each base rule, what operators can add to them, and what they cannot.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroU8,
    path::PathBuf,
};

use keylend::{
    domain::{
        BackendName, ChannelId, Email, Environment, GroupName, Human, LayerSpec, NoUsername,
        OnLeave, Params, Person, ReasonRule, Refusal, Risk, RuleId, Scope, Span, Standing,
        TicketRule, Time, UserId,
    },
    policy::{Action, Facts, Policy, TicketFact},
};
use tempfile::TempDir;

/// A person in some groups.
fn person(id: &str, groups: &[&str]) -> Person {
    Person {
        id: UserId::new(id),
        name: id.to_owned(),
        standing: Standing::Member,
        email: None,
        human: Human::new(&UserId::new(id), None),
        username: Err(NoUsername::NoAddress),
        groups: groups.iter().copied().map(GroupName::new).collect(),
        groups_read: Vec::new(),
        unknown_groups: BTreeMap::new(),
    }
}

fn scope() -> Scope {
    Scope {
        id: "db-prod:write".parse().unwrap(),
        title: "Production database, write".to_owned(),
        environment: Some(Environment::new("prod")),
        risk: Risk::High,
        default_duration: Span::minutes(30),
        max_duration: Span::minutes(60),
        max_total: Span::minutes(90),
        requesters: [GroupName::new("engineers")].into(),
        approvers: [GroupName::new("dba")].into(),
        approvals: NonZeroU8::MIN,
        stages: Vec::new(),
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Required,
        ticket: Some(TicketRule {
            pattern: regex::Regex::new("^INC-[0-9]+$").unwrap(),
            required: true,
            example: None,
        }),
        on_leave: OnLeave::End,
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
        break_glass: false,
        layers: vec![LayerSpec {
            backend: BackendName::new("pg-prod"),
            params: Params::new(),
        }],
    }
}

/// Everything that a verdict is taken from, all of it well until a test changes it.
struct Case {
    principal: Person,
    requester: UserId,
    /// What is known of the requester beyond the id.
    requester_human: Human,
    scope: Option<Scope>,
    administrators: BTreeSet<GroupName>,
    duration: Span,
    total: Span,
    is_extension: bool,
    ticket: TicketFact,
    locked: bool,
    principal_locked: bool,
    held: u32,
    excluded_by: BTreeSet<Environment>,
    incident: bool,
    now: Time,
}

impl Case {
    /// Alice, an engineer, and her own request.
    fn alice() -> Self {
        Self {
            principal: person("U0ALICE", &["engineers"]),
            requester: UserId::new("U0ALICE"),
            requester_human: Human::default(),
            scope: Some(scope()),
            administrators: [GroupName::new("leads")].into(),
            duration: Span::minutes(30),
            total: Span::minutes(30),
            is_extension: false,
            ticket: TicketFact::Given,
            locked: false,
            principal_locked: false,
            held: 0,
            excluded_by: BTreeSet::new(),
            incident: false,
            now: "2026-11-02T02:00:00Z".parse().unwrap(),
        }
    }

    /// Bob, a database administrator, and Alice's request.
    fn bob() -> Self {
        Self {
            principal: person("U0BOB", &["dba"]),
            ..Self::alice()
        }
    }

    /// Carol, a lead, and Alice's request.
    fn carol() -> Self {
        Self {
            principal: person("U0CAROL", &["leads"]),
            ..Self::alice()
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn evaluate(&self, policy: &Policy, action: Action) -> Result<Vec<RuleId>, Refusal> {
        self.ask(|facts| policy.evaluate(action, facts))
    }

    /// The report-only rules that would refuse it.
    fn reported(&self, policy: &Policy, action: Action) -> Vec<RuleId> {
        self.ask(|facts| policy.would_forbid(action, facts))
    }

    fn ask<T>(&self, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        ask(&Facts {
            principal: &self.principal,
            requester: &self.requester,
            requester_human: &self
                .requester_human
                .clone()
                .with(&Human::new(&self.requester, None)),
            scope: self.scope.as_ref(),
            administrators: &self.administrators,
            duration: self.duration,
            total: self.total,
            is_extension: self.is_extension,
            ticket: self.ticket,
            locked: self.locked,
            principal_locked: self.principal_locked,
            held: self.held,
            cap: 3,
            excluded_by: self.excluded_by.clone(),
            incident: self.incident,
            now: self.now,
        })
    }

    /// The verdict in one line: `yes: rule, …`, `no: rule, …` or `error: …`.
    fn verdict(&self, policy: &Policy, action: Action) -> String {
        let line = |answer: &str, rules: Vec<&str>| match rules.is_empty() {
            true => answer.to_owned(),
            false => format!("{answer}: {}", rules.join(", ")),
        };
        match self.evaluate(policy, action) {
            Ok(rules) => line("yes", rules.iter().map(RuleId::as_str).collect()),
            Err(Refusal::Forbidden(rulings)) => {
                line("no", rulings.iter().map(|r| r.rule.as_str()).collect())
            }
            Err(Refusal::RuleError(text)) => format!("error: {text}"),
            Err(other) => panic!("policy answered {other}"),
        }
    }
}

/// A folder with one file of rules, `rules.cedar`.
fn files(text: &str) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.cedar");
    fs::write(&file, text).unwrap();
    (folder, vec![file])
}

fn with_rules(text: &str) -> Policy {
    let (_folder, files) = files(text);
    Policy::load(&files).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What is said of a file, each line `line:column: message`.
fn said_of(text: &str) -> String {
    let (folder, files) = files(text);
    let problems = Policy::load(&files).expect_err("the rules should be refused");
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let folder = format!("{}/", folder.path().display());
    lines.join("\n").replace(&folder, "")
}

const ALL: [Action; 9] = [
    Action::Request,
    Action::Extend,
    Action::Receive,
    Action::AutoApprove,
    Action::Approve,
    Action::Deny,
    Action::Revoke,
    Action::Lock,
    Action::Unlock,
];

/// Permits everything to everybody, as far as that can be written at all.
const WIDE: &str = r#"
@id("wide-asking")
permit (
  principal,
  action in [Action::"request", Action::"extend", Action::"receive"],
  resource
);
@id("wide-automatic")
permit (principal, action == Action::"auto_approve", resource)
when { context.locked || !context.locked };
@id("wide-deciding")
permit (
  principal in Group::"everybody",
  action in
    [Action::"approve",
     Action::"deny",
     Action::"revoke",
     Action::"lock",
     Action::"unlock"],
  resource
);
"#;

/// Each base forbid with the actions that it covers, and a case that only it is against. Everybody
/// in them is in the group `everybody`.
fn forbidden() -> Vec<(&'static str, Vec<Action>, Case)> {
    use Action::{Approve, AutoApprove, Deny, Extend, Receive, Request};

    let case = |change: fn(&mut Case)| {
        Case::alice().with(|case| {
            case.principal.groups.insert(GroupName::new("everybody"));
            case.requester = UserId::new("U0DAVE");
            change(case);
        })
    };
    let asked = vec![Request, Extend, Receive, AutoApprove];
    vec![
        (
            "members-only",
            ALL.to_vec(),
            case(|case| case.principal.standing = Standing::Guest),
        ),
        (
            "no-self-approval",
            vec![Approve, Deny],
            case(|case| case.requester = case.principal.id.clone()),
        ),
        (
            "max-duration",
            asked.clone(),
            case(|case| case.duration = Span::seconds(3601)),
        ),
        (
            "max-total",
            vec![Extend, Receive, AutoApprove],
            case(|case| case.total = Span::seconds(5401)),
        ),
        (
            "ticket-required",
            asked.clone(),
            case(|case| case.ticket = TicketFact::None),
        ),
        (
            "ticket-required",
            asked.clone(),
            case(|case| case.ticket = TicketFact::Malformed),
        ),
        (
            "locked",
            vec![Request, Extend, Receive, AutoApprove, Approve],
            case(|case| case.locked = true),
        ),
        (
            "locked-approver",
            vec![Approve],
            case(|case| case.principal_locked = true),
        ),
        (
            "exclusive-environments",
            vec![Request, Receive],
            case(|case| case.excluded_by = [Environment::new("research")].into()),
        ),
        (
            "holdings-cap",
            vec![Request, Receive],
            case(|case| case.held = 3),
        ),
    ]
}

#[test]
fn the_groups_of_a_scope_decide_who_asks_and_who_approves() {
    let policy = Policy::base();
    let table = ALL.map(|action| {
        let [alice, bob, carol] =
            [Case::alice(), Case::bob(), Case::carol()].map(|case| case.verdict(&policy, action));
        format!(
            "{:12} engineer {alice} | dba {bob} | lead {carol}",
            action.name()
        )
    });
    insta::assert_snapshot!(table.join("\n"), @r"
    request      engineer yes: requester-group | dba no: requester-group | lead no: requester-group
    extend       engineer yes: requester-group | dba no: requester-group | lead no: requester-group
    receive      engineer yes: requester-group | dba no: requester-group | lead no: requester-group
    auto_approve engineer no | dba no | lead no
    approve      engineer no: no-self-approval | dba yes: approver-group | lead no: approver-group
    deny         engineer no: no-self-approval | dba yes: approver-group | lead no: approver-group
    revoke       engineer no: approver-group | dba yes: approver-group | lead yes: administrators
    lock         engineer no: administrators | dba no: administrators | lead yes: administrators
    unlock       engineer no: administrators | dba no: administrators | lead yes: administrators
    ");
}

#[test]
fn a_default_deny_names_the_base_permit_and_its_reason() {
    let refusal = Case::carol().evaluate(&Policy::base(), Action::Approve);
    let Err(Refusal::Forbidden(rulings)) = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(rulings.len(), 1);
    assert_eq!(rulings[0].rule, RuleId::new("approver-group"));
    assert_eq!(
        rulings[0].reason,
        "Only members of this scope's approver groups can do this; /jit explain lists them."
    );
}

#[test]
fn what_has_no_scope_is_for_administrators_alone() {
    let policy = Policy::base();
    let [bob, carol] = [Case::bob(), Case::carol()].map(|case| case.with(|case| case.scope = None));
    for action in [Action::Revoke, Action::Lock, Action::Unlock] {
        assert_eq!(bob.verdict(&policy, action), "no: administrators");
        assert_eq!(carol.verdict(&policy, action), "yes: administrators");
    }
    let approve = bob.verdict(&policy, Action::Approve);
    assert!(approve.starts_with("error: approve: "), "{approve}");
}

#[test]
fn an_approver_does_not_decide_on_their_own_request() {
    let policy = Policy::base();
    let own = Case::bob().with(|case| case.requester = UserId::new("U0BOB"));
    for action in [Action::Approve, Action::Deny] {
        assert_eq!(own.verdict(&policy, action), "no: no-self-approval");
    }
}

#[test]
fn an_approver_does_not_decide_on_what_another_id_of_theirs_requests() {
    let policy = Policy::base();
    let shared = Email::new("bob@example.com");
    let human = |id: &str| Human::new(&UserId::new(id), Some(&shared));
    let own = Case::bob().with(|case| {
        case.principal.human = human("U0BOB");
        case.requester = UserId::new("W0BOB");
        case.requester_human = human("W0BOB");
    });
    for action in [Action::Approve, Action::Deny] {
        assert_eq!(own.verdict(&policy, action), "no: no-self-approval");
    }
    let foreign = own.with(|case| case.requester_human = Human::default());
    assert_eq!(
        foreign.verdict(&policy, Action::Approve),
        "yes: approver-group"
    );
}

#[test]
fn only_full_members_do_anything() {
    let policy = Policy::base();
    for standing in [
        Standing::Guest,
        Standing::Stranger,
        Standing::Bot,
        Standing::Deactivated,
    ] {
        let case = Case::alice().with(|case| {
            case.principal = person("U0BOB", &["engineers", "dba", "leads"]);
            case.principal.standing = standing;
        });
        for action in ALL {
            let verdict = case.verdict(&policy, action);
            assert_eq!(verdict, "no: members-only", "{standing:?} {action}");
        }
    }
}

#[test]
fn an_operators_permit_does_not_override_a_base_forbid() {
    let policy = with_rules(WIDE);
    for (rule, covered, case) in forbidden() {
        for action in ALL {
            let verdict = case.verdict(&policy, action);
            if covered.contains(&action) {
                assert_eq!(verdict, format!("no: {rule}"), "{action}");
            } else {
                assert!(verdict.starts_with("yes: "), "{rule}, {action}: {verdict}");
            }
        }
    }
}

#[test]
fn every_base_forbid_has_a_message() {
    for (rule, covered, case) in forbidden() {
        let Err(Refusal::Forbidden(rulings)) = case.evaluate(&with_rules(WIDE), covered[0]) else {
            panic!("{rule} did not forbid");
        };
        let reason = &rulings[0].reason;
        assert!(reason.ends_with('.'), "{rule}: {reason}");
    }
}

#[test]
fn the_bounds_of_duration_and_holdings_are_allowed() {
    let most = Case::alice().with(|case| {
        case.duration = Span::minutes(60);
        case.total = Span::minutes(90);
        case.held = 2;
    });
    let verdict = most.verdict(&Policy::base(), Action::Request);
    assert_eq!(verdict, "yes: requester-group");
}

#[test]
fn a_scope_without_a_ticket_rule_needs_no_ticket() {
    let case = Case::alice().with(|case| {
        case.ticket = TicketFact::None;
        case.scope.as_mut().unwrap().ticket = None;
    });
    let verdict = case.verdict(&Policy::base(), Action::Request);
    assert_eq!(verdict, "yes: requester-group");
}

#[test]
fn every_rule_that_forbids_is_named() {
    let case = Case::alice().with(|case| {
        case.locked = true;
        case.held = 3;
        case.duration = Span::minutes(61);
    });
    let verdict = case.verdict(&Policy::base(), Action::Request);
    assert_eq!(verdict, "no: max-duration, locked, holdings-cap");
}

#[test]
fn a_rule_approves_what_is_low_risk() {
    let policy = with_rules(
        r#"
        @id("low-risk")
        permit (principal, action == Action::"auto_approve", resource)
        when { resource.risk == Risk::"low" && context.duration <= 3600 };
        "#,
    );
    let low = Case::alice().with(|case| case.scope.as_mut().unwrap().risk = Risk::Low);
    assert_eq!(low.verdict(&policy, Action::AutoApprove), "yes: low-risk");
    assert_eq!(Case::alice().verdict(&policy, Action::AutoApprove), "no");
}

#[test]
fn a_refusal_shows_the_text_of_the_operators_rule() {
    let policy = with_rules(
        r#"
        @id("no-prod-at-weekends")
        @reason("Production rests at weekends; page the lead on call.")
        forbid (principal, action == Action::"request", resource)
        when
        {
          resource.environment == "prod" &&
          [Weekday::"saturday", Weekday::"sunday"].contains(context.weekday)
        }
        unless { principal in Group::"oncall" };
        "#,
    );
    assert_eq!(policy.groups(), &[GroupName::new("oncall")].into());
    let sunday = |groups: &[&str]| {
        Case::alice().with(|case| {
            case.principal = person("U0ALICE", groups);
            case.now = "2026-11-01T23:59:59Z".parse().unwrap();
        })
    };
    let refusal = sunday(&["engineers"]).evaluate(&policy, Action::Request);
    let Err(Refusal::Forbidden(rulings)) = refusal else {
        panic!("{refusal:?}");
    };
    let reason = "Production rests at weekends; page the lead on call.";
    assert_eq!(rulings[0].reason, reason);
    for allowed in [sunday(&["engineers", "oncall"]), Case::alice()] {
        let verdict = allowed.verdict(&policy, Action::Request);
        assert_eq!(verdict, "yes: requester-group");
    }
}

#[test]
fn a_rule_can_forbid_access_that_keeps_working_after_its_end() {
    let policy = with_rules(
        r#"
        @id("ends-at-once")
        @reason("Access has to end within five minutes.")
        forbid (principal, action == Action::"request", resource)
        when { resource.residual > 300 };
        "#,
    );
    let after = |residual| {
        let case = Case::alice().with(|case| {
            case.scope.as_mut().unwrap().residual = residual;
        });
        case.verdict(&policy, Action::Request)
    };
    assert_eq!(after(Span::minutes(5)), "yes: requester-group");
    assert_eq!(after(Span::seconds(301)), "no: ends-at-once");
}

#[test]
fn a_rule_can_use_dangerous() {
    let policy = with_rules(
        r#"
        @id("not-dangerous")
        @reason("Page the lead for that.")
        forbid (principal, action == Action::"request", resource)
        when { resource.dangerous };
        "#,
    );
    let verdict = |dangerous| {
        let case = Case::alice().with(|case| {
            case.scope.as_mut().unwrap().dangerous = dangerous;
        });
        case.verdict(&policy, Action::Request)
    };
    assert_eq!(verdict(false), "yes: requester-group");
    assert_eq!(verdict(true), "no: not-dangerous");
}

#[test]
fn a_rule_that_fails_means_no() {
    // Cedar leaves out a forbid that fails, and would say yes here.
    let policy = with_rules(
        r#"
        @id("overflows")
        @reason("No more than so much.")
        forbid (principal, action == Action::"request", resource)
        when { context.duration * 9223372036854775807 > 0 };
        "#,
    );
    let verdict = Case::alice().verdict(&policy, Action::Request);
    assert!(verdict.starts_with("error: "), "{verdict}");
    assert!(verdict.contains("overflows"), "{verdict}");
    let receive = Case::alice().verdict(&policy, Action::Receive);
    assert_eq!(receive, "yes: requester-group");
}

#[test]
fn problems_are_reported_with_line_and_column() {
    let wrong = r#"
@id("typo")
@reason("Not so.")
forbid (principal, action == Action::"request", resource)
when { resource.enviroment == "prod" };

@id("no-such-action")
permit (principal, action == Action::"autoapprove", resource)
when { context.held == 0 };

@id("no-such-risk")
@reason("Not so.")
forbid (principal, action == Action::"request", resource)
when { resource.risk == Risk::"huge" };

@id("never")
@reason("Not so.")
forbid (principal, action == Action::"request", resource)
when { false };

@id("not-a-number")
@reason("Not so.")
forbid (principal, action == Action::"request", resource)
when { context.held > "2" };
"#;
    insta::assert_snapshot!(said_of(wrong), @r#"
    rules.cedar:5:8: in the rule `typo`: attribute `enviroment` on entity type `Scope` not found (did you mean `environment`?)
    rules.cedar:8:30: in the rule `no-such-action`: unrecognized action `Action::"autoapprove"` (did you mean `Action::"approve"`?)
    rules.cedar:14:25: in the rule `no-such-risk`: entity `Risk::"huge"` is of an enumerated entity type, but `"huge"` is not declared as a valid eid (valid entity eids: "low", "medium", "high", "critical")
    rules.cedar:16:1: in the rule `never`: policy is impossible: the policy expression evaluates to false for all valid requests
    rules.cedar:24:23: in the rule `not-a-number`: unexpected type: expected Long but saw String
    "#);
}

#[test]
fn a_file_that_cannot_be_read_says_where() {
    insta::assert_snapshot!(said_of("@id(\"x\")\npermit (principal, action,, resource);"), @r#"
    rules.cedar:2:27: unexpected token `,`: expected `)` or identifier
    "#);
    let missing = PathBuf::from("/nonexistent/rules.cedar");
    let problems = Policy::load(&[missing]).unwrap_err();
    assert!(problems[0].to_string().contains("cannot be read"));
}

#[test]
fn overbroad_rules_are_refused() {
    let careless = r#"
permit (principal, action == Action::"auto_approve", resource)
when { resource.risk == Risk::"low" };
@id("everything")
permit (principal, action, resource);
@id("automatic")
permit (principal, action == Action::"auto_approve", resource);
@id("everybody")
permit (principal, action == Action::"approve", resource);
@id("half")
permit (principal, action == Action::"request", resource);
@id("silent")
forbid (principal, action == Action::"lock", resource);
@id("<!channel>")
permit (principal in Group::"oncall", action == Action::"lock", resource);
@id("template")
permit (principal == ?principal, action == Action::"lock", resource);
@id("locked")
permit (principal in Group::"oncall", action == Action::"lock", resource);
@id("twice")
permit (principal in Group::"oncall", action == Action::"lock", resource);
@id("twice")
permit (principal in Group::"oncall", action == Action::"lock", resource);
"#;
    insta::assert_snapshot!(said_of(careless), @r#"
    rules.cedar:2:1: the rule needs an `@id`, such as `@id("no-prod-on-friday")`: the log and messages to people name the rule by it
    rules.cedar:4:1: a permit has to name an action, such as `action == Action::"auto_approve"`: this one would approve every request without a person
    rules.cedar:6:1: a permit of `auto_approve` has to say when, such as `when { resource.risk == Risk::"low" }`: this one would approve every request without a person
    rules.cedar:8:1: a permit of `approve` has to name a principal, such as `principal in Group::"oncall"`: this one applies to everybody
    rules.cedar:10:1: a permit of `request` has to permit `receive` too, or what is requested is never granted: write `action in [Action::"request", Action::"receive"]`
    rules.cedar:12:1: the forbid `silent` needs a `@reason("…")`: the sentence that a person who is refused reads
    rules.cedar:14:1: `<!channel>` is not an `@id`: write at most 64 letters, digits, `-`, `_` and `.`
    rules.cedar:16:1: a template (`?principal`, `?resource`) is never applied: write a group or a scope in place of the slot
    rules.cedar:18:1: `locked` is the name of a base rule, which cannot be replaced
    rules.cedar:22:1: there is already a rule `twice`, in rules.cedar:20: give each rule its own `@id`
    "#);
}

#[test]
fn a_condition_that_always_holds_is_no_condition() {
    let rules = |conditions: &[&str]| -> String {
        let rule = |(index, conditions)| {
            format!(
                "@id(\"rule-{index}\") permit (principal, action == Action::\"auto_approve\", \
                 resource) {conditions};\n"
            )
        };
        conditions.iter().enumerate().map(rule).collect()
    };
    let always = [
        "when { true }",
        "unless { false }",
        "when { !false }",
        "when { true } when { true } unless { false }",
        "when { true || context.locked }",
        "when { if true then true else context.locked }",
        "when { context.duration >= 0 }",
        "unless { context.duration < 0 }",
        "when { 0 <= context.duration && -1 < context.held }",
        "when { context.duration <= 4294967295 }",
        "when { context.held + 1 > 0 }",
        "when { context.held * 2 >= context.cap * 0 }",
        "when { -1 * context.held <= 0 }",
        "when { context.hour < 24 }",
        "when { context.hour >= 0 && context.hour <= 23 }",
        "when { resource.max_duration != -5 }",
        "unless { context.duration == -1 }",
        "when { 1 == 1 && 1 < 2 }",
        "when { resource.risk == resource.risk }",
        "unless { principal != principal }",
        "when { context.now <= context.now }",
        "when { context has duration }",
        "when { resource is Scope && principal is User }",
        "when { action == Action::\"auto_approve\" }",
        "when { context.duration >= 0 || resource.risk == Risk::\"low\" }",
    ];
    let (_folder, files) = files(&rules(&always));
    let problems = Policy::load(&files).unwrap_err();
    for (line, conditions) in (1..).zip(always) {
        let problem = problems
            .iter()
            .find(|problem| problem.place.as_ref().unwrap().line == line);
        let said = problem.is_some_and(|it| it.message.contains("has to say when"));
        assert!(said, "{conditions}: {problem:?}");
    }
    with_rules(&rules(&[
        "when { context.duration > 0 }",
        "when { context.duration >= 0 } unless { context.locked }",
        "when { context.duration >= 0 && resource.risk == Risk::\"low\" }",
        "when { context.duration < 4294967295 }",
        "when { context.duration <= resource.max_duration }",
        "when { context.held < context.cap }",
        "when { context.hour < 23 }",
        "when { context.duration - 1 >= 0 }",
        "unless { context.duration == 0 }",
        "when { resource.environment != \"prod\" }",
        "when { context.now > datetime(\"2026-01-01\") }",
        "when { principal in Group::\"oncall\" }",
        "when { true == context.locked }",
    ]));
}

#[test]
fn rules_that_name_unknown_groups_are_refused() {
    let policy = with_rules(
        "@id(\"lock\")\npermit (principal in Group::\"oncal\", action == Action::\"lock\", resource);",
    );
    let problems = policy.unknown_groups(&[GroupName::new("oncall")].into());
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("`oncal`"));
    assert_eq!(problems[0].place.as_ref().unwrap().line, 1);
}

#[test]
fn the_hash_is_of_the_rules_and_not_of_their_files() {
    let [one, two] = ["a", "b"].map(|name| {
        format!(
            "@id(\"{name}\")\npermit (principal in Group::\"{name}\", \
             action == Action::\"lock\", resource);\n"
        )
    });
    let both = with_rules(&format!("{one}{two}")).hash();
    assert_eq!(both.len(), 64);
    assert_eq!(with_rules(&format!("{two}\n// said\n{one}")).hash(), both);
    assert_ne!(with_rules(&one).hash(), both);
    assert_ne!(Policy::base().hash(), both);
}

#[test]
fn a_report_only_rule_refuses_nothing_and_says_what_it_would_refuse() {
    let rule = |mark: &str| {
        with_rules(&format!(
            "@id(\"no-prod\")\n@reason(\"Not today.\")\n{mark}\n\
             forbid (principal, action == Action::\"request\", resource)\n\
             when {{ resource.environment == \"prod\" }};"
        ))
    };
    let case = Case::alice();
    let no_prod = vec![RuleId::new("no-prod")];
    for mark in ["@report_only", "@report_only(\"true\")"] {
        let reporting = rule(mark);
        assert_eq!(
            case.verdict(&reporting, Action::Request),
            "yes: requester-group"
        );
        assert_eq!(case.reported(&reporting, Action::Request), no_prod);
        assert_eq!(case.reported(&reporting, Action::Extend), []);
        let elsewhere = Case::alice().with(|case| {
            case.scope.as_mut().unwrap().environment = None;
        });
        assert_eq!(elsewhere.reported(&reporting, Action::Request), []);
    }
    let in_force = rule("");
    assert_eq!(case.verdict(&in_force, Action::Request), "no: no-prod");
    assert_eq!(case.reported(&in_force, Action::Request), []);
    assert_ne!(rule("@report_only").hash(), in_force.hash());
}

#[test]
fn a_report_only_rule_that_cannot_be_evaluated_is_reported_and_refuses_nothing() {
    let policy = with_rules(
        "@id(\"overflows\")\n@reason(\"No.\")\n@report_only\n\
         forbid (principal, action == Action::\"request\", resource)\n\
         when { 9223372036854775807 + context.duration > 0 };",
    );
    let case = Case::alice();
    assert_eq!(
        case.verdict(&policy, Action::Request),
        "yes: requester-group"
    );
    assert_eq!(
        case.reported(&policy, Action::Request),
        [RuleId::new("overflows")]
    );
}

#[test]
fn hours_and_weekdays_are_those_of_the_time_zone() {
    let rules = "@id(\"night\")\n@reason(\"Not at night.\")\n\
                 forbid (principal, action == Action::\"request\", resource)\n\
                 when { context.hour < 6 || context.weekday == Weekday::\"tuesday\" };";
    // A Monday: 02:00 in UTC, 11:00 in Tokyo, and 18:00 of the Sunday before in Los Angeles.
    let case = Case::alice();
    let in_zone = |zone: &str| {
        let policy = with_rules(rules).with_time_zone(zone.parse().unwrap());
        case.verdict(&policy, Action::Request)
    };
    assert_eq!(in_zone("UTC"), "no: night");
    assert_eq!(in_zone("Asia/Tokyo"), "yes: requester-group");
    assert_eq!(in_zone("America/Los_Angeles"), "yes: requester-group");
    // 02:00 in UTC is a Monday still; 24 hours later it is a Tuesday, but in Los Angeles a Monday.
    let later = Case::alice().with(|case| case.now = "2026-11-03T02:00:00Z".parse().unwrap());
    let policy = |zone: &str| with_rules(rules).with_time_zone(zone.parse().unwrap());
    assert_eq!(
        later.verdict(&policy("Asia/Tokyo"), Action::Request),
        "no: night"
    );
    assert_eq!(
        later.verdict(&policy("America/Los_Angeles"), Action::Request),
        "yes: requester-group"
    );
    let rules = with_rules(rules);
    let tokyo = rules.clone().with_time_zone("Asia/Tokyo".parse().unwrap());
    assert_ne!(rules.hash(), tokyo.hash());
}

#[test]
fn people_on_call_are_those_of_the_groups_that_are() {
    let rules = "@id(\"on-call\") permit (principal, action == Action::\"auto_approve\", resource)\n\
                 when { context.oncall };";
    let dba = BTreeSet::from([GroupName::new("dba")]);
    let plain = with_rules(rules);
    let policy = plain.clone().with_oncall(dba.clone());
    let approves = |policy: &Policy, case: Case| case.verdict(policy, Action::AutoApprove);
    assert_eq!(approves(&policy, Case::bob()), "yes: on-call");
    assert_eq!(approves(&policy, Case::alice()), "no");
    assert_eq!(approves(&plain, Case::bob()), "no");
    assert_ne!(plain.hash(), policy.hash());

    // Membership has to be known where a rule depends on it, and nowhere else.
    let (rule, group) = (RuleId::new("on-call"), GroupName::new("dba"));
    assert_eq!(*policy.groups(), dba);
    assert!(policy.speaks_of(&rule, &group) && !plain.speaks_of(&rule, &group));
    assert!(policy.names_group(Action::AutoApprove, &group));
    assert!(!policy.names_group(Action::Approve, &group));
    let base = Policy::base().with_oncall(dba);
    assert!(base.groups().is_empty());
}

#[test]
fn a_rule_depends_on_who_is_on_call_in_whatever_way_it_reads_it() {
    let dba = BTreeSet::from([GroupName::new("dba")]);
    for (condition, depends) in [
        ("context.oncall", true),
        ("context[\"oncall\"]", true),
        ("!(context.held > 0 && context.oncall)", true),
        ("{ Var: context.oncall }.Var", true),
        ("context.incident", false),
        ("principal.id == \"oncall\"", false),
    ] {
        let rules = format!(
            "@id(\"x\") @reason(\"No.\") forbid (principal, action, resource) \
             when {{ {condition} }};"
        );
        let policy = with_rules(&rules).with_oncall(dba.clone());
        assert_eq!(!policy.groups().is_empty(), depends, "{condition}");
    }
}

#[test]
fn a_rule_knows_whether_a_request_is_for_an_incident() {
    let policy = with_rules(
        "@id(\"incidents\") @reason(\"Only for incidents.\") \
         forbid (principal, action == Action::\"request\", resource) unless { context.incident };",
    );
    let case = Case::alice();
    assert_eq!(case.verdict(&policy, Action::Request), "no: incidents");
    let case = case.with(|case| case.incident = true);
    assert_eq!(
        case.verdict(&policy, Action::Request),
        "yes: requester-group"
    );
}
