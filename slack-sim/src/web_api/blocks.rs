//! `blocks.validate`: whether Slack would take these blocks, asked without a token.

use serde_json::{Value, json};

use super::{
    args::Args,
    error::{Answer, ApiError},
};
use crate::limits::{Surface, check_blocks};

pub(super) fn validate(args: &Args) -> Answer {
    if !args.has("blocks") {
        return Err(ApiError::missing("blocks"));
    }
    check(&args.json("blocks"))?;
    Ok(json!({}))
}

/// The blocks of a message, refused as Slack does.
pub(super) fn check(blocks: &Value) -> Result<(), ApiError> {
    if !blocks.is_array() {
        return Err(ApiError::named("invalid_blocks_format"));
    }
    let wrong = check_blocks(blocks, Surface::Message);
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(ApiError::with("invalid_blocks", wrong)),
    }
}
