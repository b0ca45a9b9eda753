//! Asking back: an approver asks the requester a question before deciding, and the requester answers. Neither
//! decides anything.

use super::{Broker, Error, Intent};
use crate::{
    domain::{Attempted, Command, Request, RequestId, decide},
    policy::Action,
};

/// Stands for the text while nobody has typed one.
const SOME_TEXT: &str = "a text";

impl Broker {
    /// Asks the requester a question about what `revision` of the request shows. Who may approve or deny it now
    /// may ask.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn ask_question(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
        text: &str,
    ) -> Result<Request, Error> {
        self.settle(Some(intent), id, async |request| {
            let command = self.asking(intent, &request, revision, text).await?;
            Ok(self.change_alone(intent, Attempted::AskQuestion, &request, command)?)
        })
        .await
    }

    /// Whether this person could ask a question now: asked before they type it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_ask_question(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        let request = self.request(id).await?;
        let command = self.asking(intent, &request, revision, SOME_TEXT).await?;
        let asked = decide(&request, command, self.now());
        self.noted(intent, Attempted::AskQuestion, &request, asked)?;
        Ok(request)
    }

    /// Answers the question with this number as the requester.
    ///
    /// # Errors
    ///
    /// Why not; nothing has changed.
    pub async fn answer_question(
        &self,
        intent: &Intent,
        id: RequestId,
        number: u32,
        text: &str,
    ) -> Result<Request, Error> {
        self.settle(Some(intent), id, async |request| {
            let command = self.answering(intent, &request, number, text).await?;
            Ok(self.change_alone(intent, Attempted::AnswerQuestion, &request, command)?)
        })
        .await
    }

    /// Whether this person could answer that question now: asked before they type the answer.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_answer_question(
        &self,
        intent: &Intent,
        id: RequestId,
        number: u32,
    ) -> Result<Request, Error> {
        let request = self.request(id).await?;
        let command = self.answering(intent, &request, number, SOME_TEXT).await?;
        let answered = decide(&request, command, self.now());
        self.noted(intent, Attempted::AnswerQuestion, &request, answered)?;
        Ok(request)
    }

    async fn asking(
        &self,
        intent: &Intent,
        request: &Request,
        revision: u32,
        text: &str,
    ) -> Result<Command, Error> {
        let by = intent.by();
        let (person, rules) = self.authority(Action::Deny, by, request).await?;
        let rules = match rules {
            // A rule may let somebody approve who can't deny.
            Err(refusal) => match self.may_approve(by, request).await {
                Ok(()) => Ok(Vec::new()),
                Err(Error::Refused(_)) => Err(refusal),
                Err(error) => return Err(error),
            },
            allowed => allowed,
        };
        let rules = self.noted(intent, Attempted::AskQuestion, request, rules)?;
        self.check_decider_email(&person)?;
        Ok(Command::AskQuestion {
            by: by.clone(),
            human: person.human,
            rules,
            revision,
            text: text.to_owned(),
        })
    }

    async fn answering(
        &self,
        intent: &Intent,
        request: &Request,
        number: u32,
        text: &str,
    ) -> Result<Command, Error> {
        let by = intent.by();
        let human = self.human_beside(by, &request.requester).await?;
        Ok(Command::AnswerQuestion {
            by: by.clone(),
            human,
            number,
            text: text.to_owned(),
        })
    }
}
