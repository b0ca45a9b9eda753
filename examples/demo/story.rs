//! The life of one request, told by itself.

use std::{sync::Arc, time::Duration};

use keylend::{
    audit::{log::Log, verify::verify},
    store::SqliteStore,
};
use slack_sim::Message;

use crate::{
    say,
    stage::{AUDIT, DBA, GENERAL, Stage},
};

const LINE: &str = "request console:enter 30m INC-4211 writes are failing";

pub async fn tell(stage: &Stage) -> anyhow::Result<()> {
    let (alice, bob) = (stage.sim.person("U0ALICE"), stage.sim.person("U0BOB"));

    say::step("Alice is on call. She types in Slack:");
    say::typed(&format!("/jit {LINE}"));
    alice.command(GENERAL, "/jit", LINE).await;
    let card = stage
        .sim
        .wait_until(|sim| {
            sim.messages(DBA)
                .into_iter()
                .find(|card| has(card, "approve"))
        })
        .await;
    say::slack("#dba", &card.text);
    door(stage).await?;

    say::step("Alice taps Approve on her own request.");
    let heard = alice.ephemerals().len();
    alice.click(&card, "approve").await;
    let refused = stage
        .sim
        .wait_until(|_| alice.ephemerals().into_iter().nth(heard))
        .await;
    say::slack("only Alice sees", &refused.text);

    say::step("Bob, who is in the group dba, taps Approve.");
    bob.click(&card, "approve").await;
    let grant = stage
        .sim
        .wait_until(|sim| {
            sim.dm("U0ALICE")
                .into_iter()
                .find(|message| has(message, "done"))
        })
        .await;
    say::slack("Alice's direct message", &grant.text);
    let decided = stage
        .sim
        .wait_until(|sim| {
            sim.message(&card.channel, &card.ts)
                .filter(|card| card.says("Active until"))
        })
        .await;
    say::slack("#dba, the same card", &decided.text);
    door(stage).await?;

    say::step("27 minutes pass.");
    stage.clock.move_ahead(Duration::from_secs(27 * 60));
    let warning = stage
        .sim
        .wait_until(|sim| {
            let buttons = |message: &Message| has(message, "done") && message.ts != grant.ts;
            sim.dm("U0ALICE").into_iter().find(buttons)
        })
        .await;
    say::slack("Alice's direct message", &warning.text);

    say::step("Three more minutes pass, and Alice does nothing.");
    stage.clock.move_ahead(Duration::from_secs(3 * 60));
    let ended = stage
        .sim
        .wait_until(|sim| {
            sim.dm("U0ALICE")
                .into_iter()
                .find(|told| told.text.contains("ended"))
        })
        .await;
    say::slack("Alice's direct message", &ended.text);
    door(stage).await?;

    say::step("Everything is in #audit, in one thread for the request:");
    stage
        .sim
        .wait_until(|sim| {
            sim.messages(AUDIT)
                .into_iter()
                .find(|line| line.says("ended"))
        })
        .await;
    for line in stage
        .sim
        .messages(AUDIT)
        .iter()
        .flat_map(|message| message.text.lines())
    {
        say::slack("#audit", line);
    }

    say::step("And in a log that nobody can change unseen (keylend audit verify):");
    let store = Arc::new(SqliteStore::open_read_only(&stage.database()).await?);
    let whole = verify(Log::in_store(store, 0), None).await?;
    say::note(&format!(
        "{} entries, each bound to the one before; nothing is missing.",
        whole.entries
    ));
    Ok(())
}

/// Whether the console lets Alice in, and whether the check would.
async fn door(stage: &Stage) -> anyhow::Result<()> {
    let (decision, end) = stage.check("alice@example.com").await?;
    let inside = stage.console.admits("alice");
    let until = end.map(|end| format!(", until {end}")).unwrap_or_default();
    let word = |yes| if yes { "yes" } else { "no" };
    say::note(&format!(
        "May Alice enter the console? The check says {}{until}; the console's own list says {}.",
        word(decision),
        word(inside),
    ));
    Ok(())
}

fn has(message: &Message, action: &str) -> bool {
    message.buttons().iter().any(|button| button == action)
}
