//! What the tests of the commands' parsers share.

use std::{collections::BTreeSet, num::NonZeroU8};

use regex::Regex;

use super::{Word, words};
use crate::domain::{Catalogue, ChannelId, OnLeave, ReasonRule, Risk, Scope, Span, TicketRule};

pub(in crate::slack) fn scope(id: &str) -> Scope {
    Scope {
        id: id.parse().unwrap(),
        title: "A title".to_owned(),
        environment: None,
        risk: Risk::High,
        default_duration: Span::minutes(30),
        max_duration: Span::minutes(60),
        max_total: Span::minutes(60),
        requesters: BTreeSet::new(),
        approvers: BTreeSet::new(),
        approvals: NonZeroU8::MIN,
        stages: Vec::new(),
        approval_channel: ChannelId::new("C0DBA"),
        reason: ReasonRule::Required,
        ticket: None,
        on_leave: OnLeave::End,
        residual: Span::default(),
        ends_early: true,
        dangerous: false,
        break_glass: false,
        layers: Vec::new(),
    }
}

pub(in crate::slack) fn catalogue() -> Catalogue {
    let with_tickets = Scope {
        ticket: Some(TicketRule {
            pattern: Regex::new("^INC-[0-9]+$").unwrap(),
            required: true,
            example: None,
        }),
        ..scope("db-prod:write")
    };
    let with_any_ticket = Scope {
        ticket: Some(TicketRule {
            pattern: Regex::new("[a-z0-9]").unwrap(),
            required: true,
            example: None,
        }),
        ..scope("lab:shell")
    };
    [
        with_tickets,
        with_any_ticket,
        scope("db-prod:read"),
        scope("k8s/payments:admin"),
    ]
    .into_iter()
    .map(|scope| (scope.id.clone(), scope))
    .collect()
}

/// What a parser reads of `text`, which stands behind a command.
pub(in crate::slack) fn read<T>(text: &str, parse: fn(&[Word], &Catalogue) -> T) -> T {
    parse(&words(text), &catalogue())
}
