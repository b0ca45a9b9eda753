//! The App Homes: everybody's who has opened theirs is made to show what is, until it does.
//!
//! # What makes a Home due
//!
//! Its person opens it. Something happens to one of their requests, or to what it asks them to decide:
//! the [`Follower`](crate::presentation::Follower) touches those Homes. A lock is set or lifted, and their
//! person may see the locks; or a review is opened or signed off, and they may see the reviews. Something new
//! waits for them: `news` follows the log and touches the approvers'. Slack tells of a changed person or group.
//! What a Home says changes with nothing else but an operator's rule that looks at the time of day, and that is
//! judged anew whenever the Home is opened, and at the click.
//!
//! # What it costs
//!
//! One sender, one Home at a time, at most [`A_MINUTE`] a minute ([`WITH_OPENED`] with those that
//! somebody has just opened, which come first); a burst of changes that comes meanwhile is one
//! publication. `views.publish` takes 100 a minute, and so does `users.info`, which each Home asks
//! for its person and decisions need too: the pace leaves them their share, and what is known of
//! requesters and groups serves all Homes for a minute. A Home judges at most 20 requests, so with
//! 50 requests waiting and the Homes of 200 approvers all are right within five minutes, for 8,000
//! verdicts of 41 µs in all. Nobody who has not opened their Home costs anything.
//!
//! # What it leaves out
//!
//! `hash` is not sent: there is one writer, and what is wrong is not merged but made anew. If Slack
//! carries out a call that was given up, behind a later one, an old Home stays until something
//! touches it, its person opens it, or a click in it is refused.

pub(super) mod news;
mod pace;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::trouble::Trouble;
use crate::{
    broker::{Broker, Error},
    clock::{Clock, Entropy, until_any},
    domain::{Refusal, Time, UserId},
    presentation::{Home, HomeRecords, Published, Retry, within_grace},
    slack::{
        client::Client,
        view::{
            card::Context,
            home::{self as view, PAST, QUESTIONS, REVIEWS},
        },
    },
    store::{Documents, Store, StoreError},
};
use pace::Pace;
pub use pace::{A_MINUTE, WITH_OPENED};

/// Keeps App Homes in step with the store.
pub struct Homes {
    broker: Arc<Broker>,
    documents: Arc<dyn Documents>,
    records: HomeRecords,
    client: Client,
    retry: Retry,
}

/// What somebody's Home is to show.
struct Page {
    view: serde_json::Value,
    asked_by: BTreeSet<UserId>,
    shows_locks: bool,
    shows_reviews: bool,
    /// Whether everything that it should show could be known.
    is_whole: bool,
}

