//! Long lists, a page at a time: `limit` and `cursor`.

use serde_json::{Value, json};

use super::{args::Args, error::ApiError};

/// Entries of a page that may be asked for.
const MOST: usize = 1000;

/// One page of `all` and the cursor of the next, empty after the last. `usual` is the length of a
/// page whose limit is not given.
pub(super) fn page<T>(
    all: Vec<T>,
    args: &Args,
    usual: usize,
) -> Result<(Vec<T>, String), ApiError> {
    let limit = match args.number("limit") {
        None | Some(0) => usual,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| *limit <= MOST)
            .ok_or(ApiError::named("invalid_limit"))?,
    };
    let start: usize = match args.text("cursor") {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("next:")
            .and_then(|start| start.parse().ok())
            .ok_or(ApiError::named("invalid_cursor"))?,
    };
    let left = all.len().saturating_sub(start);
    let next = match left > limit {
        true => format!("next:{}", start + limit),
        false => String::new(),
    };
    Ok((all.into_iter().skip(start).take(limit).collect(), next))
}

/// `response_metadata` with the cursor of the next page.
pub(super) fn metadata(next: &str) -> Value {
    json!({"next_cursor": next})
}
