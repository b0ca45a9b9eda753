//! Slack's limits on blocks and views, and what it says when they are passed.
//!
//! Sources: docs.slack.dev, reference/block-kit (blocks, elements, composition objects) and
//! reference/views. Lengths are counted in characters.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    blocks::{list, text},
    known_keys,
};

/// Where blocks are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Message,
    View,
}

/// What is wrong, each with a JSON pointer, in the form Slack uses in `response_metadata.messages`.
pub(crate) fn check_blocks(blocks: &Value, surface: Surface) -> Vec<String> {
    let mut check = Check::default();
    let Some(all) = blocks.as_array() else {
        check.wrong("/blocks", "must be an array");
        return check.messages;
    };
    let most = match surface {
        Surface::Message => 50,
        Surface::View => 100,
    };
    if all.len() > most {
        check.wrong("/blocks", &format!("no more than {most} items allowed"));
    }
    let mut seen = BTreeSet::new();
    for (index, block) in all.iter().enumerate() {
        let at = format!("/blocks/{index}");
        let id = text(block, "block_id");
        check.length(&format!("{at}/block_id"), id, 255);
        if !id.is_empty() && !seen.insert(id) {
            check.wrong(&at, &format!("`block_id` {id} already exists"));
        }
        check.block(&at, block);
    }
    check.messages
}

/// What is wrong with a view.
pub(crate) fn check_view(view: &Value) -> Vec<String> {
    let mut check = Check::default();
    let kind = text(view, "type");
    check.known(
        "/view",
        view,
        &["type", "blocks"],
        known_keys::of_view(kind),
    );
    match kind {
        "modal" => {
            if view.get("title").is_none() {
                check.wrong("/view", "missing required field: title");
            }
            for part in ["title", "submit", "close"] {
                if view.get(part).is_some_and(|part| !part.is_null()) {
                    check.text_object(&format!("/view/{part}"), &view[part], 24, true);
                }
            }
            let has_input = list(&view["blocks"])
                .iter()
                .any(|block| text(block, "type") == "input");
            if has_input && view["submit"].is_null() {
                check.wrong("/view", "missing required field: submit");
            }
        }
        "home" => {}
        other => check.wrong("/view/type", &format!("unsupported type: {other}")),
    }
    check.length(
        "/view/private_metadata",
        text(view, "private_metadata"),
        3000,
    );
    check.length("/view/callback_id", text(view, "callback_id"), 255);
    check.length("/view/external_id", text(view, "external_id"), 255);
    let mut messages = check.messages;
    messages.extend(
        check_blocks(&view["blocks"], Surface::View)
            .into_iter()
            .map(|message| message.replace("json-pointer:", "json-pointer:/view")),
    );
    messages
}

#[derive(Default)]
struct Check {
    messages: Vec<String>,
}