impl Homes {
    /// The Homes of those who open them from now on, and of those who ever did.
    pub fn new(
        broker: Arc<Broker>,
        documents: Arc<dyn Documents>,
        client: Client,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            broker,
            records: HomeRecords::new(documents.clone()),
            documents,
            client,
            retry: Retry { clock, entropy },
        }
    }

    /// Somebody opened their Home, or what Slack shows there is in doubt: it is published anew
    /// whatever it showed. Survives a crash once it has returned.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn opened(&self, person: &UserId) -> Result<(), StoreError> {
        self.records.opened(person, self.retry.clock.now()).await
    }

    /// Slack says that somebody changed, and whether they are a full member. Who was one shows the
    /// same as before; who is none may lose what they see, and what others see of them.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn person_changed(&self, person: &UserId, is_member: bool) -> Result<(), StoreError> {
        if is_member {
            let (shown, now) = (digest(&view::unwelcome()), self.retry.clock.now());
            return self.records.touch_showing(person, &shown, now).await;
        }
        self.people_changed([person.clone()].into()).await
    }

    /// Slack says that people joined or left a group.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn people_changed(&self, people: BTreeSet<UserId>) -> Result<(), StoreError> {
        let now = self.retry.clock.now();
        self.records.touch(&people, now).await?;
        self.records.touch_asked(now).await
    }

    /// Works until `shutdown`, then finishes what is on its way, within five seconds.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let work = async { tokio::join!(self.publish(&shutdown), self.follow(&shutdown)) };
        if !within_grace(&shutdown, work).await {
            tracing::warn!("stopped while publishing an App Home; the next start publishes it");
        }
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.broker.store()
    }

    /// Publishes the Homes whose turn it is, one at a time; answers nothing once told to stop.
    async fn publish(&self, shutdown: &CancellationToken) -> Option<()> {
        let clock = &self.retry.clock;
        let mut touched = self.documents.documents_due();
        let mut pace = Pace::default();
        // Whose Home certainly shows what the store says: an answer that was lost, or heard by
        // somebody who died, leaves a page that nobody knows of.
        let mut sure = HashSet::new();
        loop {
            // Seen before the Homes are asked for: a change in between wakes us.
            touched.borrow_and_update();
            let now = clock.now();
            let (due, next) = self
                .retry
                .retry_forever(shutdown, || self.turn(now))
                .await?;
            let wait_until = match due {
                Some(home) => match pace.opens(&home, now) {
                    None => {
                        pace.took(now);
                        if let Some(wait) = self.attend(home, &mut sure, shutdown).await? {
                            pace.close(wait);
                        }
                        continue;
                    }
                    closed => closed,
                },
                None => next,
            };
            let turn = until_any(clock.as_ref(), wait_until);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                moved = touched.changed() => moved.ok()?,
                () = turn => {}
            }
        }
    }

    /// The Home whose turn it is, and when the next one's comes.
    async fn turn(&self, now: Time) -> Result<(Option<Home>, Option<Time>), StoreError> {
        let due = self.records.due(now).await?;
        Ok((due, self.records.next(now).await?))
    }

    /// Makes one Home show what is, or notes when to try again. Answers until when Slack asks to
    /// be left alone, if it does; nothing at all if told to stop.
    async fn attend(
        &self,
        home: Home,
        sure: &mut HashSet<UserId>,
        shutdown: &CancellationToken,
    ) -> Option<Option<Time>> {
        let failures = home.failures.saturating_add(1);
        let now = self.retry.clock.now();
        let is_sure = sure.remove(&home.person);
        let Err(trouble) = self.show(&home, is_sure, shutdown).await else {
            sure.insert(home.person);
            return Some(None);
        };
        let asked_to_wait = trouble.asked_to_wait();
        let retry_at = if trouble.is_permanent() {
            tracing::error!(
                slack.user = %home.person, error = %trouble,
                "failed to publish an App Home; Keylend does not retry"
            );
            None
        } else {
            match asked_to_wait {
                Some(_) => {
                    tracing::debug!(slack.user = %home.person, error = %trouble, "an App Home waits")
                }
                None => {
                    tracing::warn!(
                        slack.user = %home.person, error = %trouble,
                        "failed to publish an App Home; Keylend retries"
                    );
                }
            }
            Some(now + asked_to_wait.unwrap_or_else(|| self.retry.after(failures)))
        };
        self.retry
            .retry_forever(shutdown, || self.records.failed(&home, retry_at))
            .await?;
        Some(asked_to_wait.and(retry_at))
    }

    async fn show(
        &self,
        home: &Home,
        is_sure: bool,
        shutdown: &CancellationToken,
    ) -> Result<(), Trouble> {
        // Before anything is looked at: what is followed later may not be in the page.
        let seen = self.records.followed().await?;
        let page = self.page(&home.person).await?;
        let shown = digest(&page.view);
        if !is_sure || home.shown.as_ref() != Some(&shown) {
            self.client.publish_home(&home.person, page.view).await?;
        }
        let failures = home.failures.saturating_add(1);
        let again = (!page.is_whole).then(|| self.retry.clock.now() + self.retry.after(failures));
        let published = Published {
            shown,
            asked_by: page.asked_by,
            shows_locks: page.shows_locks,
            shows_reviews: page.shows_reviews,
            seen,
            again,
        };
        // Not given up: what is not known to be asked would not be taken away.
        self.retry
            .retry_forever(shutdown, || self.records.shown(home, &published))
            .await;
        Ok(())
    }

    /// What somebody's Home is to show now. Without fresh facts about them it shows nothing.
    async fn page(&self, person: &UserId) -> Result<Page, Trouble> {
        let only = |view, is_whole| Page {
            view,
            asked_by: BTreeSet::new(),
            shows_locks: false,
            shows_reviews: false,
            is_whole,
        };
        let member = match self.broker.member(person).await {
            Ok(member) => member,
            Err(Error::Facts(_)) => return Ok(only(view::unknown(), false)),
            Err(Error::Refused(Refusal::Forbidden(_))) => return Ok(only(view::unwelcome(), true)),
            Err(error) => return Err(error.into()),
        };
        let mut open = self.broker.open_by(person).await?;
        let past = self.broker.past_of(person, PAST).await?;
        // What ended between the two looks is past, and not also held.
        open.retain(|request| past.iter().all(|over| over.id != request.id));
        let in_context = |request| {
            let has_credentials = self.broker.has_credentials(&request);
            let context = Context {
                has_credentials,
                unreachable: None,
                logins: self.broker.logins(&request),
                lock: None,
                break_glass: false,
            };
            (request, context)
        };
        let questions = self.broker.questions_for(person, QUESTIONS).await?;
        let shows_locks = self.broker.may_see_locks(person).await?;
        let mut locks = match shows_locks {
            true => self.broker.locks().await?,
            false => Vec::new(),
        };
        locks.sort_by(|one, other| (one.at, &one.target).cmp(&(other.at, &other.target)));
        let (reviews, is_sure_of_reviews) =
            match self.broker.reviews_to_sign_off(person, REVIEWS).await {
                Ok(reviews) => (reviews, true),
                Err(Error::Facts(_) | Error::Refused(_)) => (None, false),
                Err(error) => return Err(error.into()),
            };
        let unreviewed = self.broker.unreviewed(&member).await?;
        let asked = questions.asked.iter();
        let shows_reviews = reviews.is_some();
        let home = view::Home {
            logins: asked
                .map(|request| (request.id, self.broker.logins(request)))
                .collect(),
            questions,
            open: open.into_iter().map(in_context).collect(),
            past,
            locks,
            reviews: reviews.unwrap_or_default(),
            unreviewed,
        };
        let asked = &home.questions.asked;
        Ok(Page {
            view: view::home(&home),
            asked_by: asked.iter().map(|it| it.requester.clone()).collect(),
            shows_locks,
            shows_reviews,
            is_whole: !home.questions.is_unsure && is_sure_of_reviews,
        })
    }
}

/// What a view says.
fn digest(view: &serde_json::Value) -> String {
    let said = serde_json::to_vec(view).expect("a view is JSON");
    hex::encode(Sha256::digest(said))
}
