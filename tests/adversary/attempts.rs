//! What several adversaries try in the same way, and how it is seen that nothing came of it.

use std::time::Duration;

use slack_sim::{Message, Person};

use crate::support::fixture::{APPROVALS, BOB, CAROL, Fixture, Has as _};

/// Makes an attempt in Slack and waits for what its author is told, which they alone see.
pub(crate) async fn answered<T>(
    fixture: &Fixture,
    who: &str,
    attempt: impl Future<Output = T>,
) -> Message {
    let actor = fixture.person(who);
    let before = actor.ephemerals().len();
    attempt.await;
    fixture
        .in_time(|_| actor.ephemerals().into_iter().nth(before))
        .await
}

/// How many entries of this kind the log has.
pub(crate) async fn count(fixture: &Fixture, kind: &str) -> usize {
    count_any(fixture, &[kind]).await
}

async fn count_any(fixture: &Fixture, wanted: &[&str]) -> usize {
    let kinds = fixture.kinds().await;
    let kinds = kinds.iter();
    kinds.filter(|kind| wanted.contains(&kind.as_str())).count()
}

/// Waits until the log has so many entries of these kinds, while the clock stands still.
pub(crate) async fn logged(fixture: &Fixture, wanted: &[&str], times: usize) {
    let logged = async {
        while count_any(fixture, wanted).await < times {
            fixture.page("/healthz").await;
        }
    };
    let logged = tokio::time::timeout(Duration::from_secs(60), logged).await;
    logged.unwrap_or_else(|_| panic!("the log has not {times} of {wanted:?}"));
}

/// Lets everything that is under way come to its end, and answers the kinds of the log's entries. The
/// service runs again afterwards.
pub(crate) async fn kinds_when_all_is_done(fixture: &mut Fixture) -> Vec<String> {
    fixture.stop().await;
    let kinds = fixture.kinds().await;
    fixture.boot().await;
    kinds
}

/// Somebody requests access; the answer is the card that asks for the approval.
pub(crate) async fn asked(fixture: &Fixture, who: &str, line: &str) -> Message {
    let before = fixture.sim.messages(APPROVALS).len();
    fixture.jit(who, line).await;
    fixture
        .in_time(|sim| {
            let cards = sim.messages(APPROVALS).into_iter().skip(before);
            cards.into_iter().find(|card| card.has("approve"))
        })
        .await
}

/// Somebody requests access and another person approves it; the answer is the requester's card of the
/// grant.
pub(crate) async fn granted(fixture: &Fixture, who: &str, line: &str) -> Message {
    let before: Vec<String> = (fixture.grants(who).into_iter())
        .map(|grant| grant.ts)
        .collect();
    let card = asked(fixture, who, line).await;
    let approver = if who == CAROL { BOB } else { CAROL };
    fixture.person(approver).click(&card, "approve").await;
    fixture
        .in_time(|_| {
            let mut grants = fixture.grants(who).into_iter();
            grants.find(|grant| !before.contains(&grant.ts))
        })
        .await
}

/// Gives somebody a second account, with the same address, in these groups.
pub(crate) fn second_account(fixture: &Fixture, id: &str, email: &str, groups: &[(&str, &[&str])]) {
    fixture.sim.add_person(Person {
        email: email.to_owned(),
        ..Person::member(id, id.to_lowercase())
    });
    for (group, members) in groups {
        let members = members.iter().copied().chain([id]);
        fixture.sim.set_group(group, members);
    }
}
