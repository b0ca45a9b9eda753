//! What a decision took from the log about people, and whether a later entry changes that.

use crate::domain::{Actor, Event, Human, NameEvent, Username};

/// What a decision took from the log about people. Its commit is a conflict if a later entry says
/// something else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecidedOn {
    /// The last entry that was known.
    pub seq: u64,
    /// The people whom it is about, each with every identity that was known.
    pub people: Vec<Human>,
    /// Who is to hold more after it.
    pub holder: Option<Human>,
    /// Who is to have one more request pending after it.
    pub asker: Option<Human>,
    /// The name in the targets that is bound or released by it, as [`Username::folded`] gives it.
    pub name: Option<Username>,
}

/// What one entry says of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub(super) people: Vec<Human>,
    /// Who holds more after it.
    pub(super) holder: Option<Human>,
    /// Who has one more request pending after it.
    pub(super) asker: Option<Human>,
    pub(super) name: Option<Username>,
}

impl Told {
    /// What an event says whose request has this name in the targets; nothing if it says nothing.
    pub fn of_request(event: &Event, actor: &Actor, username: &Username) -> Option<Self> {
        let approver = |human: &Human| match actor {
            Actor::Person(id) => vec![Human::new(id, None).with(human)],
            Actor::Rule(_) | Actor::Keylend => Vec::new(),
        };
        let (mut people, mut holder, mut name) = (Vec::new(), None, None);
        let mut asker = None;
        match event {
            Event::Requested {
                requester,
                email,
                human,
                ..
            } => {
                let human = Human::new(requester, Some(email)).with(human);
                people.push(human.clone());
                asker = Some(human);
            }
            Event::ExtensionRequested { human, .. } => people.push(human.clone()),
            Event::ApprovalCounted { human, .. } => people.extend(approver(human)),
            Event::Extended {
                human, requester, ..
            } => {
                people.extend(approver(human));
                people.push(requester.clone());
            }
            Event::Approved {
                human, requester, ..
            } => {
                people.extend(approver(human));
                people.push(requester.clone());
                (holder, name) = (Some(requester.clone()), Some(username.folded()));
            }
            Event::Started { requester, .. } => {
                people.push(requester.clone());
                (holder, name) = (Some(requester.clone()), Some(username.folded()));
            }
            Event::LayerReappeared { requester, .. } => holder = Some(requester.clone()),
            _ => return None,
        }
        Some(Self {
            people,
            holder,
            asker,
            name,
        })
    }

    /// What is said of a name.
    pub fn of_name(event: &NameEvent) -> Self {
        let NameEvent::NameReleased { name, .. } = event;
        Self {
            people: Vec::new(),
            holder: None,
            asker: None,
            name: Some(name.folded()),
        }
    }
}

impl DecidedOn {
    /// Whether what a later entry says changes what was decided on: somebody has one more identity,
    /// holds more or waits for more, or the name was bound or released.
    pub fn is_changed_by(&self, told: &Told) -> bool {
        let has_more = |known: &Human| {
            let mut told = told.people.iter();
            told.any(|it| it.is(known) && it.keys().any(|key| !known.has(key)))
        };
        let is_same = |one: &Option<Human>, other: &Option<Human>| match (one, other) {
            (Some(one), Some(other)) => other.is(one),
            _ => false,
        };
        self.people.iter().any(has_more)
            || is_same(&self.holder, &told.holder)
            || is_same(&self.asker, &told.asker)
            || self.name.is_some() && self.name == told.name
    }
}
