//! What a week brought, as the digest in the audit channel says.

use std::{collections::BTreeMap, io};

use super::{
    log::{Fault, Log},
    table::second,
    who::parse,
};
use crate::{
    domain::{DigestFold, Names, ScopeId, Span, Time, WeeklyDigest},
    sanitize::escaped,
    store::Chain,
};

/// What the log says of the week that ends at `until`. `maxima` is the longest that one approval of each scope
/// may give.
///
/// # Errors
///
/// The first thing that is wrong with the log: an answer from a broken log would be worth nothing.
pub async fn digest(
    mut log: Log,
    until: Time,
    maxima: &BTreeMap<ScopeId, Span>,
) -> Result<WeeklyDigest, Fault> {
    let mut chain = Chain::default();
    let mut fold = DigestFold::until(until);
    while let Some(raw) = log.next().await? {
        chain.check(&raw)?;
        let entry = parse(&raw)?;
        if let (Some(id), Some(occurred)) = (entry.request_id, entry.occurred()) {
            fold.note(id, &occurred);
        }
    }
    Ok(fold.digest(maxima))
}

/// Writes a digest for a terminal.
///
/// # Errors
///
/// If `out` takes no more.
pub fn write(digest: &WeeklyDigest, out: &mut dyn io::Write) -> io::Result<()> {
    let names = Names {
        scope: &|scope| scope.to_string(),
        person: &|person| person.to_string(),
        time: &second,
    };
    writeln!(
        out,
        "Weekly digest, {} to {}",
        second(digest.from),
        second(digest.until)
    )?;
    for sentence in digest.sentences(&names) {
        writeln!(out, "{}", escaped(&sentence))?;
    }
    Ok(())
}
