//! What the page shows beside Slack.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the page shows beside the workspace. From [`Sim::furnish`](crate::Sim::furnish).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The page's title; the workspace's name if it is empty.
    pub title: String,
    /// A page of this machine that is shown beside Slack.
    pub beside: Option<Beside>,
    /// Who is at the keyboard at first, and in which channel.
    pub start: Option<Start>,
    /// What people do in the company, in a word or two, by their ids: shown with their names.
    #[serde(default)]
    pub roles: BTreeMap<String, String>,
    /// What to try, step by step.
    pub tour: Vec<Step>,
}

/// A page beside Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// What it is called.
    pub title: String,
    /// Where it is: `http://127.0.0.1:…`.
    pub url: String,
}

/// Where a visit begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The id of a person.
    pub person: String,
    /// The id of a channel they are in.
    pub channel: String,
}

/// One step of a guided tour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    title: String,
    text: String,
    person: Option<String>,
    place: Option<String>,
    draft: Option<String>,
    #[serde(default)]
    skips: Vec<u32>,
    #[serde(default)]
    beside: bool,
    until: Option<Until>,
}

/// What a person has to see for a step to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Until {
    person: String,
    says: String,
}

impl Step {
    /// A step that says what to try.
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
            ..Self::default()
        }
    }

    /// The same step, played as this person in a channel, in their `dm` with the app or in its
    /// `home`.
    pub fn shows(mut self, person: impl Into<String>, place: impl Into<String>) -> Self {
        self.person = Some(person.into());
        self.place = Some(place.into());
        self
    }

    /// The same step, with this text to be sent.
    pub fn types(mut self, draft: impl Into<String>) -> Self {
        self.draft = Some(draft.into());
        self
    }

    /// The same step, which offers to skip these minutes one after the other, and the last of them
    /// again for as long as the step is not done. The clock has to be one that
    /// [moves](crate::Sim::let_time_be_moved).
    pub fn skips(mut self, minutes: impl Into<Vec<u32>>) -> Self {
        self.skips = minutes.into();
        self
    }

    /// The same step, played on the page [beside](Page::beside) Slack: on a narrow screen it comes to
    /// the front.
    pub fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    /// The same step, done once this person sees something new that says `says`.
    pub fn until(mut self, person: impl Into<String>, says: impl Into<String>) -> Self {
        let (person, says) = (person.into(), says.into());
        self.until = Some(Until { person, says });
        self
    }
}
