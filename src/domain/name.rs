//! To whom a name in the targets belongs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Human, Refusal, Username};

/// The people who have been granted access under one name, by any target.
///
/// The first approval binds a name to its requester, and it stays theirs when their address
/// changes. An administrator releases it. A name that two people have used is contested: nobody
/// is granted anything under it until it is released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeSet<Human>", from = "BTreeSet<Human>")]
pub struct NameOwners(BTreeSet<Human>);

impl From<NameOwners> for BTreeSet<Human> {
    fn from(owners: NameOwners) -> Self {
        owners.0
    }
}

impl From<BTreeSet<Human>> for NameOwners {
    /// Sets that share an identity are one human's.
    fn from(humans: BTreeSet<Human>) -> Self {
        let mut owners = Self::default();
        humans.iter().for_each(|human| owners.bind(human));
        owners
    }
}

impl NameOwners {
    /// Adds a person who was granted access under the name. What is known of one human is kept
    /// together.
    pub fn bind(&mut self, human: &Human) {
        let owners = std::mem::take(&mut self.0);
        let (theirs, others): (BTreeSet<_>, _) =
            owners.into_iter().partition(|owner| owner.is(human));
        self.0 = others;
        self.0
            .insert(theirs.iter().fold(human.clone(), Human::with));
    }

    /// Whether nobody has been granted anything under the name.
    pub fn is_free(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses `name` to everybody but the one person it belongs to.
    ///
    /// # Errors
    ///
    /// [`Refusal::NameContested`] or [`Refusal::NameBound`].
    pub fn admit(&self, name: &Username, human: &Human) -> Result<(), Refusal> {
        match self.0.len() {
            // Two who turn out to be one person are one owner.
            _ if self.0.iter().all(|owner| owner.is(human)) => Ok(()),
            1 => Err(Refusal::NameBound(name.clone())),
            _ => Err(Refusal::NameContested(name.clone())),
        }
    }
}

/// What the log says of names, besides the approvals that bind them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum NameEvent {
    /// An administrator released a name; the next approval binds it again.
    NameReleased {
        /// The name.
        name: Username,
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Email, UserId};

    fn human(id: &str, email: &str) -> Human {
        Human::new(&UserId::new(id), Some(&Email::new(email)))
    }

    #[test]
    fn a_name_belongs_to_the_first_person_who_is_granted_it() {
        let name = Username::new("bob");
        let bob = human("U0BOB", "bob@example.com");
        let mut owners = NameOwners::default();
        assert!(owners.is_free());
        assert_eq!(owners.admit(&name, &bob), Ok(()));
        owners.bind(&bob);
        let contractor = human("U0CONTRACTOR", "bob@contractor.example");
        assert_eq!(
            owners.admit(&name, &contractor),
            Err(Refusal::NameBound(name.clone()))
        );

        // Bob changes his address, then his account; the name stays his.
        let renamed = human("U0BOB", "robert@example.com");
        assert_eq!(owners.admit(&name, &renamed), Ok(()));
        owners.bind(&renamed);
        assert_eq!(owners.admit(&name, &bob), Ok(()));
        assert_eq!(
            owners.admit(&name, &human("W0BOB", "Robert@example.com")),
            Ok(())
        );
    }

    #[test]
    fn a_name_that_two_people_have_used_is_refused_to_both() {
        let name = Username::new("app");
        let (one, other) = (
            human("U0ONE", "app@example.com"),
            human("U0OTHER", "app@other.example"),
        );
        let mut owners = NameOwners::default();
        owners.bind(&one);
        owners.bind(&other);
        for human in [&one, &other] {
            assert_eq!(
                owners.admit(&name, human),
                Err(Refusal::NameContested(name.clone()))
            );
        }
        // It turns out that they are one person.
        let both = human("U0ONE", "app@other.example");
        assert_eq!(owners.admit(&name, &both), Ok(()));
        owners.bind(&both);
        assert_eq!(owners.admit(&name, &one), Ok(()));
    }
}
