//! Messages that show a request: one quiet card a place, updated ever after.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Written, gone, written};
use crate::{
    domain::{ChannelId, Event, Request, RequestId, Time, UserId},
    store::{Document, DocumentWrites, Documents, Referring, StoreError, Touch},
};

/// Their collection in the store.
pub(super) const COLLECTION: &str = "cards";

/// A message that shows a request's current state, and is updated until it does.
///
/// A card is known by its request, its place and the channel that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The request that it shows.
    pub request: RequestId,
    /// Who asked: cards of one person keep those of others from being shown no longer than theirs.
    pub requester: UserId,
    /// Which of its messages it is.
    pub place: Place,
    /// Where it was asked for: a channel, or a person.
    pub asked_for: ChannelId,
    /// Where it is. A person's direct message is opened by the first post, and takes the person's
    /// place here.
    pub channel: ChannelId,
    /// The message's timestamp; nothing before it was posted.
    pub ts: Option<String>,
    /// What it shows: a digest of the message as sent; nothing before it was posted.
    pub shown: Option<String>,
    /// How often in a row it was refused.
    pub failures: u32,
    /// Moves with every write and every touch.
    #[serde(skip)]
    pub version: u64,
}

/// Which of a request's messages a card is. A request has at most one of each in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The approval card in the scope's channel.
    Approval,
    /// The card of an extension in the scope's channel.
    Extension,
    /// The requester's direct message about the request and the grant; the head of their thread.
    Asked,
    /// The head of the request's thread in the audit channel.
    Audit,
    /// The head of the request's thread in an incident channel.
    Mirror,
    /// What reviewers see of a break-glass, in the security channel.
    Review,
}

impl Place {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Extension => "extension",
            Self::Asked => "asked",
            Self::Audit => "audit",
            Self::Mirror => "mirror",
            Self::Review => "review",
        }
    }
}

/// Whether an event calls for cards.
pub(super) fn calls_for_cards(event: &Event) -> bool {
    matches!(
        event,
        Event::Requested { .. } | Event::ExtensionRequested { .. } | Event::GlassBroken { .. }
    )
}

/// The cards that an event calls for. A card that exists already is not made again.
pub(super) fn new_cards(request: &Request, event: &Event, audit_channel: &ChannelId) -> Vec<Card> {
    let card = |place, channel: &ChannelId| Card::new(request, place, channel.clone());
    // A message to a person opens the direct message with them.
    let requester = ChannelId::new(request.requester.as_str());
    match event {
        Event::Requested { .. } => {
            let mut cards = vec![
                card(Place::Audit, audit_channel),
                card(Place::Approval, &request.approval_channel),
                card(Place::Asked, &requester),
            ];
            let mirrors = request.mirrors.iter();
            cards.extend(mirrors.map(|channel| card(Place::Mirror, channel)));
            cards
        }
        Event::ExtensionRequested { .. } => vec![card(Place::Extension, &request.approval_channel)],
        Event::GlassBroken { channel, .. } => vec![card(Place::Review, channel)],
        _ => Vec::new(),
    }
}

/// What all cards of a request refer to.
pub(super) fn about(request: RequestId) -> String {
    format!("request:{request}")
}

impl Card {
    /// A card that is not posted yet.
    pub fn new(request: &Request, place: Place, channel: ChannelId) -> Self {
        Self {
            request: request.id,
            requester: request.requester.clone(),
            place,
            asked_for: channel.clone(),
            channel,
            ts: None,
            shown: None,
            failures: 0,
            version: 0,
        }
    }

    /// The card in a document of the store; nothing if it is none.
    pub fn read(document: &Document) -> Option<Self> {
        let mut card: Self = serde_json::from_str(&document.body).ok()?;
        card.version = document.version;
        (card.key() == document.key).then_some(card)
    }

    fn key(&self) -> String {
        format!("{}/{}/{}", self.request, self.place.name(), self.asked_for)
    }

    /// The document, which has its turn then.
    pub(super) fn document(&self, due_at: Option<Time>) -> Referring {
        Referring {
            document: Document {
                collection: COLLECTION.to_owned(),
                key: self.key(),
                version: self.version,
                due_at,
                // Somebody waits for it.
                is_urgent: self.ts.is_none(),
                body: serde_json::to_string(self).expect("a card can be written as JSON"),
            },
            refs: [about(self.request)].into(),
        }
    }

    fn shows_the_same_as(&self, other: &Self) -> bool {
        (&self.channel, &self.ts, &self.shown) == (&other.channel, &other.ts, &other.shown)
    }
}

/// The cards in the store.
#[derive(Clone)]
pub struct CardRecords {
    documents: Arc<dyn Documents>,
}

