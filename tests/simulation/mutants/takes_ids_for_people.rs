//! Every account counts as a person of its own. Breaks promises 1, 6 and 7: a person is a human, not
//! a Slack id.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use keylend::{
    directory::{FactsUnavailable, PeopleSource, Profile},
    domain::{Email, UserId},
};

use super::Mutant;

pub(super) struct TakesIdsForPeople;

impl Mutant for TakesIdsForPeople {
    fn people(&self, people: Arc<dyn PeopleSource>) -> Arc<dyn PeopleSource> {
        Arc::new(Apart(people))
    }
}

/// People of whom no two have one address.
struct Apart(Arc<dyn PeopleSource>);

#[async_trait]
impl PeopleSource for Apart {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        let profile = self.0.profile(id).await?;
        Ok(profile.map(|profile| Profile {
            email: Some(Email::new(format!("{id}@example.com"))),
            ..profile
        }))
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        self.0.usergroup(id).await
    }
}
