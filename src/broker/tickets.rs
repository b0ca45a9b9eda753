//! Asking whether the ticket of a request is open, and ending what was granted under one that is not any more.

use super::{Broker, Error, end::keeps_no_other};
use crate::{
    domain::{
        Actor, Command, EndCause, Person, Refusal, Request, Scope, TicketProblem, TicketRead,
    },
    tickets::{TicketStatus, Tickets},
};

impl Broker {
    /// The same, with the tracker that knows about tickets.
    #[must_use]
    pub fn with_tickets(mut self, tickets: Option<Tickets>) -> Self {
        self.tickets = tickets;
        self
    }

    /// Whether requests for any scope need an open ticket.
    pub fn has_tickets(&self) -> bool {
        self.tickets.is_some()
    }

    /// Asks the tracker about the ticket of a request for `scope`. Nothing if the scope needs no open ticket.
    pub(super) async fn open_ticket(
        &self,
        scope: &Scope,
        ticket: Option<&str>,
        requester: &Person,
    ) -> Result<Option<TicketRead>, Error> {
        let Some(tickets) = self.tickets.as_ref().filter(|it| it.covers(&scope.id)) else {
            return Ok(None);
        };
        match tickets.check(ticket, requester.email.as_ref()).await {
            Ok(read) => Ok(Some(read)),
            Err(problem) => {
                if let TicketProblem::Unavailable(error) = &problem {
                    tracing::warn!(%error, "failed to look a ticket up; the answer is no");
                }
                Err(Refusal::Ticket(problem).into())
            }
        }
    }

    /// The same for a request or an extension that `requester` asks for. Each look-up takes from what the tracker
    /// allows, so those that are refused are limited.
    pub(super) async fn open_ticket_to_ask(
        &self,
        scope: &Scope,
        ticket: Option<&str>,
        requester: &Person,
    ) -> Result<Option<TicketRead>, Error> {
        if !self.tickets.as_ref().is_some_and(|it| it.covers(&scope.id)) {
            return Ok(None);
        }
        let human = &requester.human;
        self.refused_tickets.begin(human, self.now())?;
        let read = self.open_ticket(scope, ticket, requester).await;
        match &read {
            Ok(_)
            | Err(Error::Refused(Refusal::Ticket(
                TicketProblem::Missing | TicketProblem::Malformed,
            ))) => self.refused_tickets.take_back(human),
            Err(_) => {}
        }
        read
    }

    /// The ticket on which a grant depends: its scope needs an open ticket, and did when it was approved.
    pub fn ticket_behind<'a>(&self, grant: &'a Request) -> Option<&'a str> {
        let tickets = self.tickets.as_ref()?;
        let depends = tickets.covers(&grant.terms.scope) && grant.facts.ticket_read.is_some();
        grant.terms.ticket.as_deref().filter(|_| depends)
    }

    /// What the tracker says of a ticket now. Only a definite answer is one.
    ///
    /// # Errors
    ///
    /// If that is not known.
    pub async fn ticket_status(&self, ticket: &str) -> Result<TicketStatus, TicketProblem> {
        match &self.tickets {
            Some(tickets) => tickets.status(ticket).await,
            None => Err(TicketProblem::Unavailable("there is no tracker".to_owned())),
        }
    }

    /// Ends a grant whose ticket is closed or, with `deleted`, not there any more.
    ///
    /// # Errors
    ///
    /// The store's trouble.
    pub async fn end_for_ticket(&self, grant: &Request, deleted: bool) -> Result<(), Error> {
        let command = Command::End {
            by: Actor::Keylend,
            rules: Vec::new(),
            cause: EndCause::TicketClosed { deleted },
        };
        match self.act(None, grant.id, command).await {
            Ok(_) => Ok(()),
            Err(error) if keeps_no_other(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
