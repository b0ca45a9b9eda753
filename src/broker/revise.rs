//! Keeping what waits for its decision in step with the catalogue.

use super::{Broker, Error, single_change};
use crate::{
    domain::{Command, Refusal, Request, RequestId, State},
    store::OpenPages,
};

/// Open requests that are looked at at a time.
const PAGE: u32 = 100;

impl Broker {
    /// Brings a request that waits for its decision up to date with the catalogue: today's title,
    /// risk and layers (which make a new revision), the shorter duration, the larger number of
    /// approvals. A request that is up to date, or does not wait, stays as it is.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSuchRequest`], or the store's trouble.
    pub async fn revise(&self, id: RequestId) -> Result<Request, Error> {
        let request = self.request(id).await?;
        let change = |request: &Request| match self.revised(request) {
            Some(command) => self.change(request, command),
            None => Err(Refusal::NotDue),
        };
        if let Err(Refusal::NotDue) = change(&request) {
            return Ok(request);
        }
        let revised = self
            .settle_unchanged(None, id, async |request| {
                Ok(single_change(change(&request)?))
            })
            .await;
        match revised {
            // Another replica was faster.
            Err(Error::Refused(Refusal::NotDue)) => self.request(id).await,
            revised => revised,
        }
    }

    /// Brings everything that waits for its decision up to date with the catalogue.
    ///
    /// # Errors
    ///
    /// The store's trouble; what was revised before stays so.
    pub async fn revise_all(&self) -> Result<(), Error> {
        let mut pages = OpenPages::new(&*self.store, PAGE).only(Request::awaits_decision);
        while let Some(requests) = pages.next().await? {
            for request in requests {
                match self.revise(request.id).await {
                    Ok(_) => {}
                    // It is not decided; an alert says so.
                    Err(Error::Contradicted(_) | Error::Refused(Refusal::NoSuchRequest(_))) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// The command that brings the request up to date; nothing where there is nothing to change.
    fn revised(&self, request: &Request) -> Option<Command> {
        let scope = self.parts.catalogue.get(&request.terms.scope)?;
        if !request.awaits_decision() || request.texts_missing {
            return None;
        }
        let terms = match request.state {
            State::Pending { .. } => request.terms.revised(scope),
            // What is granted already stays as it was approved.
            _ => request.terms.clone(),
        };
        let approvals_needed = scope.approvals.get();
        Some(Command::Revise {
            terms,
            approvals_needed,
            stages: scope.stages.clone(),
        })
    }
}
