//! App Homes, and what each asks its person to decide.

use std::collections::{BTreeMap, BTreeSet};

use keylend::{
    domain::{RequestId, Time, UserId},
    store::{Home, Published, Whose},
};

/// The Homes of those who opened theirs.
#[derive(Default)]
pub(super) struct Homes(BTreeMap<UserId, Row>);

struct Row {
    home: Home,
    due_at: Option<Time>,
    asks: BTreeSet<RequestId>,
}

impl Row {
    fn touch(&mut self, at: Time) {
        self.home.touched += 1;
        self.due_at = Some(self.due_at.map_or(at, |due_at| due_at.min(at)));
    }
}

impl Homes {
    pub(super) fn opened(&mut self, person: &UserId, now: Time) {
        let row = self.0.entry(person.clone()).or_insert_with(|| Row {
            home: Home {
                person: person.clone(),
                shown: None,
                touched: 0,
                failures: 0,
            },
            due_at: None,
            asks: BTreeSet::new(),
        });
        row.home.shown = None;
        row.touch(now);
    }

    pub(super) fn touch(&mut self, whose: &Whose, at: Time) {
        for (person, row) in &mut self.0 {
            let touched = match whose {
                Whose::Of(people) => people.contains(person),
                Whose::Showing { person: of, shown } => {
                    person == of && row.home.shown.as_ref() == Some(shown)
                }
                Whose::Asked => !row.asks.is_empty(),
            };
            if touched {
                row.touch(at);
            }
        }
    }

    /// The requester's, and those that ask about what `asked` says.
    pub(super) fn touch_by(
        &mut self,
        requester: &UserId,
        asked: impl Fn(&RequestId) -> bool,
        at: Time,
    ) {
        for (person, row) in &mut self.0 {
            if person == requester || row.asks.iter().any(&asked) {
                row.touch(at);
            }
        }
    }

    pub(super) fn due(&self, now: Time) -> Option<Home> {
        let due = self
            .0
            .values()
            .filter(|row| row.due_at.is_some_and(|at| at <= now));
        due.min_by_key(|row| (row.home.shown.is_some(), row.due_at))
            .map(|row| row.home.clone())
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &UserId> {
        self.0.keys()
    }

    /// Whether none is due, now or later.
    pub(super) fn rest(&self) -> bool {
        self.0.values().all(|row| row.due_at.is_none())
    }

    pub(super) fn next(&self, now: Time) -> Option<Time> {
        let due = self.0.values().filter_map(|row| row.due_at);
        due.filter(|at| *at > now).min()
    }

    /// Whether there is such a Home. A question that is new may have been answered while nobody
    /// knew that it was asked: then the log must not have moved for the Home to rest.
    pub(super) fn shown(&mut self, head: u64, home: &Home, published: &Published) -> bool {
        let Some(row) = self.0.get_mut(&home.person) else {
            return false;
        };
        let may_rest = published.asks.is_subset(&row.asks) || head == published.seen;
        if row.home.shown == home.shown {
            row.home.shown = Some(published.shown.clone());
        }
        row.home.failures = match published.again {
            Some(_) => row.home.failures + 1,
            None => 0,
        };
        if may_rest && row.home.touched == home.touched {
            row.due_at = published.again;
        }
        row.asks.clone_from(&published.asks);
        true
    }

    /// Whether there is such a Home.
    pub(super) fn failed(&mut self, home: &Home, retry_at: Option<Time>) -> bool {
        let Some(row) = self.0.get_mut(&home.person) else {
            return false;
        };
        row.home.failures += 1;
        if retry_at.is_some() || row.home.touched == home.touched {
            row.due_at = retry_at;
        }
        true
    }
}
