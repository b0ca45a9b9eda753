//! Searching in the catalogue, in memory and fast enough for ten thousand scopes at each key.
//!
//! A person is offered what they may request, first what they requested lately. Slack waits for the answer,
//! so Keylend does not wait for Slack: if it is not known in time who the person is or which groups they are
//! in, everything that matches is offered. That is harmless, since a request is decided on fresh facts.

use std::time::Duration;

use serde_json::Value;

use crate::{
    domain::{Catalogue, Scope, ScopeId, UserId},
    slack::{Slack, view::modal_request},
};

/// The most options that Slack takes.
const MOST: usize = 100;

/// How many scopes that somebody requested lately come first.
const RECENT: usize = 5;

/// How long the store, Slack's groups, and the evaluation of rules are each waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// The scopes that have every word of `query` in their name or title and that `person` may request, best
/// first, at most 100. For an empty query, all scopes match.
pub(in crate::slack) async fn options(slack: &Slack, person: &UserId, query: &str) -> Vec<Value> {
    let broker = &slack.broker;
    let recent = broker.recent_scopes(person, RECENT);
    let recent = tokio::time::timeout(PATIENCE, recent).await;
    let recent = recent.ok().and_then(Result::ok).unwrap_or_default();
    let found = matching(query, broker.catalogue(), &recent);
    let unread = broker.unread_groups(person, &found);
    if !unread.is_empty() {
        let directory = broker.directory().clone();
        // It goes on when it is not waited for any more, so that the next search knows the groups.
        let reading = slack
            .tasks
            .spawn(async move { directory.read_ahead(&unread).await });
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }
    let requestable = broker.requestable(person, &found, MOST);
    let offered = match tokio::time::timeout(PATIENCE, requestable).await {
        Ok(Ok(requestable)) => requestable,
        Ok(Err(_)) | Err(_) => found.into_iter().take(MOST).collect(),
    };
    offered.into_iter().map(modal_request::option).collect()
}

/// The scopes that have every word of `query`, best first: the one of this name, then those of `recent` in its
/// order, then the others by how well they fit.
fn matching<'a>(query: &str, catalogue: &'a Catalogue, recent: &[ScopeId]) -> Vec<&'a Scope> {
    let query = query.trim().to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let mut found: Vec<(Rank, &Scope)> = catalogue
        .values()
        .filter_map(|scope| Some((rank(scope, &query, &words)?, scope)))
        .collect();
    // Stable: equally good ones stay in the order of their names.
    found.sort_by_cached_key(|(rank, scope)| {
        let place = recent.iter().position(|id| *id == scope.id);
        (*rank != Rank::Named, place.unwrap_or(recent.len()), *rank)
    });
    found.into_iter().map(|(_, scope)| scope).collect()
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
        found_after(&[], query, catalogue)
    }

    fn found_after(recent: &[&str], query: &str, catalogue: &Catalogue) -> Vec<String> {
        let recent: Vec<ScopeId> = recent.iter().map(|id| id.parse().unwrap()).collect();
        matching(query, catalogue, &recent)
            .iter()
            .map(|scope| scope.id.to_string())
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
    fn what_was_requested_lately_comes_first_but_for_the_one_that_is_named() {
        let catalogue = catalogue(&[
            ("db-prod:read", "Production database"),
            ("db-prod:write", "Production database"),
            ("db-stage:read", "Staging database"),
            ("lab:use", "Lab"),
        ]);
        let recent = ["lab:use", "db-prod:write", "gone:use"];
        let all = ["lab:use", "db-prod:write", "db-prod:read", "db-stage:read"];
        assert_eq!(found_after(&recent, "", &catalogue), all);
        let prod = ["db-prod:write", "db-prod:read"];
        assert_eq!(found_after(&recent, "prod", &catalogue), prod);
        let named = ["db-prod:read"];
        assert_eq!(found_after(&recent, "db-prod:read", &catalogue), named);
    }

    #[test]
    fn one_is_found_among_ten_thousand() {
        let names: Vec<String> = (0..10_000).map(|n| format!("svc-{n:05}:deploy")).collect();
        let names: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let catalogue = catalogue(&names);
        assert_eq!(found("svc", &catalogue).len(), 10_000);
        assert_eq!(found("07777 deploy", &catalogue), ["svc-07777:deploy"]);
    }

    #[test]
    fn an_option_stays_within_slacks_limits() {
        let longest = format!("{}:use", "x".repeat(71));
        let catalogue = catalogue(&[(&longest, &"Title ".repeat(50))]);
        let option = modal_request::option(matching("", &catalogue, &[])[0]);
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
