//! Slack's limits on blocks and views, and what it says when they are passed.
//!
//! It exists because an app that was only ever tested against something kinder is refused on the
//! day it matters. Sources: docs.slack.dev, reference/block-kit (blocks, elements, composition
//! objects) and reference/views. Lengths are counted in characters. Content that Slack makes out
//! of others' data, such as cards and charts, is known by its type alone.

mod block;
mod check;
mod element;
mod known_keys;
mod rich_text;

use serde_json::Value;

use crate::blocks::{list, text};
use check::Check;
pub(crate) use check::Surface;

/// What is wrong, each with a JSON pointer, in the form Slack uses.
pub(crate) fn check_blocks(blocks: &Value, surface: Surface) -> Vec<String> {
    let mut check = Check::default();
    block::all(&mut check, "/blocks", blocks, surface);
    check.messages
}

/// What is wrong with a view.
pub(crate) fn check_view(view: &Value) -> Vec<String> {
    let mut check = Check::default();
    let kind = text(view, "type");
    let surface = match kind {
        "modal" => Surface::Modal,
        "home" => Surface::Home,
        "" => {
            check.missing("/view", "type");
            return check.messages;
        }
        other => {
            check.wrong("/view/type", &format!("unsupported type: {other}"));
            return check.messages;
        }
    };
    check.known(
        "/view",
        view,
        &["type", "blocks"],
        known_keys::of_view(kind),
    );
    if surface == Surface::Modal {
        modal(&mut check, view);
    }
    for (key, most) in [
        ("private_metadata", 3000),
        ("callback_id", 255),
        ("external_id", 255),
    ] {
        check.string("/view", view, key, most);
    }
    for flag in ["clear_on_close", "notify_on_close", "submit_disabled"] {
        check.flag("/view", view, flag);
    }
    match view.get("blocks") {
        Some(blocks) => block::all(&mut check, "/view/blocks", blocks, surface),
        None => check.missing("/view", "blocks"),
    }
    check.messages
}

fn modal(check: &mut Check, view: &Value) {
    if check.needs("/view", view, "title") {
        check.plain("/view/title", &view["title"], 24);
    }
    for part in ["submit", "close"] {
        if !view[part].is_null() {
            check.plain(&format!("/view/{part}"), &view[part], 24);
        }
    }
    let mut blocks = list(&view["blocks"]).iter();
    if blocks.any(|block| text(block, "type") == "input") && view["submit"].is_null() {
        check.missing("/view", "submit");
    }
}
