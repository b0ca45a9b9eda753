//! `[break_glass]`: who reviews what is granted without an approval.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    document::{Document, at},
    text::{CHANNEL_ID, is_channel_id, not_a_channel_id},
};
use crate::domain::{BreakGlass, Catalogue, ChannelId, GroupName, Length, Span};

/// How long a review may be open before its requester can't use break-glass again.
const BLOCK_AFTER: Span = Span::minutes(14 * 24 * 60);

/// `[break_glass]`: who reviews what is granted by break-glass.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// The groups whose members are told of each use, and review it. Two people have to sign off, never the
    /// person who used it.
    #[serde(default)]
    #[schemars(title = "list of groups", example = json!(["security"]))]
    #[schemars(extend("x-default" = "required if a scope has `break_glass`"))]
    reviewers: Vec<String>,
    /// The channel where each use is announced and reviewed. Not one of `slack.shared_channels`.
    #[schemars(title = "channel id", regex(pattern = CHANNEL_ID), example = &"C0SECURITY")]
    #[schemars(extend("x-default" = "required if a scope has `break_glass`"))]
    channel: Option<String>,
    /// How long a review may be open before the person can't use break-glass again, until it is signed off.
    #[schemars(title = "duration", example = &"7d")]
    #[schemars(extend("default" = BLOCK_AFTER.to_string()))]
    block_unreviewed_after: Option<Length>,
}

/// The outer answer is nothing if the section is wrong, the inner one if there is none.
pub(super) fn read(
    document: &mut Document<'_>,
    catalogue: &Catalogue,
    shared: &BTreeSet<ChannelId>,
) -> Option<Option<BreakGlass>> {
    let raw: Raw = document.optional("break_glass")?;
    let is_used = catalogue.values().find(|scope| scope.break_glass);
    let Some(channel) = raw.channel.clone().filter(|_| !raw.reviewers.is_empty()) else {
        if let Some(scope) = is_used {
            let problem =
                "nobody would review it: add `[break_glass]` with `reviewers` and `channel`";
            document.problem(at!["scopes", scope.id.as_str(), "break_glass"], problem);
        } else if raw.channel.is_some() || !raw.reviewers.is_empty() {
            let problem = "`reviewers` and `channel` belong together: add both";
            document.problem(at!["break_glass"], problem);
        }
        return Some(None);
    };
    if !is_channel_id(&channel) {
        let problem = not_a_channel_id(&channel);
        document.problem(at!["break_glass", "channel"], problem);
    }
    let channel = ChannelId::new(channel);
    if shared.contains(&channel) {
        let problem = "this is one of slack.shared_channels, and reviewers have to see the whole request: use \
                       a channel that is not shared";
        document.problem(at!["break_glass", "channel"], problem);
    }
    let known = document.keys("groups");
    for (index, name) in raw.reviewers.iter().enumerate() {
        if !known.contains(name) {
            document.unknown(
                at!["break_glass", "reviewers", index],
                format!("there is no group `{name}` in [groups]"),
                name,
                known.iter().map(String::as_str),
            );
        }
    }
    let after = raw.block_unreviewed_after.map_or(BLOCK_AFTER, |it| it.0);
    Some(Some(BreakGlass {
        reviewers: raw.reviewers.iter().map(GroupName::new).collect(),
        channel,
        block_unreviewed_after: after,
    }))
}
