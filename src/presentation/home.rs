//! App Homes: one for everybody who has ever opened theirs.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{CURSOR, Written, card::put_to_rest, gone, written};
use crate::{
    domain::{Time, UserId},
    store::{Document, DocumentWrites, Documents, Referring, Step, StoreError, Touch},
};

/// Their collection in the store.
pub(super) const COLLECTION: &str = "homes";

/// What every Home refers to that asks its person to decide something.
const ASKED: &str = "asked";

/// What every Home refers to that shows the locks in force.
const LOCKS: &str = "locks";

/// What every Home refers to that shows what is open for review.
const REVIEWS: &str = "reviews";

/// One person's Home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Whose.
    pub person: UserId,
    /// What people see: a digest of the view as sent; nothing where that is not known.
    pub shown: Option<String>,
    /// Whose requests it asks its person to decide. What somebody holds decides what else they may
    /// get, so whatever happens to them may change what is asked.
    pub asked_by: BTreeSet<UserId>,
    /// Whether it shows the locks in force.
    #[serde(default)]
    pub shows_locks: bool,
    /// Whether it shows what is open for review.
    #[serde(default)]
    pub shows_reviews: bool,
    /// How often in a row it could not be made whole.
    pub failures: u32,
    /// Moves with every write and every touch.
    #[serde(skip)]
    pub version: u64,
}

/// What a Home shows from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The digest of the view.
    pub shown: String,
    /// Whose requests it asks its person to decide.
    pub asked_by: BTreeSet<UserId>,
    /// Whether it shows the locks in force.
    pub shows_locks: bool,
    /// Whether it shows what is open for review.
    pub shows_reviews: bool,
    /// Where the follower stood before the view was made.
    pub seen: u64,
    /// When to look again although nothing has changed: something could not be known.
    pub again: Option<Time>,
}

/// Gives the Homes of these requesters their turn, and those that ask about a request of theirs;
/// nothing without one.
pub(super) fn touch_by<'a>(
    requesters: impl Iterator<Item = &'a UserId>,
    at: Time,
) -> Option<Touch> {
    touch(
        requesters
            .flat_map(|person| [of(person), asked_by(person)])
            .collect(),
        at,
    )
}

/// Gives every Home that asks something its turn.
pub(super) fn touch_asked(at: Time) -> Option<Touch> {
    touch([ASKED.to_owned()].into(), at)
}

/// Gives every Home that shows the locks in force its turn.
pub(super) fn touch_locks(at: Time) -> Option<Touch> {
    touch([LOCKS.to_owned()].into(), at)
}

/// Gives every Home that shows what is open for review its turn.
pub(super) fn touch_reviews(at: Time) -> Option<Touch> {
    touch([REVIEWS.to_owned()].into(), at)
}

fn touch(refs: BTreeSet<String>, at: Time) -> Option<Touch> {
    (!refs.is_empty()).then(|| Touch {
        collection: COLLECTION.to_owned(),
        refs,
        at,
    })
}

fn of(person: &UserId) -> String {
    format!("person:{person}")
}

fn asked_by(person: &UserId) -> String {
    format!("asked_by:{person}")
}

impl Home {
    fn new(person: UserId) -> Self {
        Self {
            person,
            shown: None,
            asked_by: BTreeSet::new(),
            shows_locks: false,
            shows_reviews: false,
            failures: 0,
            version: 0,
        }
    }

    /// The Home in a document of the store; nothing if it is none.
    pub fn read(document: &Document) -> Option<Self> {
        let mut home: Self = serde_json::from_str(&document.body).ok()?;
        home.version = document.version;
        (home.person.as_str() == document.key).then_some(home)
    }

    fn document(&self, due_at: Option<Time>) -> Referring {
        let mut refs: BTreeSet<String> = self.asked_by.iter().map(asked_by).collect();
        if !refs.is_empty() {
            refs.insert(ASKED.to_owned());
        }
        if self.shows_locks {
            refs.insert(LOCKS.to_owned());
        }
        if self.shows_reviews {
            refs.insert(REVIEWS.to_owned());
        }
        refs.insert(of(&self.person));
        Referring {
            document: Document {
                collection: COLLECTION.to_owned(),
                key: self.person.to_string(),
                version: self.version,
                due_at,
                // Somebody looks at it.
                is_urgent: self.shown.is_none(),
                body: serde_json::to_string(self).expect("a Home can be written as JSON"),
            },
            refs,
        }
    }
}

/// The Homes in the store.
#[derive(Clone)]
pub struct HomeRecords {
    documents: Arc<dyn Documents>,
}

