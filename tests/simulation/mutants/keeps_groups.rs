//! Who is in a group is asked every three minutes. Breaks promise 1: whoever is put out of a group goes on
//! to approve; and promise 7 where they go on to hold access.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    directory::{FactsUnavailable, PeopleSource, Profile},
    domain::UserId,
};
use tokio::time::Instant;

use super::Mutant;

const KEPT: Duration = Duration::from_secs(180);

pub(super) struct KeepsGroups;

impl Mutant for KeepsGroups {
    fn people(&self, people: Arc<dyn PeopleSource>) -> Arc<dyn PeopleSource> {
        let groups = Mutex::default();
        Arc::new(Kept { people, groups })
    }
}

struct Kept {
    people: Arc<dyn PeopleSource>,
    groups: Mutex<BTreeMap<String, (Instant, BTreeSet<UserId>)>>,
}

#[async_trait]
impl PeopleSource for Kept {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        self.people.profile(id).await
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        let known = self.groups.lock().unwrap().get(id).cloned();
        if let Some((_, members)) = known.filter(|(at, _)| at.elapsed() < KEPT) {
            return Ok(members);
        }
        let members = self.people.usergroup(id).await?;
        let mut groups = self.groups.lock().unwrap();
        groups.insert(id.to_owned(), (Instant::now(), members.clone()));
        Ok(members)
    }
}
