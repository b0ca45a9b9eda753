//! A group whose members Slack does not say is taken for one of somebody else's. Breaks promise 7: a grant
//! ends because its holder left only if they did.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use keylend::{
    directory::{FactsUnavailable, PeopleSource, Profile},
    domain::UserId,
};

use super::Mutant;

pub(super) struct TakesSilenceForNo;

impl Mutant for TakesSilenceForNo {
    fn people(&self, people: Arc<dyn PeopleSource>) -> Arc<dyn PeopleSource> {
        Arc::new(Silenced(people))
    }
}

struct Silenced(Arc<dyn PeopleSource>);

#[async_trait]
impl PeopleSource for Silenced {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        self.0.profile(id).await
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        let members = self.0.usergroup(id).await;
        Ok(members.unwrap_or_else(|_| BTreeSet::from([UserId::new("U0SOMEBODY")])))
    }
}
