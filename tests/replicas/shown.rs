//! What Slack shows, held against the log: nothing is missing, and what is there twice is counted.

use std::collections::{BTreeMap, BTreeSet};

use slack_sim::Message;
use sqlx::Row;

use crate::{
    support::fixture::{APPROVALS, AUDIT},
    world::World,
};

/// How notices to requesters begin, what is in them, and the entries that they tell of.
const NOTICES: [(&str, &str, &str); 4] = [
    (":no_entry: ", "denied your request", "denied"),
    (
        ":hourglass: Your request",
        "You can request it again",
        "lapsed",
    ),
    (":x: Your access", "", "failed"),
    (":lock: Your access", "", "ended"),
];

/// What is there more often than it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Doubled {
    pub cards: usize,
    pub lines: usize,
}

impl Doubled {
    pub const NOTHING: Self = Self { cards: 0, lines: 0 };
}

impl World {
    /// Waits until everything is told, and counts what is told twice. Fails if something is not
    /// told at all.
    pub async fn doubled(&self) -> Doubled {
        self.quiet().await;
        let cards = self
            .store
            .query(
                "SELECT body::jsonb ->> 'request', body::jsonb ->> 'place',
                     body::jsonb ->> 'channel', body::jsonb ->> 'ts'
                 FROM documents WHERE collection = 'cards'",
            )
            .await;
        let mut known = BTreeSet::new();
        let mut threads = BTreeMap::new();
        let mut people = BTreeSet::new();
        for card in &cards {
            let [request, place, channel]: [String; 3] = [0, 1, 2].map(|column| card.get(column));
            let ts = card.get::<Option<String>, _>(3);
            let ts = ts.unwrap_or_else(|| panic!("a card of {request} was not posted"));
            match place.as_str() {
                "audit" => drop(threads.insert(ts.clone(), request)),
                "asked" => drop(people.insert(channel.clone())),
                _ => {}
            }
            assert!(self.sim.message(&channel, &ts).is_some(), "{channel} {ts}");
            known.insert((channel, ts));
        }
        let said: Vec<Message> = [APPROVALS, AUDIT]
            .into_iter()
            .chain(people.iter().map(String::as_str))
            .flat_map(|channel| self.sim.messages(channel))
            .filter(|message| message.bot_id.is_some() && message.ephemeral_to.is_none())
            .collect();
        let unknown = |message: &&Message| {
            is_card(message) && !known.contains(&(message.channel.clone(), message.ts.clone()))
        };
        Doubled {
            cards: said.iter().filter(unknown).count(),
            lines: self.doubled_lines(&said, &threads).await + self.doubled_notices(&said).await,
        }
    }

    /// Each entry is a line in its request's thread, except that a target was looked at.
    async fn doubled_lines(&self, said: &[Message], threads: &BTreeMap<String, String>) -> usize {
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        for message in said.iter().filter(|message| message.channel == AUDIT) {
            if let Some(thread) = &message.thread_ts {
                *lines.entry(&threads[thread]).or_default() += message.text.lines().count();
            }
        }
        let told = self
            .store
            .query(
                "SELECT request_id, count(*) FROM events
                 WHERE request_id IS NOT NULL AND kind <> 'layer_inspected' GROUP BY 1",
            )
            .await;
        let doubled = told.iter().map(|row| {
            let (request, expected): (String, i64) = (row.get(0), row.get(1));
            let shown = lines.get(request.as_str()).copied().unwrap_or_default();
            let extra = shown.checked_sub(usize::try_from(expected).unwrap());
            extra.unwrap_or_else(|| panic!("{request}: {shown} of {expected} lines"))
        });
        doubled.sum()
    }

    async fn doubled_notices(&self, said: &[Message]) -> usize {
        let mut doubled = 0;
        for (begin, words, kind) in NOTICES {
            let shown = said
                .iter()
                .filter(|message| !is_card(message) && message.channel != AUDIT)
                .flat_map(|message| message.text.lines())
                .filter(|line| line.starts_with(begin) && line.contains(words))
                .count();
            let expected = usize::try_from(self.entries(kind).await).unwrap();
            let extra = shown.checked_sub(expected);
            doubled += extra.unwrap_or_else(|| panic!("{kind}: {shown} of {expected} notices"));
        }
        doubled
    }
}

/// Cards have blocks, lines are text or rich text.
fn is_card(message: &Message) -> bool {
    let mut blocks = message.blocks.as_array().into_iter().flatten();
    blocks.any(|block| block["type"] != "rich_text")
}
