//! Asking back: what an approver may ask, and what the requester may answer.

use super::{Question, Refusal, Request};

impl Request {
    /// The question with this number, from 1.
    pub fn question(&self, number: u32) -> Option<&Question> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.questions.get(index)
    }

    /// The questions that wait for an answer, with their numbers, oldest first. None once what they are about
    /// was decided.
    pub fn open_questions(&self) -> impl Iterator<Item = (u32, &Question)> {
        let numbered = (1..).zip(&self.questions);
        numbered.filter(|(_, question)| self.waits_for(question))
    }

    fn waits_for(&self, question: &Question) -> bool {
        let asks_for_more = self.extension.is_some();
        let is_current = match question.for_extension {
            true => asks_for_more && question.revision == self.revision,
            // The terms of a request that waits may be revised meanwhile.
            false => !asks_for_more && self.awaits_decision(),
        };
        is_current && !question.is_answered
    }
}

/// The number and the words of the question of somebody who may ask it.
pub(super) fn ask(request: &Request, text: &str) -> Result<(u32, String), Refusal> {
    let asked = request.questions.len();
    if asked >= Question::MOST {
        return Err(Refusal::TooManyQuestions);
    }
    if request.open_questions().count() >= Question::MOST_OPEN {
        return Err(Refusal::TooManyOpenQuestions);
    }
    let number = u32::try_from(asked + 1).unwrap_or(u32::MAX);
    Ok((number, bounded(text)?))
}

/// The words of the requester's answer.
pub(super) fn answer(request: &Request, number: u32, text: &str) -> Result<String, Refusal> {
    if !request.open_questions().any(|(open, _)| open == number) {
        return Err(Refusal::NoOpenQuestion);
    }
    bounded(text)
}

fn bounded(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        1..=Question::LONGEST => Ok(text.to_owned()),
        _ => Err(Refusal::TextLength),
    }
}
