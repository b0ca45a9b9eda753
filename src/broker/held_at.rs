//! What was held at a moment that is not long ago, as the log tells it.
//!
//! What was held then is either open now, or the log tells of its end behind that moment. So the log is
//! read back to that moment, and of the requests that it tells of there, every entry.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broker, Error};
use crate::{
    domain::{
        BackendName, Event, Human, IdentityKey, Request, RequestId, ScopeId, Time, UserId,
        holding::{Holding, HoldingFold},
    },
    store::{After, Fold},
};

/// Entries that are read at a time.
const PAGE: u32 = 1_000;

/// How many entries are read back.
const READ_BACK: u64 = 20_000;

/// How many requests are folded for one answer, and how many at a time.
const FOLDED: usize = 2_000;
const TOGETHER: usize = 100;

/// Open requests that are read at a time.
const OPEN: u32 = 100;

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldBy {
    /// Who had a scope.
    Scope(ScopeId),
    /// What a person had, under any of their identities.
    Person(UserId),
    /// Who had something in a target.
    Target(BackendName),
}

/// What was held.
#[derive(Debug, Clone, PartialEq)]
pub enum HeldAt {
    /// This, longest held first.
    Held(Vec<Holding>),
    /// The log says too much behind that moment to be read for one answer.
    TooLongAgo,
}

impl Broker {
    /// Whether the configuration has a target of this name.
    pub fn has_target(&self, name: &BackendName) -> bool {
        self.parts.backends.get(name).is_some()
    }

    /// What is held now in a target, oldest first.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn held_in(&self, target: &BackendName) -> Result<Vec<Request>, Error> {
        let mut held = Vec::new();
        let mut after: Option<After> = None;
        loop {
            let page = self.store.open_after(after, OPEN).await?;
            let requests = page.requests.into_iter();
            held.extend(requests.filter(|request| request.is_held() && is_in(request, target)));
            after = page.next;
            if after.is_none() {
                return Ok(held);
            }
        }
    }

    /// What was held at `at`.
    ///
    /// # Errors
    ///
    /// [`Error::Contradicted`] if the log is broken, or the store's trouble.
    pub async fn held_at(&self, whose: &HeldBy, at: Time) -> Result<HeldAt, Error> {
        let human = match whose {
            HeldBy::Person(person) => Some(self.human_recorded(person).await?),
            HeldBy::Scope(_) | HeldBy::Target(_) => None,
        };
        // Before the log is read: whatever ends meanwhile is in one of the two.
        let mut asked = self.open_ids().await?;
        let Some(told) = self.told_behind(at).await? else {
            return Ok(HeldAt::TooLongAgo);
        };
        asked.extend(told);
        if asked.len() > FOLDED {
            return Ok(HeldAt::TooLongAgo);
        }
        let asked = Vec::from_iter(asked);
        let mut holdings = Vec::new();
        for ids in asked.chunks(TOGETHER) {
            for (request, held) in self.fold_holdings(ids, at).await? {
                if covers(whose, human.as_ref(), &request) {
                    holdings.extend(held);
                }
            }
        }
        holdings.sort_by_key(|holding: &Holding| (holding.from, holding.request));
        Ok(HeldAt::Held(holdings))
    }

    async fn open_ids(&self) -> Result<BTreeSet<RequestId>, Error> {
        let (mut ids, mut after) = (BTreeSet::new(), None);
        loop {
            let page = self.store.open_after(after, OPEN).await?;
            ids.extend(page.requests.iter().map(|request| request.id));
            after = page.next;
            if after.is_none() {
                return Ok(ids);
            }
        }
    }

    /// The requests that the log tells of behind `at`; nothing if it says too much there.
    async fn told_behind(&self, at: Time) -> Result<Option<BTreeSet<RequestId>>, Error> {
        let mut told = BTreeSet::new();
        let head = *self.store.head().borrow();
        let mut upto = head;
        while upto > 0 {
            if head - upto >= READ_BACK {
                return Ok(None);
            }
            let behind = upto.saturating_sub(PAGE.into());
            let page = self.store.raw_entries(behind, PAGE).await?;
            let mut reaches = false;
            for raw in page.iter().filter(|raw| raw.seq <= upto) {
                match raw.at.parse::<Time>() {
                    Ok(when) if when <= at => reaches = true,
                    // One that is not understood is looked at: its request's fold tells.
                    _ => told.extend(
                        raw.request_id
                            .as_ref()
                            .and_then(|id| id.parse::<RequestId>().ok()),
                    ),
                }
            }
            if reaches {
                break;
            }
            upto = behind;
        }
        Ok(Some(told))
    }

    /// The requests as all of their entries make them, and what was held of each at `at`.
    async fn fold_holdings(
        &self,
        ids: &[RequestId],
        at: Time,
    ) -> Result<Vec<(Request, Vec<Holding>)>, Error> {
        let mut folds: BTreeMap<String, Folding> = ids
            .iter()
            .map(|id| (id.to_string(), Folding::new(*id)))
            .collect();
        for raw in self.store.entries_about(ids).await? {
            let fold = raw.request_id.as_ref().and_then(|id| folds.get_mut(id));
            let Some(fold) = fold else {
                continue;
            };
            let occurred = fold.fold.add(&raw).map_err(|error| {
                let text = format!("The log is broken: {error}. Run `keylend audit verify`.");
                self.alert("log_broken", &text);
                Error::Contradicted(fold.id)
            })?;
            let Some(holding) = &mut fold.holding else {
                fold.holding = HoldingFold::first(fold.id, &occurred);
                continue;
            };
            if let Event::Ended {} | Event::Failed { .. } = occurred.event {
                fold.held.extend(holding.holding(at, Some(occurred.at)));
            }
            holding.note(&occurred);
        }
        let folded = folds.into_values().filter_map(|mut fold| {
            let holding = fold.holding?;
            if holding.request().is_open() {
                fold.held.extend(holding.holding(at, None));
            }
            Some((holding.request().clone(), fold.held))
        });
        Ok(folded.collect())
    }
}

/// One request while its entries are folded in.
struct Folding {
    id: RequestId,
    fold: Fold,
    holding: Option<HoldingFold>,
    held: Vec<Holding>,
}

impl Folding {
    fn new(id: RequestId) -> Self {
        Self {
            id,
            fold: Fold::new(id),
            holding: None,
            held: Vec::new(),
        }
    }
}

fn covers(whose: &HeldBy, human: Option<&Human>, request: &Request) -> bool {
    match whose {
        HeldBy::Scope(scope) => request.terms.scope == *scope,
        HeldBy::Person(person) => {
            request.human.has(&IdentityKey::Id(person.clone()))
                || human.is_some_and(|human| human.is(&request.human))
        }
        HeldBy::Target(target) => is_in(request, target),
    }
}

fn is_in(request: &Request, target: &BackendName) -> bool {
    let mut layers = request.layers.iter();
    layers.any(|layer| layer.plan.backend == *target)
}
