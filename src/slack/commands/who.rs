//! Shows who has a scope, what a person has, and who has access in a target: now, or at a moment.

use chrono::{NaiveDate, NaiveTime};

use super::{
    command::{Call, Command},
    resolve_named::resolve_named,
};
use crate::{
    broker::HeldBy,
    domain::{BackendName, Catalogue, Time},
    slack::{
        actions::how_long,
        arguments::{self, Moment, Named, Word, bare, named, text_of},
        interaction::Outcome,
        view::{answer, held_at, text},
    },
};

pub(super) const COMMAND: Command = Command {
    name: "who",
    usage: "[scope, @person or target] [at time]",
    help: "shows who has a scope or access in a target, or what a person has; now, or at a time such as \
           02:10 or 2026-11-21 02:10.",
    run: |call| Box::pin(run(call)),
};

/// What is typed behind `who`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The scope or the person; what names neither may be a target.
    pub what: Named,
    /// When; now if they did not say.
    pub at: When,
}

/// When somebody had something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Now.
    Now,
    /// On this day, or the last time that it was this time of the day, where the person is.
    At(Option<NaiveDate>, NaiveTime),
    /// Something that is not understood, as it was written.
    Unclear(String),
}

/// `db-prod:write at 02:10`. What stands behind the name and is no time is ignored without an `at`.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Who {
    let (what, behind) = named(words, catalogue);
    let (has_at, behind) = match behind {
        [first, rest @ ..] if first.is("at") => (true, rest),
        behind => (false, behind),
    };
    let typed = text_of(behind);
    let at = match arguments::moment(&typed) {
        Some(Moment { day, time }) => When::At(day, time),
        None if has_at => When::Unclear(typed),
        None => When::Now,
    };
    Who { what, at }
}

async fn run(call: Call<'_>) -> Outcome {
    let Who { what, at } = parse(call.words, call.interaction.slack.broker.catalogue());
    let at = match at {
        When::Now => None,
        When::Unclear(typed) => return Ok(Some(answer::not_a_time(&typed))),
        When::At(date, time) => match moment(call, date, time).await {
            Ok(at) => Some(at),
            Err(told) => return Ok(Some(text::escape(&told, 1000))),
        },
    };
    show(call, what, at).await
}

/// The moment, where the person is; or what they are told, in plain text.
async fn moment(call: Call<'_>, date: Option<NaiveDate>, time: NaiveTime) -> Result<Time, String> {
    let slack = &call.interaction.slack;
    let written = time.format("%H:%M");
    let unknown = || format!("Keylend can't tell when {written} is where you are. Try again.");
    let zone = how_long::zone(slack, &call.interaction.caller.user).await;
    let zone = zone.ok_or_else(unknown)?;
    let now = slack.clock.now();
    let today = now.with_timezone(&zone).date_naive();
    let on = |day: NaiveDate| {
        // When clocks change, a time may be two moments or none.
        let moment = day.and_time(time).and_local_timezone(zone).single();
        moment.map(|moment| moment.to_utc())
    };
    let moment = match date {
        Some(day) => on(day),
        None => match on(today) {
            Some(later) if later > now => today.pred_opt().and_then(on),
            today => today,
        },
    };
    match moment {
        Some(moment) if moment > now => Err(format!(
            "{written} on that day is still to come where you are ({}).",
            zone.name()
        )),
        Some(moment) => Ok(moment),
        None => Err(unknown()),
    }
}

/// Shows who has a scope or access in a target, or what a person has: now, or at a moment.
pub(super) async fn show(call: Call<'_>, what: Named, at: Option<Time>) -> Outcome {
    let broker = &call.interaction.slack.broker;
    let now = call.interaction.slack.clock.now();
    let what = match resolve_named(call, what).await? {
        Ok(what) => what,
        Err(told) => return Ok(Some(told)),
    };
    let whose = match what {
        Named::Scope(id) => HeldBy::Scope(id),
        Named::Person(person) => HeldBy::Person(person),
        Named::Unknown { written, like } => {
            let target = BackendName::new(bare(&written));
            match broker.has_target(&target) {
                true => HeldBy::Target(target),
                false => return Ok(Some(answer::no_such(&written, &like))),
            }
        }
        Named::Nothing | Named::Request(_) | Named::Me | Named::Address(_) | Named::Everything => {
            return Ok(Some(answer::usage(&call.command.line())));
        }
    };
    if let Some(at) = at {
        let held = broker.held_at(&whose, at).await?;
        return Ok(Some(held_at::held_at(&whose, at, &held)));
    }
    Ok(Some(match &whose {
        HeldBy::Scope(id) => {
            let open = broker.open_for(id).await?;
            let is_listed = broker.catalogue().contains_key(id);
            answer::who_has(id, is_listed, &open, now)
        }
        HeldBy::Person(person) => {
            let open = broker.open_of(person).await?;
            answer::what_has(person, &open, now)
        }
        HeldBy::Target(target) => answer::who_is_in(target, &broker.held_in(target).await?, now),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Email, UserId},
        slack::arguments::tests::read,
    };

    #[test]
    fn who_takes_a_scope_or_a_person() {
        let alice = Named::Person(UserId::new("U0ALICE"));
        for text in ["<@U0ALICE|alice>", "U0ALICE", "`U0ALICE`", "*<@U0ALICE>*"] {
            assert_eq!(read(text, parse).what, alice, "{text}");
        }
        for text in ["me", "Myself"] {
            assert_eq!(read(text, parse).what, Named::Me, "{text}");
        }
        let address = Named::Address(Email::new("alice@example.com"));
        for text in [
            "alice@example.com",
            "<mailto:alice@example.com|alice@example.com>",
        ] {
            assert_eq!(read(text, parse).what, address, "{text}");
        }
        let scope = Named::Scope("db-prod:write".parse().unwrap());
        assert_eq!(read("db-prod:write", parse).what, scope);
    }

    #[test]
    fn who_takes_a_time_of_the_day_with_or_without_its_day() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 21);
        let time = NaiveTime::from_hms_opt(2, 10, 0).unwrap();
        for (text, at) in [
            ("db-prod:write", When::Now),
            ("db-prod:write please", When::Now),
            ("db-prod:write at 02:10", When::At(None, time)),
            ("db-prod:write 2:10", When::At(None, time)),
            ("db-prod:write at 2026-11-21 02:10", When::At(day, time)),
            ("db-prod:write 2026-11-21T02:10", When::At(day, time)),
            (
                "db-prod:write at noonish",
                When::Unclear("noonish".to_owned()),
            ),
            ("db-prod:write at", When::Unclear(String::new())),
        ] {
            assert_eq!(read(text, parse).at, at, "{text}");
        }
    }
}
