//! What was once learnt of a person is never asked again. Breaks promise 1: authority is checked on
//! fresh facts, also of whoever lost it a minute ago.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use keylend::{
    directory::{FactsUnavailable, PeopleSource, Profile},
    domain::UserId,
};

use super::Mutant;

pub(super) struct StaleFacts;

impl Mutant for StaleFacts {
    fn people(&self, people: Arc<dyn PeopleSource>) -> Arc<dyn PeopleSource> {
        Arc::new(Remembered {
            people,
            profiles: Mutex::default(),
            groups: Mutex::default(),
        })
    }
}

struct Remembered {
    people: Arc<dyn PeopleSource>,
    profiles: Mutex<BTreeMap<UserId, Option<Profile>>>,
    groups: Mutex<BTreeMap<String, BTreeSet<UserId>>>,
}

#[async_trait]
impl PeopleSource for Remembered {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        let known = self.profiles.lock().unwrap().get(id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let profile = self.people.profile(id).await?;
        let mut profiles = self.profiles.lock().unwrap();
        profiles.insert(id.clone(), profile.clone());
        Ok(profile)
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        let known = self.groups.lock().unwrap().get(id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let members = self.people.usergroup(id).await?;
        let mut groups = self.groups.lock().unwrap();
        groups.insert(id.to_owned(), members.clone());
        Ok(members)
    }
}
