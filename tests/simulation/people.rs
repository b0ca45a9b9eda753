//! The people, what they are at each moment, and a Slack that does not always say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    clock::Clock,
    directory::{Confirmed, FactsUnavailable, PeopleSource, Profile},
    domain::{Departure, Email, Standing, Time, UserId},
};
use tokio::time::sleep;

use crate::{
    seed::{Rng, VirtualClock},
    story::Story,
};

/// How old the facts behind a decision may be: a minute, and what it takes to decide.
const OLDEST: Duration = Duration::from_secs(60 + 40);

/// Everybody, in the order of their names. Alice, Bob and Zoe have a second account each; that Zoe's
/// is hers, nobody can know before she moves.
pub(crate) const NAMES: [&str; 14] = [
    "ada", "alice", "alice2", "bob", "bob2", "carol", "dave", "erin", "gus", "mallory", "stan",
    "sue", "zoe", "zoe2",
];

/// Those who change their address for another while they wait, each with their second account, which
/// tries to approve: it has the address that they had, or the one that they take.
pub(crate) const MOVING: [(&str, &str, &str); 2] = [
    ("alice", "alice2", "alice.moved@example.com"),
    ("zoe", "zoe2", "zoe.moved@example.com"),
];

/// Everybody who ever asks for anything.
pub(crate) const ASKING: [&str; 7] = [
    "alice", "alice", "alice2", "carol", "dave", "bob", "mallory",
];

/// Everybody who ever tries to approve: some may.
pub(crate) const APPROVING: [&str; 11] = [
    "bob", "bob", "bob2", "erin", "erin", "dave", "alice2", "gus", "stan", "sue", "mallory",
];

/// Everybody who ever tries to use break-glass: those on call may.
pub(crate) const BREAKING: [&str; 6] = ["alice", "alice2", "bob", "bob", "dave", "mallory"];

/// Everybody who ever tries to sign off: those of security may.
pub(crate) const REVIEWING: [&str; 6] = ["sue", "sue", "bob", "bob2", "dave", "ada"];

/// Whose account this is.
pub(crate) fn person_of(id: &UserId) -> &str {
    id.as_str().trim_end_matches('2')
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(format!("U0{}", name.to_uppercase()))
}

/// The people as they are.
pub(crate) struct People {
    clock: VirtualClock,
    rng: Arc<Rng>,
    story: Arc<Story>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    away: bool,
    /// What somebody was from which moment on, oldest first.
    lives: BTreeMap<UserId, Vec<(Time, Being)>>,
}

impl Inside {
    /// What somebody was at the moments that a decision at `at` may rest on.
    fn recent(&self, person: &UserId, at: Time) -> impl Iterator<Item = &Being> {
        let oldest = at - OLDEST;
        let life = self.lives.get(person).map_or(&[][..], Vec::as_slice);
        let recent = life.iter().enumerate().filter(move |(index, (from, _))| {
            let until = life.get(index + 1).map(|(until, _)| *until);
            *from <= at && until.is_none_or(|until| until >= oldest)
        });
        recent.map(|(_, (_, being))| being)
    }
}

#[derive(Clone)]
struct Being {
    standing: Standing,
    groups: BTreeSet<&'static str>,
    email: Email,
}

impl People {
    pub(crate) fn new(clock: VirtualClock, rng: Arc<Rng>, story: Arc<Story>) -> Arc<Self> {
        let people = Self {
            clock,
            rng,
            story,
            inside: Mutex::default(),
        };
        for name in NAMES {
            let standing = match name {
                "gus" => Standing::Guest,
                "stan" => Standing::Stranger,
                _ => Standing::Member,
            };
            let groups: &[_] = match name {
                "ada" => &["S0ADMINS", "S0ENG"],
                "bob" | "bob2" => &["S0DBA", "S0ENG", "S0ONCALL", "S0SEC"],
                "alice2" | "dave" => &["S0DBA", "S0ENG", "S0ONCALL"],
                "alice" => &["S0ENG", "S0ONCALL"],
                "sue" => &["S0ENG", "S0SEC"],
                "erin" => &["S0DBA", "S0ENG"],
                "gus" | "stan" | "zoe2" => &["S0DBA", "S0ENG"],
                _ => &["S0ENG"],
            };
            let email = match name {
                "zoe2" => "zoe.moved@example.com".to_owned(),
                _ => format!("{}@example.com", name.trim_end_matches('2')),
            };
            let being = Being {
                standing,
                groups: groups.iter().copied().collect(),
                email: Email::new(email),
            };
            people.becomes(&user(name), being);
        }
        Arc::new(people)
    }

    fn becomes(&self, person: &UserId, being: Being) {
        let being = (self.clock.now(), being);
        let mut inside = self.inside.lock().unwrap();
        inside.lives.entry(person.clone()).or_default().push(being);
    }

    /// Somebody may not approve any more.
    pub(crate) fn leaves_approvers(&self, name: &str) {
        let mut being = self.being(&user(name));
        being.groups.remove("S0DBA");
        self.story
            .tell(format_args!("~~ {name} is no approver any more"));
        self.becomes(&user(name), being);
    }

    /// Somebody may approve.
    pub(crate) fn joins_approvers(&self, name: &str) {
        let mut being = self.being(&user(name));
        being.groups.insert("S0DBA");
        self.story.tell(format_args!("~~ {name} is an approver"));
        self.becomes(&user(name), being);
    }

    /// Somebody has another address from now on.
    pub(crate) fn moves(&self, name: &str, email: &str) {
        let being = Being {
            email: Email::new(email),
            ..self.being(&user(name))
        };
        self.story
            .tell(format_args!("~~ the address of {name} is {email}"));
        self.becomes(&user(name), being);
    }

