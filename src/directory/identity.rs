//! Which addresses count, what a person is called in the targets, and which Slack ids are one
//! person: `[identity]` and `[people]` of the configuration, applied to what Slack says.
//!
//! A name in a target opens what its owner may open, so it is never guessed. It comes from
//! `[people]`, or from an address of a listed domain: two addresses never give one name, and an
//! address with characters that a target could read as anything but a name gives none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Confirmed, Profile};
use crate::domain::{Email, Human, IdentityKey, NoUsername, UserId, Username};

/// What the configuration says about who people are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identities {
    domains: Vec<String>,
    require_confirmed: bool,
    people: BTreeMap<String, PersonEntry>,
    /// The entry that lists each id.
    entries: BTreeMap<UserId, String>,
}

/// One of `[people]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonEntry {
    /// The name in the targets, if it is not derived from the address.
    pub username: Option<Username>,
    /// Every Slack id of this person.
    pub slack_ids: BTreeSet<UserId>,
}

impl Identities {
    /// `domains` are the domains whose addresses count although Slack does not say whether they
    /// are confirmed; the first one's addresses give their local part as the name in the targets.
    /// `people` are the entries of `[people]` by their names; an id is in one of them at most.
    pub fn new(
        domains: Vec<String>,
        require_confirmed: bool,
        people: BTreeMap<String, PersonEntry>,
    ) -> Self {
        let ids = |(name, entry): (&String, &PersonEntry)| {
            let name = name.clone();
            let ids = entry.slack_ids.clone().into_iter();
            ids.map(move |id| (id, name.clone())).collect::<Vec<_>>()
        };
        Self {
            entries: people.iter().flat_map(ids).collect(),
            domains,
            require_confirmed,
            people,
        }
    }

    /// The person's address, if it counts: Slack says that it is confirmed, or says nothing and
    /// the address is of a listed domain.
    pub(super) fn address(&self, profile: &Profile) -> Option<Email> {
        let email = profile.email.as_ref()?;
        let (_, domain) = parts(email)?;
        let counts = match profile.confirmed {
            Confirmed::Yes => true,
            Confirmed::No => false,
            Confirmed::Unsaid => !self.require_confirmed && self.place_of(domain).is_some(),
        };
        counts.then(|| email.clone())
    }

    /// The login in the targets of the person with this id and this confirmed address.
    ///
    /// Names derived from an address are in lower case: Slack keeps an address as it was typed,
    /// and the login is the same.
    ///
    /// # Errors
    ///
    /// If the person has no login, with the reason.
    pub fn username(&self, id: &UserId, email: Option<&Email>) -> Result<Username, NoUsername> {
        let entry = self.entries.get(id);
        if let Some(listed) = entry.and_then(|entry| self.people[entry].username.as_ref()) {
            return Ok(listed.clone());
        }
        let (local, domain) = email.and_then(parts).ok_or(NoUsername::NoAddress)?;
        let place = self.place_of(domain);
        if place.is_none() && !self.domains.is_empty() {
            return Err(NoUsername::OtherDomain(domain.to_owned()));
        }
        if !is_safe(local) || !is_safe(domain) {
            return Err(NoUsername::UnexpectedCharacters);
        }
        let name = match place {
            Some(0) => local.to_ascii_lowercase(),
            _ => format!("{local}@{domain}").to_ascii_lowercase(),
        };
        let is_taken = self.people.iter().any(|(other, listed)| {
            let listed = listed.username.as_ref().map(Username::as_str);
            Some(other) != entry && listed.is_some_and(|it| it.eq_ignore_ascii_case(&name))
        });
        match is_taken {
            true => Err(NoUsername::Listed),
            false => Ok(Username::new(name)),
        }
    }

    /// The person with this id and this address, with all that `[people]` says of them.
    pub fn human(&self, id: &UserId, email: Option<&Email>) -> Human {
        let human = Human::new(id, email);
        match self.entries.get(id) {
            Some(entry) => human.with(&self.entry(entry)),
            None => human,
        }
    }

    fn entry(&self, name: &str) -> Human {
        let ids = self.people.get(name).map(|entry| &entry.slack_ids);
        let ids = ids.into_iter().flatten().cloned().map(IdentityKey::Id);
        ids.chain([IdentityKey::Person(name.to_owned())]).collect()
    }

    /// Where the domain stands in the list.
    fn place_of(&self, domain: &str) -> Option<usize> {
        let is_it = |listed: &String| listed.eq_ignore_ascii_case(domain);
        self.domains.iter().position(is_it)
    }
}

/// What stands before and behind the last `@`, if there is something.
fn parts(email: &Email) -> Option<(&str, &str)> {
    let (local, domain) = email.as_str().rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty()).then_some((local, domain))
}

