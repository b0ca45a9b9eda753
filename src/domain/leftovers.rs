//! What a grantee left behind in a target: rights and objects that outlive the access by which they were
//! made.

use serde::{Deserialize, Serialize};

/// The most things that are listed of one layer.
const MOST: usize = 20;

/// The most characters that are kept of one thing, or of why there was no search.
const LONGEST: usize = 200;

/// What was left behind of one layer, as the target described it when the access ended. Texts are the
/// target's: they are hostile until they are escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// The first 20 things.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<Leftover>,
    /// How many things more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    more: u32,
    /// Why the search was not complete; nothing if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unsearched: Option<String>,
}

/// One thing that was left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is, in at most 200 characters of the target's.
    pub what: String,
    /// Whether Keylend has revoked or dropped it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Leftovers {
    /// Keeps the first 20 of `found`, each cut to 200 characters, and counts the rest.
    pub fn new(found: impl IntoIterator<Item = Leftover>) -> Self {
        let mut leftovers = Self::default();
        for Leftover { what, dropped } in found {
            if leftovers.items.len() < MOST {
                let what = cut(&what);
                leftovers.items.push(Leftover { what, dropped });
            } else {
                leftovers.more = leftovers.more.saturating_add(1);
            }
        }
        leftovers
    }

    /// The same, and that the search was not complete. The first reason is kept.
    pub fn but_unsearched(mut self, why: &str) -> Self {
        self.unsearched.get_or_insert_with(|| cut(why));
        self
    }

    /// Whether the search was complete and found nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.more == 0 && self.unsearched.is_none()
    }

    /// The things that are listed.
    pub fn items(&self) -> &[Leftover] {
        &self.items
    }

    /// How many things there are, listed or not.
    pub fn count(&self) -> usize {
        self.items.len() + usize::try_from(self.more).unwrap_or(usize::MAX)
    }

    /// Why the search was not complete; nothing if it was.
    pub fn unsearched(&self) -> Option<&str> {
        self.unsearched.as_deref()
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some(_) => text.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(what: &str) -> Leftover {
        Leftover {
            what: what.to_owned(),
            dropped: false,
        }
    }

    #[test]
    fn a_list_is_bounded_and_counts_the_rest() {
        let long = "é".repeat(201);
        let found = (0..23).map(|_| thing(&long));
        let leftovers = Leftovers::new(found).but_unsearched(&long);
        assert_eq!(leftovers.items().len(), 20);
        assert_eq!(leftovers.count(), 23);
        let cut = format!("{}…", "é".repeat(199));
        assert_eq!(leftovers.items()[0].what, cut);
        assert_eq!(leftovers.unsearched(), Some(cut.as_str()));
        let kept = Leftovers::new([thing(&"é".repeat(200))]);
        assert_eq!(kept.items()[0].what, "é".repeat(200));
    }

    #[test]
    fn nothing_is_written_as_an_empty_object() {
        assert!(Leftovers::default().is_empty());
        let written = serde_json::to_string(&Leftovers::default()).unwrap();
        assert_eq!(written, "{}");
        let read: Leftovers = serde_json::from_str(&written).unwrap();
        assert_eq!(read, Leftovers::default());
        assert!(!Leftovers::default().but_unsearched("no answer").is_empty());
    }
}
