//! Rich text and tables: texts that Slack's own composer makes, and apps may.

use serde_json::Value;

use super::check::Check;
use crate::blocks::text;

/// What a rich text section may hold.
const INLINE: &[&str] = &[
    "broadcast",
    "channel",
    "color",
    "date",
    "emoji",
    "link",
    "team",
    "text",
    "user",
    "usergroup",
];

/// A rich text block.
pub(super) fn block(check: &mut Check, at: &str, block: &Value) {
    for (index, part) in check
        .items(at, block, "elements", usize::MAX)
        .iter()
        .enumerate()
    {
        let at = format!("{at}/elements/{index}");
        match text(part, "type") {
            "rich_text_section" | "rich_text_preformatted" | "rich_text_quote" => {
                section(check, &at, part);
            }
            "rich_text_list" => {
                check.needs(&at, part, "style");
                check.word(&at, part, "style", &["bullet", "ordered"]);
                check.number(&at, part, "indent", 0, 8);
                let items = check.items(&at, part, "elements", usize::MAX);
                for (index, item) in items.iter().enumerate() {
                    section(check, &format!("{at}/elements/{index}"), item);
                }
            }
            other => check.wrong(&format!("{at}/type"), &format!("unsupported type: {other}")),
        }
    }
}

fn section(check: &mut Check, at: &str, section: &Value) {
    let parts = check.items(at, section, "elements", usize::MAX);
    for (index, part) in parts.iter().enumerate() {
        let at = format!("{at}/elements/{index}");
        let kind = text(part, "type");
        if !INLINE.contains(&kind) {
            check.wrong(&format!("{at}/type"), &format!("unsupported type: {kind}"));
            continue;
        }
        let needed = match kind {
            "text" => "text",
            "link" => "url",
            "emoji" => "name",
            "user" => "user_id",
            "usergroup" => "usergroup_id",
            "channel" => "channel_id",
            "broadcast" => "range",
            "color" => "value",
            "date" => "timestamp",
            _ => "team_id",
        };
        check.needs(&at, part, needed);
    }
}

/// A table block: at most 100 rows of 20 cells.
pub(super) fn table(check: &mut Check, at: &str, block: &Value) {
    for (index, row) in check.items(at, block, "rows", 100).iter().enumerate() {
        let at = format!("{at}/rows/{index}");
        let Some(cells) = row.as_array() else {
            check.wrong(&at, "must be an array");
            continue;
        };
        if cells.len() > 20 {
            check.wrong(&at, "no more than 20 items allowed");
        }
        for (index, cell) in cells.iter().enumerate() {
            let at = format!("{at}/{index}");
            match text(cell, "type") {
                "raw_text" => check.required_string(&at, cell, "text", 10_000),
                "raw_number" | "rich_text" => {}
                other => check.wrong(&format!("{at}/type"), &format!("unsupported type: {other}")),
            }
        }
    }
}
