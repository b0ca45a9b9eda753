//! What Slack has to show once everything rests: promise 10, and that everybody hears who should.

use std::collections::{BTreeMap, BTreeSet};

use keylend::{
    broker::ReviewsToSignOff,
    domain::{ChannelId, Event, Lock, Request, Standing, UserId},
    presentation::Place,
    slack::view::{
        card::{Context, card},
        home::{self, Home},
        line::{line, lock_line, notice},
    },
    store::{Entry, EntryBody},
};
use serde_json::{Value, json};

use crate::{
    people::{People, person_of},
    slack::{Inside, Said, Slack},
    store::Tables,
    story::{Broken, promised},
    world::AUDIT,
};

/// How many of the requests that are over a Home shows.
const PAST: usize = 10;

impl Slack {
    /// Every message shows what is, none is missing, and none is there twice without a doubt.
    pub(crate) fn tells_the_truth(&self, tables: &Tables, people: &People) -> Result<(), Broken> {
        let inside = self.inside.lock().unwrap();
        inside.has_every_card(tables)?;
        inside.has_true_cards(tables)?;
        inside.has_each_card_once(tables)?;
        inside.has_each_line_once(tables)?;
        inside.has_true_homes(tables, people)
    }
}

impl Inside {
    /// Whoever has to know of a request has a message for it.
    fn has_every_card(&self, tables: &Tables) -> Result<(), Broken> {
        for entry in log(tables) {
            let (EntryBody::Request(event), Some(id)) = (&entry.body, entry.request_id) else {
                continue;
            };
            let request = tables.request(id).expect("a request of the log");
            let requester = ChannelId::new(request.requester.as_str());
            let approvers = request.approval_channel.clone();
            let needed = match event {
                Event::Requested { .. } => {
                    let mirrors = request.mirrors.iter().cloned();
                    let mut needed: Vec<_> = mirrors.map(|it| (Place::Mirror, it)).collect();
                    needed.push((Place::Approval, approvers));
                    needed.push((Place::Asked, requester));
                    needed.push((Place::Audit, ChannelId::new(AUDIT)));
                    needed
                }
                Event::ExtensionRequested { .. } => vec![(Place::Extension, approvers)],
                Event::GlassBroken { channel, .. } => vec![(Place::Review, channel.clone())],
                _ => Vec::new(),
            };
            for (place, channel) in needed {
                let shown = tables.card(id, place, &channel);
                promised(10, shown.is_some_and(|shown| shown.ts.is_some()), || {
                    format!("nobody was shown the {place:?} of {id} in {channel}")
                })?;
            }
        }
        Ok(())
    }

    fn has_true_cards(&self, tables: &Tables) -> Result<(), Broken> {
        for shown in tables.every_card() {
            let request = tables.request(shown.request).expect("a card's request");
            let has_credentials = has_credentials(request);
            let context = Context {
                has_credentials,
                lock: Lock::longest_over(tables.locks(), request)
                    .filter(|_| request.awaits_decision()),
                ..Context::default()
            };
            let (Some(message), Some(ts)) = (card(shown.place, request, &context), &shown.ts)
            else {
                continue;
            };
            let mut messages = self.messages.iter();
            let seen =
                messages.find(|said| said.channel == shown.channel.as_str() && said.ts == *ts);
            let is_true = seen.is_some_and(|seen| {
                seen.text == message.text && seen.blocks == json!(message.blocks)
            });
            promised(10, is_true, || {
                let seen = seen.map(|seen| &seen.text);
                format!("the {:?} of {} shows {seen:?}", shown.place, shown.request)
            })?;
        }
        Ok(())
    }

    /// Every card is the one that the store knows, or gave way to one that calls anew and asks
    /// nothing any more, or is in doubt.
    fn has_each_card_once(&self, tables: &Tables) -> Result<(), Broken> {
        let cards = tables.every_card();
        let known: BTreeSet<_> = cards
            .filter_map(|card| Some((card.channel.to_string(), card.ts?)))
            .collect();
        for said in self.messages.iter().filter(|said| said.is_card()) {
            if said.in_doubt || known.contains(&(said.channel.clone(), said.ts.clone())) {
                continue;
            }
            let Some((request, place, asked_for)) = &said.noted else {
                promised(10, false, || format!("`{}` was posted twice", said.text))?;
                continue;
            };
            let now = tables.card(*request, *place, asked_for);
            let now = now.and_then(|card| self.message(card.channel.as_str(), card.ts.as_ref()?));
            if now.is_some_and(|now| now.in_doubt) {
                continue;
            }
            let calls_anew = matches!(place, Place::Extension);
            promised(10, calls_anew, || {
                format!("the {place:?} of {request} was posted twice")
            })?;
            promised(10, !has_buttons(said), || {
                format!("an old {place:?} of {request} still asks: {}", said.text)
            })?;
        }
        Ok(())
    }

    fn message(&self, channel: &str, ts: &str) -> Option<&Said> {
        let mut messages = self.messages.iter();
        messages.find(|said| said.channel == channel && said.ts == ts)
    }

