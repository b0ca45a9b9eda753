//! What came of a submitted form.

use serde_json::json;

use crate::slack::{
    ingress::Answer,
    view::{modal, text},
};

/// What came of a submitted form.
pub(in crate::slack) struct FormOutcome {
    /// What Slack is answered while the form is open.
    pub(in crate::slack) answer: Answer,
    /// The same as a message, in `mrkdwn`, for a person who no longer has the form open.
    pub(in crate::slack) message: String,
}

impl FormOutcome {
    /// It is done, and the form closes.
    pub(in crate::slack) fn done(message: String) -> Self {
        let answer = Answer::Received;
        Self { answer, message }
    }

    /// A field is wrong, and the form stays. `sentence` is plain text.
    pub(in crate::slack) fn invalid(field: &str, sentence: &str) -> Self {
        let errors = json!({ field: sentence });
        Self {
            answer: Answer::Show(json!({ "response_action": "errors", "errors": errors })),
            message: format!("Nothing changed. {}", text::escape(sentence, 1000)),
        }
    }

    /// It cannot be done whatever is typed: `sentence`, in `mrkdwn`, takes the form's place.
    pub(in crate::slack) fn refused(sentence: String) -> Self {
        Self::shown("Not done", sentence)
    }

    /// What came of it, in `mrkdwn`, takes the form's place under this title.
    pub(in crate::slack) fn shown(title: &str, told: String) -> Self {
        let notice = modal::notice(title, &told);
        Self {
            answer: Answer::Show(json!({ "response_action": "update", "view": notice })),
            message: told,
        }
    }
}