    fn being(&self, person: &UserId) -> Being {
        let inside = self.inside.lock().unwrap();
        inside.lives[person].last().expect("a life").1.clone()
    }

    /// Somebody leaves.
    pub(crate) fn leaves(&self, person: &UserId, departure: &Departure) {
        let mut being = self.being(person);
        match departure {
            Departure::Deactivated => being.standing = Standing::Deactivated,
            Departure::Guest => being.standing = Standing::Guest,
            Departure::Group { .. } => drop(being.groups.remove("S0ENG")),
        }
        self.story.tell(format_args!("~~ {person} {departure}"));
        self.becomes(person, being);
    }

    /// Somebody is a member again.
    pub(crate) fn comes_back(&self, person: &UserId) {
        let being = Being {
            standing: Standing::Member,
            ..self.being(person)
        };
        self.story.tell(format_args!("~~ {person} is back"));
        self.becomes(person, being);
    }

    /// Whether somebody had left as `departure` says, at a moment that a decision at `at` may rest
    /// on.
    pub(crate) fn had_left(&self, person: &UserId, departure: &Departure, at: Time) -> bool {
        let inside = self.inside.lock().unwrap();
        inside.recent(person, at).any(|being| match departure {
            Departure::Deactivated => being.standing == Standing::Deactivated,
            Departure::Guest => being.standing == Standing::Guest,
            Departure::Group { .. } => !being.groups.contains("S0ENG"),
        })
    }

    /// Somebody leaves, becomes a guest, comes back, or leaves one of the groups; answers who, and whether
    /// they are a member now.
    pub(crate) fn change(&self) -> (UserId, bool) {
        let name = self
            .rng
            .pick(&["bob", "erin", "dave", "alice", "carol", "sue"]);
        let mut being = self.being(&user(name));
        match self.rng.below(6) {
            0 => being.standing = self.rng.pick(&[Standing::Deactivated, Standing::Guest]),
            1 => being.standing = Standing::Member,
            2 if being.groups.contains("S0ENG") => drop(being.groups.remove("S0ENG")),
            2 => drop(being.groups.insert("S0ENG")),
            3 if being.groups.contains("S0SEC") => drop(being.groups.remove("S0SEC")),
            3 if ["bob", "sue"].contains(&name) => drop(being.groups.insert("S0SEC")),
            4 if being.groups.contains("S0ONCALL") => drop(being.groups.remove("S0ONCALL")),
            4 if ["alice", "bob"].contains(&name) => drop(being.groups.insert("S0ONCALL")),
            _ if being.groups.contains("S0DBA") => drop(being.groups.remove("S0DBA")),
            _ if ["bob", "erin", "dave"].contains(&name) => drop(being.groups.insert("S0DBA")),
            _ => {}
        }
        let (standing, groups) = (being.standing, &being.groups);
        self.story
            .tell(format_args!("~~ {name} is {standing:?}, in {groups:?}"));
        self.becomes(&user(name), being);
        (user(name), standing == Standing::Member)
    }

    /// Everything that somebody ever was.
    pub(crate) fn standings(&self, person: &UserId) -> Vec<Standing> {
        let inside = self.inside.lock().unwrap();
        let life = inside.lives.get(person).into_iter().flatten();
        life.map(|(_, being)| being.standing).collect()
    }

    /// Whether Slack says nothing of anybody.
    pub(crate) fn away(&self, away: bool) {
        self.story
            .tell(format_args!("~~ facts about people are away: {away}"));
        self.inside.lock().unwrap().away = away;
    }

    /// Whether somebody was a member, and in one of `groups`, at moments that a decision at `at` may
    /// rest on. They need not be the same: the two facts are learnt apart.
    pub(crate) fn was(&self, person: &UserId, groups: &[&str], at: Time) -> bool {
        let inside = self.inside.lock().unwrap();
        let recent: Vec<_> = inside.recent(person, at).collect();
        let is_in = |being: &&Being| groups.iter().any(|group| being.groups.contains(group));
        recent.iter().any(|it| it.standing == Standing::Member) && recent.iter().any(is_in)
    }

    async fn answer(&self) -> Result<(), FactsUnavailable> {
        sleep(self.rng.millis(1..300)).await;
        if self.rng.once_in(20) {
            sleep(self.rng.millis(1..2_000)).await;
        }
        match self.inside.lock().unwrap().away || self.rng.once_in(25) {
            true => Err(FactsUnavailable("Slack does not answer".to_owned())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl PeopleSource for People {
    async fn profile(&self, id: &UserId) -> Result<Option<Profile>, FactsUnavailable> {
        self.answer().await?;
        let inside = self.inside.lock().unwrap();
        let life = inside.lives.get(id).and_then(|life| life.last());
        Ok(life.map(|(_, being)| {
            let name = person_of(id).trim_start_matches("U0").to_lowercase();
            Profile {
                id: id.clone(),
                standing: being.standing,
                email: Some(being.email.clone()),
                confirmed: Confirmed::Unsaid,
                time_zone: None,
                name,
            }
        }))
    }

    async fn usergroup(&self, id: &str) -> Result<BTreeSet<UserId>, FactsUnavailable> {
        self.answer().await?;
        let inside = self.inside.lock().unwrap();
        let members = inside.lives.iter().filter(|(_, life)| {
            let now = life.last().map(|(_, being)| being);
            now.is_some_and(|being| being.groups.contains(id))
        });
        Ok(members.map(|(person, _)| person.clone()).collect())
    }
}
