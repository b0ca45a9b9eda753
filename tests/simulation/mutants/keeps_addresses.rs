//! The address that somebody had first is theirs for ever. Breaks promise 1: whoever takes the address
//! of a second account before they approve with it is the human who has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use keylend::{
    directory::{FactsUnavailable, PeopleSource, Profile},
    domain::{Email, UserId},
};

use super::Mutant;

pub(super) struct KeepsAddresses;

impl Mutant for KeepsAddresses {
    fn people(&self, people: Arc<dyn PeopleSource>) -> Arc<dyn PeopleSource> {
        let addresses = Mutex::default();
        Arc::new(Kept { people, addresses })
    }
}

struct Kept {
    people: Arc<dyn PeopleSource>,
    addresses: Mutex<BTreeMap<UserId, Option<Email>>>,
}

#[async_trait]
impl PeopleSource for Kept {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        let profile = self.people.profile(id).await?;
        let mut addresses = self.addresses.lock().unwrap();
        Ok(profile.map(|profile| {
            let first = addresses.entry(id.clone()).or_insert(profile.email);
            Profile {
                email: first.clone(),
                ..profile
            }
        }))
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        self.people.usergroup(id).await
    }
}
