//! Blocks: what each has to have, and where it may be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    check::{Check, Surface},
    element, known_keys, rich_text,
};
use crate::blocks::text;

/// Characters that all the Markdown blocks of a message may have.
const MOST_MARKDOWN: usize = 12_000;

/// An array of blocks.
pub(super) fn all(check: &mut Check, at: &str, blocks: &Value, surface: Surface) {
    let Some(all) = blocks.as_array() else {
        return check.wrong(at, "must be an array");
    };
    let most = match surface {
        Surface::Message => 50,
        Surface::Modal | Surface::Home => 100,
    };
    if all.len() > most {
        check.wrong(at, &format!("no more than {most} items allowed"));
    }
    let mut seen = BTreeSet::new();
    for (index, one) in all.iter().enumerate() {
        let at = format!("{at}/{index}");
        if !one.is_object() {
            check.wrong(&at, "must provide an object");
            continue;
        }
        check.string(&at, one, "block_id", 255);
        let id = text(one, "block_id");
        if !id.is_empty() && !seen.insert(id) {
            check.wrong(
                &format!("{at}/block_id"),
                &format!("`block_id` {id} already exists"),
            );
        }
        block(check, &at, one, surface);
    }
    if check.focused > 1 {
        check.wrong(at, "focus_on_load can only be set on one element");
    }
}

fn block(check: &mut Check, at: &str, block: &Value, surface: Surface) {
    let kind = text(block, "type");
    if kind.is_empty() {
        return check.missing(at, "type");
    }
    if !surfaces(kind).contains(&surface) {
        return check.wrong(&format!("{at}/type"), &format!("unsupported type: {kind}"));
    }
    if let Some(own) = known_keys::of_block(kind) {
        check.known(at, block, &["type", "block_id"], own);
    }
    match kind {
        "section" => section(check, at, block),
        "header" => required_plain(check, at, block, "text", 150),
        "context" => {
            for (index, one) in check.items(at, block, "elements", 10).iter().enumerate() {
                let at = format!("{at}/elements/{index}");
                match text(one, "type") {
                    "image" => element::image(check, &at, one),
                    _ => check.text(&at, one, 3000),
                }
            }
        }
        "actions" => interactive(check, at, block, 25, element::IN_ACTIONS),
        "context_actions" => interactive(check, at, block, 5, element::IN_CONTEXT_ACTIONS),
        "input" => input(check, at, block),
        "image" => {
            element::image(check, at, block);
            optional_plain(check, at, block, "title", 2000);
        }
        "markdown" => {
            check.required_string(at, block, "text", MOST_MARKDOWN);
            let before = check.markdown;
            check.markdown += text(block, "text").chars().count();
            if before > 0 && check.markdown > MOST_MARKDOWN {
                let what = format!("must be less than {} characters", MOST_MARKDOWN + 1);
                check.wrong(&format!("{at}/text"), &what);
            }
        }
        "video" => video(check, at, block),
        "file" => {
            check.required_string(at, block, "external_id", 255);
            check.word(at, block, "source", &["remote"]);
        }
        "rich_text" => rich_text::block(check, at, block),
        "table" => rich_text::table(check, at, block),
        "alert" => alert(check, at, block),
        _ => {}
    }
}

/// Where a block of this type may be; nowhere if there is no such type.
fn surfaces(kind: &str) -> &'static [Surface] {
    use Surface::{Home, Message, Modal};
    match kind {
        "actions" | "card" | "context" | "divider" | "header" | "image" | "input" | "rich_text"
        | "section" | "video" => &[Message, Modal, Home],
        "carousel" | "container" | "data_table" | "data_visualization" | "table" => {
            &[Message, Home]
        }
        "call" | "context_actions" | "file" | "markdown" | "plan" | "task_card" => &[Message],
        "alert" => &[Modal],
        _ => &[],
    }
}

fn section(check: &mut Check, at: &str, block: &Value) {
    let has = |key: &str| block.get(key).is_some_and(|value| !value.is_null());
    match (has("text"), has("fields")) {
        (false, false) => check.missing(at, "text"),
        (true, _) => check.text(&format!("{at}/text"), &block["text"], 3000),
        (false, true) => {}
    }
    if has("fields") {
        for (index, field) in check.items(at, block, "fields", 10).iter().enumerate() {
            check.text(&format!("{at}/fields/{index}"), field, 2000);
        }
    }
    if has("accessory") {
        let at = format!("{at}/accessory");
        element::one(check, &at, &block["accessory"], element::IN_SECTION);
    }
    check.flag(at, block, "expand");
}

fn interactive(check: &mut Check, at: &str, block: &Value, most: usize, allowed: &[&str]) {
    let mut seen = BTreeSet::new();
    for (index, one) in check.items(at, block, "elements", most).iter().enumerate() {
        let at = format!("{at}/elements/{index}");
        let id = text(one, "action_id");
        if !id.is_empty() && !seen.insert(id) {
            let block_id = text(block, "block_id");
            let what = format!("`action_id` {id} already exists for block_id {block_id}");
            check.wrong(&format!("{at}/action_id"), &what);
        }
        element::one(check, &at, one, allowed);
    }
}

fn input(check: &mut Check, at: &str, block: &Value) {
    required_plain(check, at, block, "label", 2000);
    optional_plain(check, at, block, "hint", 2000);
    for flag in ["optional", "dispatch_action"] {
        check.flag(at, block, flag);
    }
    if check.needs(at, block, "element") {
        let at = format!("{at}/element");
        element::one(check, &at, &block["element"], element::IN_INPUT);
    }
}

fn video(check: &mut Check, at: &str, block: &Value) {
    for key in ["alt_text", "thumbnail_url", "video_url"] {
        check.required_string(at, block, key, 3000);
    }
    required_plain(check, at, block, "title", 199);
    optional_plain(check, at, block, "description", 199);
    check.string(at, block, "author_name", 49);
}

fn alert(check: &mut Check, at: &str, block: &Value) {
    if check.needs(at, block, "text") {
        check.text(&format!("{at}/text"), &block["text"], 200);
    }
}

fn required_plain(check: &mut Check, at: &str, block: &Value, key: &str, most: usize) {
    if check.needs(at, block, key) {
        check.plain(&format!("{at}/{key}"), &block[key], most);
    }
}

fn optional_plain(check: &mut Check, at: &str, block: &Value, key: &str, most: usize) {
    if block.get(key).is_some_and(|value| !value.is_null()) {
        check.plain(&format!("{at}/{key}"), &block[key], most);
    }
}