impl CardRecords {
    /// Those in this store.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    /// The cards that may show something old and whose turn it is at `now`: those not posted yet
    /// first, then longest waiting; at most `limit`. What is no card is put to rest, so that it
    /// keeps no card waiting.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn due(&self, now: Time, limit: u32) -> Result<Vec<Card>, StoreError> {
        let due = self.documents.due_documents(COLLECTION, now, limit).await?;
        let mut cards = Vec::with_capacity(due.len());
        for document in due {
            match Card::read(&document) {
                Some(card) => cards.push(card),
                None => put_to_rest(&*self.documents, document).await?,
            }
        }
        Ok(cards)
    }

    /// When the next card after `now` has its turn.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn next(&self, now: Time) -> Result<Option<Time>, StoreError> {
        self.documents.next_document(COLLECTION, now).await
    }

    /// All cards of one request that can be read.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn of(&self, request: RequestId) -> Result<Vec<Card>, StoreError> {
        let about = about(request);
        let cards = self.documents.referring(COLLECTION, &about).await?;
        let cards = cards.iter().filter_map(Card::read);
        Ok(cards.filter(|card| card.request == request).collect())
    }

    /// One card, by the channel that was asked for or by the one that it is in.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn find(
        &self,
        request: RequestId,
        place: Place,
        channel: &ChannelId,
    ) -> Result<Option<Card>, StoreError> {
        let mut cards = self.of(request).await?.into_iter();
        Ok(cards.find(|card| {
            card.place == place && (card.asked_for == *channel || card.channel == *channel)
        }))
    }

    /// Gives all cards of these requests their turn at `at`.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn touch(&self, requests: &[RequestId], at: Time) -> Result<(), StoreError> {
        let touch = touch(requests.iter().copied(), at);
        let writes = DocumentWrites {
            touch: Vec::from_iter(touch),
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await).map(drop)
    }

    /// Notes what people see after `card`, as it was read before its request was, was sent: `sent`
    /// carries the new channel, timestamp and digest. The card stays due if it was touched
    /// meanwhile. Answers the card as it is kept then: where another replica has shown it
    /// meanwhile, as that one did.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or has no such card.
    pub async fn shown(&self, card: &Card, sent: &Card) -> Result<Card, StoreError> {
        let (mut before, mut due_at) = (card.clone(), None);
        loop {
            let mut now = Card {
                failures: 0,
                version: before.version,
                ..sent.clone()
            };
            if self.put(now.document(due_at)).await? == Written::Done {
                now.version += 1;
                return Ok(now);
            }
            let current = self.current(&before, "note what a card shows").await?;
            let (current, its_turn) = current;
            if !current.shows_the_same_as(&before) {
                return Ok(current);
            }
            (before, due_at) = (current, its_turn);
        }
    }

    /// Puts a card off until `retry_at` after a failure, or with nothing until it is touched, which
    /// may have happened already.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or has no such card.
    pub async fn failed(&self, card: &Card, retry_at: Option<Time>) -> Result<(), StoreError> {
        let (mut before, mut due_at) = (card.clone(), retry_at);
        loop {
            let now = Card {
                failures: before.failures.saturating_add(1),
                ..before.clone()
            };
            if self.put(now.document(due_at)).await? == Written::Done {
                return Ok(());
            }
            let (current, its_turn) = self.current(&before, "put a card off").await?;
            if !current.shows_the_same_as(&before) {
                return Ok(());
            }
            (before, due_at) = (current, retry_at.or(its_turn));
        }
    }

    async fn put(&self, put: Referring) -> Result<Written, StoreError> {
        let writes = DocumentWrites {
            put: Some(put),
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await)
    }

    /// The card as it is by now, and when it has its turn.
    async fn current(
        &self,
        card: &Card,
        doing: &'static str,
    ) -> Result<(Card, Option<Time>), StoreError> {
        let document = self.documents.document(COLLECTION, &card.key()).await?;
        let document = document.ok_or_else(|| gone(doing))?;
        let current = Card::read(&document).ok_or_else(|| gone(doing))?;
        Ok((current, document.due_at))
    }
}

/// Gives all cards of these requests their turn; nothing without one.
pub(super) fn touch(requests: impl Iterator<Item = RequestId>, at: Time) -> Option<Touch> {
    let refs: BTreeSet<String> = requests.map(about).collect();
    (!refs.is_empty()).then(|| Touch {
        collection: COLLECTION.to_owned(),
        refs,
        at,
    })
}

/// Takes its turn from a document that cannot be read, since it was not written by us.
pub(super) async fn put_to_rest(
    documents: &dyn Documents,
    document: Document,
) -> Result<(), StoreError> {
    tracing::error!(
        document.collection,
        document.key,
        "failed to read a document; Slack does not show its request"
    );
    let document = Document {
        due_at: None,
        ..document
    };
    let writes = DocumentWrites {
        put: Some(Referring {
            document,
            refs: BTreeSet::new(),
        }),
        ..DocumentWrites::default()
    };
    written(documents.write(writes).await).map(drop)
}
