//! Requests more time.

use super::{
    command::{Call, Command},
    resolve_request::{Candidates, Resolved, resolve},
};
use crate::{
    domain::Catalogue,
    slack::{
        actions::extend,
        arguments::{
            HowLong, Named, Word,
            length::{self, Reading},
            named, reason, text_of,
        },
        interaction::Outcome,
        view::{refusal, text},
    },
};

pub(super) const COMMAND: Command = Command {
    name: "extend",
    usage: "[scope or id] [duration] [reason]",
    help: "requests more time.",
    run: |call| Box::pin(run(call)),
};

/// What is typed behind `extend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extend {
    /// With what.
    pub what: Named,
    /// How much more, or until when, if they said.
    pub more: Option<HowLong>,
    /// What stands in its place and is not understood, as it was written.
    pub unclear: Option<String>,
    /// Why; may be empty.
    pub reason: String,
}

/// `db-prod:write 30m`, or the other way round, with a `by` or a `for` before the length and the
/// reason behind both.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Extend {
    let (more, unclear, rest) = leading(words);
    let is_length = more.is_some();
    let (what, behind) = named(if is_length { rest } else { words }, catalogue);
    match what {
        // What stands behind a length and names nothing is the reason.
        Named::Unknown { like, .. } if is_length && like.is_empty() => Extend {
            what: Named::Nothing,
            more,
            unclear,
            reason: reason(rest),
        },
        // What it is about is asked once it is clear how long.
        Named::Unknown { .. } if unclear.is_some() => Extend {
            what: Named::Nothing,
            more,
            unclear,
            reason: String::new(),
        },
        what => {
            let (more, unclear, behind) = match is_length {
                true => (more, unclear, behind),
                false => leading(behind),
            };
            let reason = reason(behind);
            Extend {
                what,
                more,
                unclear,
                reason,
            }
        }
    }
}

/// How long the words begin with, or what is not understood there, and what stands behind it.
fn leading(words: &[Word]) -> (Option<HowLong>, Option<String>, &[Word]) {
    let words = match words {
        [first, rest @ ..] if first.is("by") => rest,
        words => words,
    };
    match length::front(words) {
        Some((taken, Reading::Clear(more))) => (Some(more), None, &words[taken..]),
        Some((taken, Reading::Unclear)) => {
            let (unclear, behind) = words.split_at(taken);
            (None, Some(text_of(unclear)), behind)
        }
        None => (None, None, words),
    }
}

async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let Extend {
        what,
        more,
        unclear,
        reason,
    } = parse(call.words, interaction.slack.broker.catalogue());
    if let Some(unclear) = unclear {
        let asks = refusal::not_a_duration(&unclear);
        return Ok(Some(text::escape(&asks, 1000)));
    }
    match resolve(call, what, Candidates::Active).await? {
        Resolved::Request(id) => extend::run(interaction, id, more, &reason).await,
        Resolved::Unclear(told) => Ok(Some(told)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{RequestId, Span, Time},
        slack::arguments::tests::read,
    };

    #[test]
    fn extend_takes_what_and_for_how_long_in_any_order() {
        let more = |minutes| Some(HowLong::For(Span::minutes(minutes)));
        let until = Some(HowLong::Until(NaiveTime::from_hms_opt(17, 0, 0).unwrap()));
        let id = RequestId::new(Time::UNIX_EPOCH, 1);
        let scope = || Named::Scope("db-prod:write".parse().unwrap());
        for (text, what, more) in [
            (String::new(), Named::Nothing, None),
            ("15m".to_owned(), Named::Nothing, more(15)),
            ("by 20 minutes".to_owned(), Named::Nothing, more(20)),
            ("until 17:00".to_owned(), Named::Nothing, until),
            (format!("{id} for 15 minutes"), Named::Request(id), more(15)),
            ("15m db-prod:write".to_owned(), scope(), more(15)),
            (
                "by half an hour `db-prod:write`".to_owned(),
                scope(),
                more(30),
            ),
            ("db-prod:write 15M".to_owned(), scope(), more(15)),
            ("db-prod:write by 20 minutes".to_owned(), scope(), more(20)),
            ("db-prod:write 1,5h".to_owned(), scope(), more(90)),
            (
                "db-prod:write 1 hour and 30 minutes".to_owned(),
                scope(),
                more(90),
            ),
            ("db-prod:write until 5pm".to_owned(), scope(), until),
            ("db-prod:write please".to_owned(), scope(), None),
        ] {
            for why in ["", "it is slow"] {
                let expected = Extend {
                    what: what.clone(),
                    more,
                    unclear: None,
                    reason: why.to_owned(),
                };
                if more.is_some() {
                    let text = format!("{text} {why}");
                    assert_eq!(read(&text, parse), expected, "{text}");
                }
            }
            if more.is_none() {
                let read = read(&text, parse);
                assert_eq!((read.what, read.more), (what, None), "{text}");
            }
        }
    }

    #[test]
    fn a_length_that_is_not_understood_is_asked_for() {
        for (text, unclear) in [
            ("60", "60"),
            ("by 60", "60"),
            ("by 17:00", "17:00"),
            ("60 db-prod:write", "60"),
            ("db-prod:write 60", "60"),
            ("db-prod:write by 1:30", "1:30"),
            ("db-prod:write 1-2h", "1-2h"),
            ("db-prod:write -5m", "-5m"),
            ("db-prod:write until tomorrow", "until tomorrow"),
        ] {
            let read = read(text, parse);
            assert_eq!(
                (read.more, read.unclear.as_deref()),
                (None, Some(unclear)),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = read(&text, parse);
        }
    }
}