impl HomeRecords {
    /// Those in this store.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    /// Keeps a person's Home from now on, and lets it have its turn at `now` whatever it showed:
    /// they opened it, or what people see there is in doubt.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn opened(&self, person: &UserId, now: Time) -> Result<(), StoreError> {
        loop {
            let found = self.find(person).await?;
            let (home, due_at) = found.unwrap_or_else(|| (Home::new(person.clone()), None));
            let home = Home {
                shown: None,
                ..home
            };
            let due_at = due_at.map_or(now, |at| at.min(now));
            if self.put(home.document(Some(due_at)), None).await? == Written::Done {
                return Ok(());
            }
        }
    }

    /// Gives these people's Homes their turn at `at`, as far as they have one.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn touch(&self, people: &BTreeSet<UserId>, at: Time) -> Result<(), StoreError> {
        self.write_touch(touch(people.iter().map(of).collect(), at))
            .await
    }

    /// Gives every Home that asks something its turn at `at`.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn touch_asked(&self, at: Time) -> Result<(), StoreError> {
        self.write_touch(touch_asked(at)).await
    }

    /// Gives a person's Home its turn at `at` if it shows this, or is about to show something that
    /// is not known yet.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn touch_showing(
        &self,
        person: &UserId,
        shown: &str,
        at: Time,
    ) -> Result<(), StoreError> {
        let Some((home, due_at)) = self.find(person).await? else {
            return Ok(());
        };
        if due_at.is_none() && home.shown.as_deref() != Some(shown) {
            return Ok(());
        }
        self.touch(&[person.clone()].into(), at).await
    }

    /// The Home whose turn it is at `now`: one of which nothing is known to be shown first, then
    /// longest waiting. What is no Home is put to rest, so that it keeps no Home waiting.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn due(&self, now: Time) -> Result<Option<Home>, StoreError> {
        loop {
            let due = self.documents.due_documents(COLLECTION, now, 1).await?;
            let Some(document) = due.into_iter().next() else {
                return Ok(None);
            };
            match Home::read(&document) {
                Some(home) => return Ok(Some(home)),
                None => put_to_rest(&*self.documents, document).await?,
            }
        }
    }

    /// When the next Home after `now` has its turn.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn next(&self, now: Time) -> Result<Option<Time>, StoreError> {
        self.documents.next_document(COLLECTION, now).await
    }

    /// Where the follower stands: whatever happens behind this entry touches Homes later.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn followed(&self) -> Result<u64, StoreError> {
        self.documents.cursor(CURSOR).await
    }

    /// Notes what people see after `home`, as it was read before the view was made, was published.
    /// The Home rests if nothing has touched it meanwhile. What it did not refer to before, such as people
    /// who are new among those that it asks about, may have been passed by, so then the follower must still
    /// stand where it stood.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or has no such Home.
    pub async fn shown(&self, home: &Home, published: &Published) -> Result<(), StoreError> {
        let refers_to_more = !published.asked_by.is_subset(&home.asked_by)
            || published.shows_locks && !home.shows_locks
            || published.shows_reviews && !home.shows_reviews;
        let step = refers_to_more.then(|| Step {
            cursor: CURSOR.to_owned(),
            from: published.seen,
            to: published.seen,
        });
        let now = |current: &Home| Home {
            person: home.person.clone(),
            // Opened meanwhile: then nothing is known of it.
            shown: match current.shown == home.shown {
                true => Some(published.shown.clone()),
                false => current.shown.clone(),
            },
            asked_by: published.asked_by.clone(),
            shows_locks: published.shows_locks,
            shows_reviews: published.shows_reviews,
            failures: match published.again {
                Some(_) => current.failures.saturating_add(1),
                None => 0,
            },
            version: current.version,
        };
        let resting = now(home).document(published.again);
        if self.put(resting, step).await? == Written::Done {
            return Ok(());
        }
        loop {
            let found = self.find(&home.person).await?;
            let (current, due_at) = found.ok_or_else(|| gone("note what a Home shows"))?;
            if self.put(now(&current).document(due_at), None).await? == Written::Done {
                return Ok(());
            }
        }
    }

    /// Puts a Home off until `retry_at` after a failure, or with nothing until it is touched, which
    /// may have happened already.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or has no such Home.
    pub async fn failed(&self, home: &Home, retry_at: Option<Time>) -> Result<(), StoreError> {
        let (mut current, mut due_at) = (home.clone(), retry_at);
        loop {
            let now = Home {
                failures: current.failures.saturating_add(1),
                ..current
            };
            if self.put(now.document(due_at), None).await? == Written::Done {
                return Ok(());
            }
            let found = self.find(&home.person).await?;
            let (found, its_turn) = found.ok_or_else(|| gone("put a Home off"))?;
            (current, due_at) = (found, retry_at.or(its_turn));
        }
    }

    /// A person's Home, and when it has its turn.
    async fn find(&self, person: &UserId) -> Result<Option<(Home, Option<Time>)>, StoreError> {
        let document = self.documents.document(COLLECTION, person.as_str()).await?;
        Ok(document.map(|document| {
            let home = Home::read(&document).unwrap_or_else(|| Home {
                version: document.version,
                ..Home::new(person.clone())
            });
            (home, document.due_at)
        }))
    }

    async fn put(&self, put: Referring, step: Option<Step>) -> Result<Written, StoreError> {
        let writes = DocumentWrites {
            put: Some(put),
            step,
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await)
    }

    async fn write_touch(&self, touch: Option<Touch>) -> Result<(), StoreError> {
        let Some(touch) = touch else {
            return Ok(());
        };
        let writes = DocumentWrites {
            touch: vec![touch],
            ..DocumentWrites::default()
        };
        written(self.documents.write(writes).await).map(drop)
    }
}
