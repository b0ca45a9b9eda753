//! Approving for less time than what is asked for.

use super::{Broker, Error, Intent, refused_attempts::attempted_on};
use crate::domain::{Attempted, Refusal, Request, RequestId, Span};

/// The durations that an approver chooses from, in minutes.
const CHOICES: [u32; 14] = [1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 240, 480, 720, 1440];

impl Broker {
    /// Whether this person could approve `revision` of the request now: asked before they are asked for how
    /// long.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn may_approve_shorter(
        &self,
        intent: &Intent,
        id: RequestId,
        revision: u32,
    ) -> Result<Request, Error> {
        let request = self.revise(id).await?;
        let refused = |refusal: &Refusal| {
            let on = attempted_on(&request);
            self.note_refused(intent, Attempted::Approve, on, refusal);
        };
        self.evaluate(intent.by(), &request, revision, None, false, refused)
            .await?;
        Ok(request)
    }

    /// The usual durations that are shorter than what is asked for, shortest first; none if it is as short
    /// as it can be.
    pub fn shorter_durations(&self, request: &Request) -> Vec<Span> {
        let (min, asked) = (self.parts.limits.min_duration, request.asked_duration());
        let choices = CHOICES.map(Span::minutes).into_iter();
        choices.filter(|it| min <= *it && *it < asked).collect()
    }
}
