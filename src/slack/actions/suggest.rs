//! Searching in the catalogue, in memory and fast enough for ten thousand scopes at each key.

use serde_json::Value;

use crate::{
    domain::{Catalogue, Scope},
    slack::view::modal_request,
};

/// The most options that Slack takes.
const MOST: usize = 100;

/// The scopes that have every word of `query` in their name or title, best first; all of them for
/// an empty query. At most 100.
pub(in crate::slack) fn options(query: &str, catalogue: &Catalogue) -> Vec<Value> {
    let query = query.trim().to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let mut found: Vec<(Rank, &Scope)> = catalogue
        .values()
        .filter_map(|scope| Some((rank(scope, &query, &words)?, scope)))
        .collect();
    // Stable: equally good ones stay in the order of their names.
    found.sort_by_key(|(rank, _)| *rank);
    found
        .into_iter()
        .take(MOST)
        .map(|(_, scope)| modal_request::option(scope))
        .collect()
}

/// How well a scope fits, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Named,
    NameBegins,
    WordsBegin,
    Contained,
}

fn rank(scope: &Scope, query: &str, words: &[&str]) -> Option<Rank> {
    let name = scope.id.as_str().to_lowercase();
    let title = scope.title.to_lowercase();
    let contains = |word: &&str| name.contains(*word) || title.contains(*word);
    let begins = |word: &&str| begins_in(&name, word) || begins_in(&title, word);
    if !words.iter().all(contains) {
        None
    } else if name == query {
        Some(Rank::Named)
    } else if name.starts_with(query) {
        Some(Rank::NameBegins)
    } else if words.iter().all(begins) {
        Some(Rank::WordsBegin)
    } else {
        Some(Rank::Contained)
    }
}

fn begins_in(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|character| !character.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::arguments::tests::scope;

    fn catalogue(names: &[(&str, &str)]) -> Catalogue {
        names
            .iter()
            .map(|(id, title)| {
                let scope = Scope {
                    title: (*title).to_owned(),
                    ..scope(id)
                };
                (scope.id.clone(), scope)
            })
            .collect()
    }

    fn found(query: &str, catalogue: &Catalogue) -> Vec<String> {
        options(query, catalogue)
            .iter()
            .map(|option| option["value"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_best_comes_first() {
        let catalogue = catalogue(&[
            ("db-prod:read", "Production database"),
            ("db-prod:write", "Production database"),
            ("db-stage:write", "Staging database"),
            ("underwriting:use", "Underwriting"),
        ]);
        assert_eq!(found("prod wri", &catalogue), ["db-prod:write"]);
        let write = ["db-prod:write", "db-stage:write", "underwriting:use"];
        assert_eq!(found("writ", &catalogue), write);
        assert_eq!(
            found("DB-PROD", &catalogue),
            ["db-prod:read", "db-prod:write"]
        );
        assert_eq!(found("staging", &catalogue), ["db-stage:write"]);
        assert_eq!(found("", &catalogue).len(), 4);
        assert!(found("mainframe", &catalogue).is_empty());
    }

    #[test]
    fn ten_thousand_scopes_give_a_hundred_options() {
        let names: Vec<String> = (0..10_000).map(|n| format!("svc-{n:05}:deploy")).collect();
        let names: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let catalogue = catalogue(&names);
        assert_eq!(found("svc", &catalogue).len(), 100);
        assert_eq!(found("07777 deploy", &catalogue), ["svc-07777:deploy"]);
    }

    #[test]
    fn an_option_stays_within_slacks_limits() {
        let longest = format!("{}:use", "x".repeat(71));
        let catalogue = catalogue(&[(&longest, &"Title ".repeat(50))]);
        let option = &options("", &catalogue)[0];
        assert_eq!(option["value"], longest);
        assert!(
            option["text"]["text"]
                .as_str()
                .unwrap()
                .encode_utf16()
                .count()
                <= 75
        );
    }
}