    /// Everybody hears every line that is for them, and hears it again only if the first time is
    /// in doubt.
    fn has_each_line_once(&self, tables: &Tables) -> Result<(), Broken> {
        let mut due = BTreeMap::<(String, String), usize>::new();
        for entry in log(tables) {
            // What failed for now is told with how often it has failed meanwhile.
            if let EntryBody::Request(Event::LayerRevokeFailed { .. }) = entry.body {
                continue;
            }
            for (channel, line) in lines(&entry, tables) {
                *due.entry((channel, without_shortening(&line))).or_default() += 1;
            }
        }
        let (mut said, mut in_doubt) = (BTreeMap::new(), BTreeMap::new());
        for message in self.messages.iter().filter(|said| !said.is_card()) {
            for line in message.text.lines() {
                let told = (message.channel.clone(), without_shortening(line));
                *said.entry(told.clone()).or_insert(0_usize) += 1;
                *in_doubt.entry(told).or_insert(0) += usize::from(message.in_doubt);
            }
        }
        for (told, due) in due {
            let said = said.get(&told).copied().unwrap_or(0);
            let sure = said - in_doubt.get(&told).copied().unwrap_or(0);
            promised(10, said >= due && sure <= due, || {
                format!("{told:?} was said {said} times instead of {due}")
            })?;
        }
        Ok(())
    }

    /// When nothing is open, a Home shows what is past and what is open for review, to members.
    fn has_true_homes(&self, tables: &Tables, people: &People) -> Result<(), Broken> {
        for person in tables.homes() {
            let seen = self.homes.get(person.as_str());
            let is_true = people.standings(&person).into_iter().any(|standing| {
                let mut may_show = match standing {
                    Standing::Member => member_homes(tables, &person),
                    _ => vec![home::unwelcome()],
                }
                .into_iter();
                may_show.any(|it| Some(&it) == seen)
            });
            promised(10, is_true, || {
                format!("the Home of {person} shows {seen:?}")
            })?;
        }
        Ok(())
    }
}

/// A notice that more time was approved, without how much shorter it is than requested: that is told from the
/// request as it is when it is told, and the next extension changes it.
fn without_shortening(line: &str) -> String {
    match (line.find(", for "), line.find(". It ends")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &line[..from], &line[to..]),
        _ => line.to_owned(),
    }
}

/// What a member's Home may show, whatever their groups are and are known to be.
fn member_homes(tables: &Tables, person: &UserId) -> Vec<Value> {
    // Administrators see the locks.
    let locks = [Vec::new(), tables.locks()];
    let (own, of_others): (Vec<_>, Vec<_>) = open_for_review(tables)
        .into_iter()
        .partition(|request| person_of(&request.requester) == person_of(person));
    let mut own: Vec<_> = own.into_iter().map(Some).collect();
    if own.is_empty() {
        own.push(None);
    }
    let to_sign_off: Vec<_> = of_others
        .into_iter()
        .filter(|request| {
            let review = request.review.as_ref().expect("it is open for review");
            let mut signed = review.sign_offs.iter();
            !signed.any(|it| person_of(&it.by) == person_of(person))
        })
        .collect();
    let mut reviews = vec![ReviewsToSignOff::default()];
    for is_reviewer in [false, true] {
        reviews.extend((0..=to_sign_off.len()).map(|others| ReviewsToSignOff {
            requests: to_sign_off.iter().take(home::REVIEWS).cloned().collect(),
            others,
            is_reviewer,
        }));
    }
    let mut homes = Vec::new();
    for locks in &locks {
        for unreviewed in &own {
            for reviews in &reviews {
                homes.push(home::home(&Home {
                    past: tables.past(person, PAST),
                    locks: locks.clone(),
                    unreviewed: unreviewed.clone(),
                    reviews: reviews.clone(),
                    ..Home::default()
                }));
            }
        }
    }
    homes
}

/// What was taken by break-glass and is open for review, oldest first.
fn open_for_review(tables: &Tables) -> Vec<Request> {
    log(tables)
        .filter(|entry| matches!(entry.body, EntryBody::Request(Event::GlassBroken { .. })))
        .filter_map(|entry| tables.request(entry.request_id?).cloned())
        .filter(|request| request.review.as_ref().is_some_and(|it| it.is_open()))
        .collect()
}

fn log(tables: &Tables) -> impl Iterator<Item = Entry> {
    let entries = tables.entries(0, u32::MAX).iter();
    entries.map(|raw| Entry::try_from(raw).expect("an entry that this program wrote"))
}

/// What is to be said of an entry, and where.
fn lines(entry: &Entry, tables: &Tables) -> Vec<(String, String)> {
    let Some(id) = entry.request_id else {
        return Vec::from_iter(lock_line(entry).map(|line| (AUDIT.to_owned(), line)));
    };
    let request = tables.request(id).expect("a request of the log");
    let mut lines = Vec::new();
    if let Some(line) = line(entry, request, &[]) {
        let mirrors = request.mirrors.iter().map(|it| it.as_str().to_owned());
        let channels = mirrors.chain([AUDIT.to_owned()]);
        lines.extend(channels.map(|channel| (channel, line.clone())));
    }
    let direct = |person: &UserId| person.as_str().replacen('U', "D", 1);
    lines.extend(notice(entry, request).map(|notice| (direct(&request.requester), notice)));
    lines
}

/// Whether a request comes with a password: the owner role does.
fn has_credentials(request: &Request) -> bool {
    let mut layers = request.layers.iter();
    layers.any(|layer| layer.plan.params["role"] == "owner")
}

fn has_buttons(said: &Said) -> bool {
    let blocks = said.blocks.as_array().into_iter().flatten();
    let mut kinds = blocks.map(|block: &Value| &block["type"]);
    kinds.any(|kind| kind == "actions")
}
