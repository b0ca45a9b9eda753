//! `keylend policy explain`: what the rules decide in one situation.

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::Args;

use super::situation::{ActionName, Decided, Given, Moment, StandingName, When, decide, listed};
use crate::{
    cli::address::configuration,
    config::{Config, Secrets},
    domain::{GroupName, Length, Refusal, ScopeId, Span, UserId},
    policy::Action,
    sanitize::escaped,
};

/// Explain what the rules decide in one situation, and by which rules.
///
/// For `request` and `extend`, also whether a rule would approve it at once. Connects to nothing, and
/// needs no secret: who is in which group is what you say here. Exits with 1 if it would be refused.
#[derive(Debug, Args)]
pub struct Explain {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
    /// What the person does: request, extend, receive, auto_approve, approve, deny, revoke, lock, unlock or
    /// release.
    #[arg(long, default_value = "request")]
    action: ActionName,
    /// The scope, such as db-prod:write. Leave it out for a lock of a person or of everything.
    scope: Option<ScopeId>,
    /// A group that the person is in, as the configuration names it. Can be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// The person's Slack id; matters for rules that name people.
    #[arg(long, value_name = "SLACK_ID")]
    person: Option<String>,
    /// What the person is to the workspace: member, guest, stranger, bot or deactivated.
    #[arg(long, default_value = "member")]
    standing: StandingName,
    /// A scope of which the requester holds a grant. Can be repeated.
    #[arg(long, value_name = "SCOPE")]
    holds: Vec<ScopeId>,
    /// A lock covers the requester, the scope or everything.
    #[arg(long)]
    locked: bool,
    /// A lock covers the person who acts.
    #[arg(long)]
    person_locked: bool,
    /// The Slack id of whose request it is. By default the person's, or for approve, deny and revoke somebody
    /// else's.
    #[arg(long, value_name = "SLACK_ID")]
    requester: Option<String>,
    /// How long the access would last from now on, such as 30m. By default the scope's default.
    #[arg(long)]
    duration: Option<Span>,
    /// How long the grant would last in all, with its extensions. By default the same.
    #[arg(long)]
    total: Option<Span>,
    /// The ticket.
    #[arg(long)]
    ticket: Option<String>,
    /// The request was made in, or names, an incident channel.
    #[arg(long)]
    incident: bool,
    /// The moment, in RFC 3339, such as 2026-11-21T10:00:00+01:00. By default a Wednesday at noon, UTC.
    #[arg(long)]
    at: Option<Moment>,
}

impl Explain {
    /// Answers on `out`.
    ///
    /// # Errors
    ///
    /// If the configuration can't be read, it does not have what is named, or `out` takes no more.
    pub fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        let config = configuration(&self.config, Secrets::Unchecked)?;
        let given = Given {
            person: self.person.as_deref().map(UserId::new),
            groups: self.groups.iter().map(GroupName::new).collect(),
            standing: Some(self.standing),
            holds: self.holds,
            locked: self.locked,
            person_locked: self.person_locked,
        };
        let ActionName(action) = self.action;
        let when = When {
            action: self.action,
            scope: self.scope,
            requester: self.requester.as_deref().map(UserId::new),
            duration: self.duration.map(Length),
            total: self.total.map(Length),
            extension: None,
            ticket: self.ticket,
            incident: self.incident,
            at: self.at,
        };
        let is_allowed = explain(&config, &given, &when, out)?;
        if is_allowed && matches!(action, Action::Request | Action::Extend) {
            explain_approval(&config, &given, &when, out)?;
        }
        Ok(match is_allowed {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

/// Writes what the rules decide about one action. Answers whether they allow it.
fn explain(
    config: &Config,
    given: &Given,
    when: &When,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let ActionName(action) = when.action;
    let decided = decide(config, &config.policy, given, when).map_err(anyhow::Error::msg)?;
    match &decided.verdict {
        Ok(rules) => writeln!(out, "{action}: allowed by {}", listed(rules))?,
        Err(Refusal::Forbidden(rulings)) if rulings.is_empty() => {
            writeln!(out, "{action}: refused, because no rule allows it")?;
        }
        Err(Refusal::Forbidden(rulings)) => {
            for ruling in rulings {
                let reason = escaped(&ruling.reason);
                writeln!(
                    out,
                    "{action}: refused by {}: {reason}",
                    ruling.rule.as_str()
                )?;
            }
        }
        Err(refusal) => writeln!(out, "{action}: refused: {}", escaped(&refusal.to_string()))?,
    }
    tell_reports(action, &decided, out)?;
    Ok(decided.verdict.is_ok())
}

/// Writes whether a rule would approve what was asked for, or who decides.
fn explain_approval(
    config: &Config,
    given: &Given,
    when: &When,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let ActionName(asked) = when.action;
    let by_rule = |action| {
        let when = When {
            action: ActionName(action),
            extension: Some(asked == Action::Extend),
            ..when.clone()
        };
        decide(config, &config.policy, given, &when).map_err(anyhow::Error::msg)
    };
    let approval = by_rule(Action::AutoApprove)?;
    let receipt = by_rule(Action::Receive)?;
    match (&approval.verdict, &receipt.verdict) {
        (Ok(rules), Ok(_)) => {
            writeln!(out, "auto_approve: granted at once, by {}", listed(rules))?;
        }
        _ => {
            let scope = when.scope.as_ref().and_then(|id| config.catalogue.get(id));
            let groups = scope.map(|scope| &scope.approvers).into_iter().flatten();
            let groups: Vec<_> = groups.map(|group| group.as_str()).collect();
            let needed = scope.map_or(1, |scope| scope.approvals.get());
            let stages = scope
                .map(|scope| scope.stages.as_slice())
                .unwrap_or_default();
            let stages: Vec<String> = stages
                .iter()
                .map(|stage| {
                    stage
                        .iter()
                        .map(|it| it.as_str())
                        .collect::<Vec<_>>()
                        .join(" or ")
                })
                .collect();
            let people = match (stages.as_slice(), needed) {
                ([_, ..], _) => format!("1 person for each stage ({})", stages.join("; ")),
                ([], 1) => format!("1 person in {}", groups.join(", ")),
                ([], _) => format!("{needed} people in {}", groups.join(", ")),
            };
            writeln!(
                out,
                "auto_approve: no rule approves it; {people} must approve"
            )?;
        }
    }
    tell_reports(Action::AutoApprove, &approval, out)
}

fn tell_reports(
    action: Action,
    decided: &Decided,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    if decided.verdict.is_ok() && !decided.would_refuse.is_empty() {
        let rules = listed(&decided.would_refuse);
        writeln!(
            out,
            "{action}: report-only rules that would refuse it: {rules}"
        )?;
    }
    Ok(())
}