impl Check {
    fn wrong(&mut self, at: &str, what: &str) {
        self.messages
            .push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    fn length(&mut self, at: &str, text: &str, most: usize) {
        if text.chars().count() > most {
            self.wrong(at, &format!("must be less than {} characters", most + 1));
        }
    }

    fn count(&mut self, at: &str, items: &Value, most: usize) {
        let Some(all) = items.as_array() else {
            return self.wrong(at, "must be an array");
        };
        if all.is_empty() {
            self.wrong(at, "must have at least 1 item");
        }
        if all.len() > most {
            self.wrong(at, &format!("no more than {most} items allowed"));
        }
    }

    fn text_object(&mut self, at: &str, object: &Value, most: usize, plain: bool) {
        let kind = text(object, "type");
        let known = kind == "plain_text" || (kind == "mrkdwn" && !plain);
        let own: &[&str] = match kind {
            "plain_text" => &["emoji"],
            _ => &["verbatim"],
        };
        self.known(at, object, &["type", "text"], own);
        if !known {
            return self.wrong(at, &format!("unsupported type: {kind:?}"));
        }
        if text(object, "text").is_empty() {
            self.wrong(&format!("{at}/text"), "must be more than 0 characters");
        }
        self.length(&format!("{at}/text"), text(object, "text"), most);
    }

    fn known(&mut self, at: &str, object: &Value, common: &[&str], own: &[&str]) {
        for key in object.as_object().into_iter().flatten().map(|(key, _)| key) {
            if !common.contains(&key.as_str()) && !own.contains(&key.as_str()) {
                self.wrong(at, &format!("invalid additional property: {key}"));
            }
        }
    }

    fn block(&mut self, at: &str, block: &Value) {
        if let Some(own) = known_keys::of_block(text(block, "type")) {
            self.known(at, block, &["type", "block_id"], own);
        }
        match text(block, "type") {
            "section" => {
                if block.get("text").is_some() {
                    self.text_object(&format!("{at}/text"), &block["text"], 3000, false);
                } else if block.get("fields").is_none() {
                    self.wrong(at, "missing required field: text or fields");
                }
                if let Some(fields) = block.get("fields") {
                    self.count(&format!("{at}/fields"), fields, 10);
                    for (index, field) in list(fields).iter().enumerate() {
                        self.text_object(&format!("{at}/fields/{index}"), field, 2000, false);
                    }
                }
                if let Some(accessory) = block.get("accessory") {
                    self.element(&format!("{at}/accessory"), accessory);
                }
            }
            "header" => self.text_object(&format!("{at}/text"), &block["text"], 150, true),
            "context" => {
                self.count(&format!("{at}/elements"), &block["elements"], 10);
                for (index, element) in list(&block["elements"]).iter().enumerate() {
                    if text(element, "type") != "image" {
                        let at = format!("{at}/elements/{index}");
                        self.text_object(&at, element, 3000, false);
                    }
                }
            }
            "actions" => {
                self.count(&format!("{at}/elements"), &block["elements"], 25);
                let mut seen = BTreeSet::new();
                for (index, element) in list(&block["elements"]).iter().enumerate() {
                    let at = format!("{at}/elements/{index}");
                    let id = text(element, "action_id");
                    if !id.is_empty() && !seen.insert(id) {
                        self.wrong(&at, &format!("`action_id` {id} already exists"));
                    }
                    self.element(&at, element);
                }
            }
            "input" => {
                self.text_object(&format!("{at}/label"), &block["label"], 2000, true);
                if block.get("hint").is_some_and(|hint| !hint.is_null()) {
                    self.text_object(&format!("{at}/hint"), &block["hint"], 2000, true);
                }
                self.element(&format!("{at}/element"), &block["element"]);
            }
            "divider" | "image" | "rich_text" | "markdown" | "file" | "video" | "table" => {}
            other => self.wrong(at, &format!("unsupported type: {other}")),
        }
    }

    fn element(&mut self, at: &str, element: &Value) {
        let kind = text(element, "type");
        let id = text(element, "action_id");
        if let Some(own) = known_keys::of_element(kind) {
            self.known(at, element, &["type", "action_id"], &own);
        }
        self.length(&format!("{at}/action_id"), id, 255);
        if let Some(placeholder) = element.get("placeholder") {
            self.text_object(&format!("{at}/placeholder"), placeholder, 150, true);
        }
        if let Some(confirm) = element.get("confirm") {
            self.confirm(&format!("{at}/confirm"), confirm);
        }
        match kind {
            "button" => {
                self.text_object(&format!("{at}/text"), &element["text"], 75, true);
                self.length(&format!("{at}/value"), text(element, "value"), 2000);
                self.length(&format!("{at}/url"), text(element, "url"), 3000);
                let style = text(element, "style");
                if !["", "primary", "danger"].contains(&style) {
                    self.wrong(&format!("{at}/style"), "must be primary or danger");
                }
            }
            "static_select" | "multi_static_select" => match element.get("option_groups") {
                Some(groups) => {
                    self.count(&format!("{at}/option_groups"), groups, 100);
                    for (index, group) in list(groups).iter().enumerate() {
                        let at = format!("{at}/option_groups/{index}");
                        self.text_object(&format!("{at}/label"), &group["label"], 75, true);
                        self.options(&at, group, 100);
                    }
                }
                None => self.options(at, element, 100),
            },
            "radio_buttons" | "checkboxes" => self.options(at, element, 10),
            "overflow" => self.options(at, element, 5),
            "" => self.wrong(at, "missing required field: type"),
            _ => {}
        }
        self.initial(at, element);
    }

    fn options(&mut self, at: &str, holder: &Value, most: usize) {
        self.count(&format!("{at}/options"), &holder["options"], most);
        for (index, option) in list(&holder["options"]).iter().enumerate() {
            let at = format!("{at}/options/{index}");
            self.text_object(&format!("{at}/text"), &option["text"], 75, false);
            self.length(&format!("{at}/value"), text(option, "value"), 75);
            if let Some(description) = option.get("description") {
                self.text_object(&format!("{at}/description"), description, 75, false);
            }
        }
    }

    /// An initial option must be one of the options, word for word.
    fn initial(&mut self, at: &str, element: &Value) {
        let kind = text(element, "type");
        if !["static_select", "radio_buttons"].contains(&kind) {
            return;
        }
        let Some(initial) = element.get("initial_option") else {
            return;
        };
        if !crate::blocks::options(element).contains(initial) {
            self.wrong(
                &format!("{at}/initial_option"),
                "must exactly match one of the provided options",
            );
        }
    }

    fn confirm(&mut self, at: &str, confirm: &Value) {
        for (part, most, plain) in [
            ("title", 100, true),
            ("text", 300, false),
            ("confirm", 30, true),
            ("deny", 30, true),
        ] {
            if confirm.get(part).is_some() {
                self.text_object(&format!("{at}/{part}"), &confirm[part], most, plain);
            }
        }
    }
}
