//! An approval is committed, and only then is it asked whether its author may give it. Breaks
//! promise 1: nobody approves without authority, checked before the click counts.

use async_trait::async_trait;
use keylend::{
    broker::Broker,
    domain::{
        Actor, Command, Entitlement, Handle, Parties, PlannedGrant, PlannedLayer, Refusal, Request,
        RequestId, UserId, decide,
    },
    store::{Change, Commit, CommitError, Record},
};

use super::Mutant;

pub(super) struct ApprovesFirst;

#[async_trait]
impl Mutant for ApprovesFirst {
    async fn approve(
        &self,
        broker: &Broker,
        by: &UserId,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Refusal> {
        let before = broker.request(id).await?;
        let command = Command::Approve {
            by: Actor::Person(by.clone()),
            rules: Vec::new(),
            revision,
            parties: Parties::default(),
            grant: PlannedGrant {
                layers: plan(broker, &before)?,
                ..PlannedGrant::default()
            },
        };
        let now = before.asked_at;
        let mut after = before.clone();
        let events = decide(&before, command, now)?;
        events.iter().for_each(|event| after.apply(event));
        let change = Change {
            after: after.clone(),
            before: Some(before.version),
            records: events.iter().map(|event| Record::of(id, event)).collect(),
            cards: Vec::new(),
        };
        let commit = Commit {
            changes: vec![change],
            ..Commit::default()
        };
        match broker.store().commit(commit).await {
            Ok(_) => broker.may_approve(by, &after).await.map(|()| after),
            Err(CommitError::Conflict) => Err(Refusal::NotDue),
            Err(CommitError::Unavailable(error)) => {
                Err(Refusal::StoreUnavailable(error.to_string()))
            }
        }
    }
}

fn plan(broker: &Broker, request: &Request) -> Result<Vec<PlannedLayer>, Refusal> {
    let layers = broker.scope(&request.terms.scope)?.layers.iter();
    let plan = layers.enumerate().map(|(index, layer)| PlannedLayer {
        backend: layer.backend.clone(),
        params: layer.params.clone(),
        handle: Handle::new(format!("jit_{}_{index}", request.id)),
        entitlement: Entitlement::new(format!(
            "{}/{}/{}",
            layer.backend,
            layer.params["role"].as_str().unwrap_or_default(),
            request.username
        )),
    });
    Ok(plan.collect())
}
