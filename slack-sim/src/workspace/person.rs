//! People, and what they are to the workspace.

/// What somebody is to the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A full member.
    Member,
    /// A guest in several channels (`is_restricted`).
    Guest,
    /// A guest in one channel (`is_restricted` and `is_ultra_restricted`).
    SingleChannelGuest,
    /// Another app's bot.
    Bot,
    /// Somebody from another company, met in a Slack Connect channel.
    Stranger {
        /// The workspace they come from.
        team_id: String,
    },
    /// Somebody who has left (`deleted`).
    Deactivated,
}

/// A person, or a bot, as the workspace knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `U…` or `W…`.
    pub id: String,
    /// The handle, without `@`.
    pub name: String,
    /// The full name.
    pub real_name: String,
    /// The address.
    pub email: String,
    /// What `is_email_confirmed` says, default nothing: Slack's documentation does not know the
    /// field, and some answers have it.
    pub is_email_confirmed: Option<bool>,
    /// What they are to the workspace.
    pub kind: Kind,
    /// An IANA time zone, default `Etc/UTC`.
    pub tz: String,
    /// Whether their team is the organisation, `E…`, rather than this workspace, default no.
    /// Without [`Workspace::enterprise`](crate::Workspace::enterprise) it means nothing.
    pub is_of_organisation: bool,
}

impl Person {
    /// A person of `kind` whose email is `name@example.com` and whose full name is the handle.
    pub fn new(id: impl Into<String>, name: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        Self {
            id: id.into(),
            real_name: name.clone(),
            email: format!("{name}@example.com"),
            is_email_confirmed: None,
            name,
            kind,
            tz: "Etc/UTC".into(),
            is_of_organisation: false,
        }
    }

    /// A full member.
    pub fn member(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(id, name, Kind::Member)
    }

    /// A guest in several channels.
    pub fn guest(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self::new(id, name, Kind::Guest)
    }

    /// A person of another workspace.
    pub fn stranger(
        id: impl Into<String>,
        name: impl Into<String>,
        team_id: impl Into<String>,
    ) -> Self {
        let team_id = team_id.into();
        Self::new(id, name, Kind::Stranger { team_id })
    }

    /// The same person with this full name.
    pub fn real_name(mut self, real_name: impl Into<String>) -> Self {
        self.real_name = real_name.into();
        self
    }

    /// The same person with this address.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = email.into();
        self
    }

    /// The same person in this time zone.
    pub fn tz(mut self, tz: impl Into<String>) -> Self {
        self.tz = tz.into();
        self
    }

    /// The same person, whose team is the organisation: Slack then gives its `E…` id where others
    /// have a `T…`.
    pub fn of_organisation(mut self) -> Self {
        self.is_of_organisation = true;
        self
    }

    /// Whether they belong to another workspace.
    pub fn is_stranger(&self) -> bool {
        matches!(self.kind, Kind::Stranger { .. })
    }
}
