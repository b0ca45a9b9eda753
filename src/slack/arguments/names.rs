//! Names of the catalogue as people type them. A name that is not quite one is answered with what
//! it may have meant, never taken for it.

use super::words::bare;
use crate::domain::{Catalogue, ScopeId};

/// How many names are suggested.
const SUGGESTIONS: usize = 5;

/// How alike two names have to be, from 0 to 1, to take one for a slip of the other.
const ALIKE: f64 = 0.8;

/// The scope of exactly this name; letters may be of another case, and marks may stand around it.
pub(in crate::slack) fn exact(word: &str, catalogue: &Catalogue) -> Option<ScopeId> {
    known(word, catalogue).or_else(|| known(bare(word), catalogue))
}

fn known(word: &str, catalogue: &Catalogue) -> Option<ScopeId> {
    let id: ScopeId = word.parse().ok()?;
    if catalogue.contains_key(&id) {
        return Some(id);
    }
    let mut alike = catalogue
        .keys()
        .filter(|known| known.as_str().eq_ignore_ascii_case(word));
    match (alike.next(), alike.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// What a word that names no scope may have meant, best first: what begins with it, else what is
/// a slip away from it.
pub(in crate::slack) fn suggestions(word: &str, catalogue: &Catalogue) -> Vec<ScopeId> {
    let word = bare(word).to_lowercase();
    if word.len() < 2 {
        return Vec::new();
    }
    let begins: Vec<ScopeId> = catalogue
        .keys()
        .filter(|id| id.as_str().to_lowercase().starts_with(&word))
        .take(SUGGESTIONS)
        .cloned()
        .collect();
    if !begins.is_empty() {
        return begins;
    }
    let mut near: Vec<(f64, &ScopeId)> = catalogue
        .keys()
        .map(|id| {
            let known = id.as_str().to_lowercase();
            (strsim::normalized_damerau_levenshtein(&word, &known), id)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    near.into_iter()
        .take(SUGGESTIONS)
        .map(|(_, id)| id.clone())
        .collect()
}