/// Whether a target reads this as a name and nothing else: ASCII letters, digits, `.`, `_` and
/// `-`, and no path or option (`..`, `-rf`) because it begins with a letter, a digit or `_`. A
/// `+tag` is not part of it: mail for `alice+x` goes to `alice`, who is somebody else in a target.
fn is_safe(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Standing;

    fn identities(require_confirmed: bool) -> Identities {
        let alice = PersonEntry {
            username: Some(Username::new("alice.l")),
            slack_ids: [UserId::new("U0ALICE"), UserId::new("W0ALICE")].into(),
        };
        let dave = PersonEntry {
            username: None,
            slack_ids: [UserId::new("U0DAVE"), UserId::new("W0DAVE")].into(),
        };
        let people = [("alice".to_owned(), alice), ("dave".to_owned(), dave)];
        let domains = ["example.com", "sub.example.org"].map(str::to_owned);
        Identities::new(domains.into(), require_confirmed, people.into())
    }

    fn address(of: &Identities, email: &str, confirmed: Confirmed) -> Option<Email> {
        of.address(&Profile {
            id: UserId::new("U0BOB"),
            name: "bob".to_owned(),
            standing: Standing::Member,
            email: Some(Email::new(email)),
            confirmed,
            time_zone: None,
        })
    }

    fn username(id: &str, email: &str) -> Result<String, NoUsername> {
        let name = identities(false).username(&UserId::new(id), Some(&Email::new(email)));
        name.map(|name| name.to_string())
    }

    #[test]
    fn an_address_counts_if_slack_says_so_or_says_nothing_and_its_domain_is_listed() {
        let (lax, strict) = (identities(false), identities(true));
        let none = Identities::default();
        for email in ["bob@example.com", "bob@EXAMPLE.com", "bob@sub.example.org"] {
            assert!(address(&lax, email, Confirmed::Unsaid).is_some(), "{email}");
            assert_eq!(address(&strict, email, Confirmed::Unsaid), None);
            assert_eq!(address(&none, email, Confirmed::Unsaid), None);
            assert_eq!(address(&lax, email, Confirmed::No), None);
            assert!(address(&strict, email, Confirmed::Yes).is_some());
        }
        for email in [
            "bob@other.example",
            "bob@sub.example.com",
            "bob@notexample.com",
            "bob@example.com.",
            "bob@example.com@other.example",
            "bob@example.\u{212a}om",
        ] {
            assert_eq!(address(&lax, email, Confirmed::Unsaid), None, "{email}");
            assert!(address(&lax, email, Confirmed::Yes).is_some(), "{email}");
        }
        for email in ["", "bob", "@example.com", "bob@"] {
            assert_eq!(address(&lax, email, Confirmed::Yes), None, "{email}");
        }
    }

    #[test]
    fn only_the_first_domain_gives_local_parts_and_an_unlisted_one_gives_nothing() {
        let named = |name: &str| Ok(name.to_owned());
        assert_eq!(username("U0BOB", "bob@example.com"), named("bob"));
        assert_eq!(username("U0BOB", "Bob.B@Example.com"), named("bob.b"));
        assert_eq!(
            username("U0BOB", "Bob@sub.example.org"),
            named("bob@sub.example.org")
        );
        assert_eq!(
            username("U0BOB", "bob@contractor.example"),
            Err(NoUsername::OtherDomain("contractor.example".to_owned()))
        );
    }

    #[test]
    fn where_no_name_reaches_a_target_and_no_domain_is_listed_the_whole_address_is_the_name() {
        let email = Email::new("Bob@example.com");
        let name = Identities::default().username(&UserId::new("U0BOB"), Some(&email));
        assert_eq!(name, Ok(Username::new("bob@example.com")));
    }

    #[test]
    fn an_entry_wins_and_its_name_is_nobody_elses() {
        assert_eq!(
            username("U0ALICE", "alice@example.com"),
            Ok("alice.l".to_owned())
        );
        assert_eq!(
            username("W0ALICE", "a@other.example"),
            Ok("alice.l".to_owned())
        );
        let unlisted = identities(false).username(&UserId::new("U0ALICE"), None);
        assert_eq!(unlisted, Ok(Username::new("alice.l")));
        assert_eq!(
            username("W0DAVE", "dave@example.com"),
            Ok("dave".to_owned())
        );
        assert_eq!(
            username("U0MALLORY", "Alice.L@example.com"),
            Err(NoUsername::Listed)
        );
        let nobody = identities(false).username(&UserId::new("U0BOB"), None);
        assert_eq!(nobody, Err(NoUsername::NoAddress));
    }

    #[test]
    fn a_local_part_that_a_target_could_misread_is_no_name() {
        for local in [
            "alice+app",
            "app\n",
            "a b",
            "..",
            "-rf",
            ".alice",
            "a/b",
            "a@b",
            "o'brien",
            "a\0",
            "\"app\"",
            "ålice",
            "a;b",
            "$(id)",
            "a\u{202e}b",
            "a:b",
            "a\\b",
            "%a",
            "a,b",
        ] {
            let given = username("U0BOB", &format!("{local}@example.com"));
            assert_eq!(given, Err(NoUsername::UnexpectedCharacters), "{local:?}");
        }
    }

    #[test]
    fn the_ids_of_an_entry_are_one_human() {
        let known = identities(false);
        let id = |id: &str| UserId::new(id);
        let alice = known.human(&id("U0ALICE"), Some(&Email::new("a@example.com")));
        assert!(alice.is(&known.human(&id("W0ALICE"), Some(&Email::new("b@example.com")))));
        assert!(alice.is(&Human::new(&id("W0ALICE"), None)));
        assert!(!alice.is(&known.human(&id("U0BOB"), Some(&Email::new("bob@example.com")))));
        assert!(alice.has(&IdentityKey::Person("alice".to_owned())));
    }
}
