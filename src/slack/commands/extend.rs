//! Requests more time.

use super::{
    command::{Call, Command},
    resolve_request::{Candidates, Resolved, resolve},
};
use crate::{
    domain::{Catalogue, Span},
    slack::{
        actions::extend,
        arguments::{Named, Word, duration, named},
        interaction::Outcome,
    },
};

pub(super) const COMMAND: Command = Command {
    name: "extend",
    usage: "[scope or id] [duration]",
    help: "requests more time.",
    run: |call| Box::pin(run(call)),
};

/// What is typed behind `extend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extend {
    /// With what.
    pub what: Named,
    /// How much more, if they said.
    pub more: Option<Span>,
}

/// `db-prod:write 30m`, or the other way round.
pub fn parse(words: &[Word], catalogue: &Catalogue) -> Extend {
    if let Some((more, rest)) = duration::leading(words) {
        let (what, _) = named(rest, catalogue);
        let more = Some(more);
        return Extend { what, more };
    }
    let (what, rest) = named(words, catalogue);
    let more = duration::leading(rest).map(|(more, _)| more);
    Extend { what, more }
}

async fn run(call: Call<'_>) -> Outcome {
    let interaction = call.interaction;
    let Extend { what, more } = parse(call.words, interaction.slack.broker.catalogue());
    match resolve(call, what, Candidates::Active).await? {
        Resolved::Request(id) => extend::run(interaction, id, more).await,
        Resolved::Unclear(told) => Ok(Some(told)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{RequestId, Time},
        slack::arguments::tests::read,
    };

    #[test]
    fn extend_takes_what_and_for_how_long_in_any_order() {
        let more = Some(Span::minutes(15));
        let id = RequestId::new(Time::UNIX_EPOCH, 1);
        let scope = || Named::Scope("db-prod:write".parse().unwrap());
        for (text, what, more) in [
            (String::new(), Named::Nothing, None),
            ("15m".to_owned(), Named::Nothing, more),
            (format!("{id} for 15 minutes"), Named::Request(id), more),
            ("15m db-prod:write".to_owned(), scope(), more),
            ("db-prod:write 15M".to_owned(), scope(), more),
            ("db-prod:write please".to_owned(), scope(), None),
        ] {
            assert_eq!(read(&text, parse), Extend { what, more }, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = read(&text, parse);
        }
    }
}
