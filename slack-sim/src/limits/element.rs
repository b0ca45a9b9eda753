//! Elements: what people press, choose and fill in.

use serde_json::Value;

use super::{check::Check, known_keys};
use crate::blocks::{list, text};

/// What an actions block may hold.
pub(super) const IN_ACTIONS: &[&str] = &[
    "button",
    "channels_select",
    "checkboxes",
    "conversations_select",
    "datepicker",
    "datetimepicker",
    "external_select",
    "multi_channels_select",
    "multi_conversations_select",
    "multi_external_select",
    "multi_static_select",
    "multi_users_select",
    "overflow",
    "radio_buttons",
    "rich_text_input",
    "static_select",
    "timepicker",
    "users_select",
    "workflow_button",
];

/// What may stand beside a section's text.
pub(super) const IN_SECTION: &[&str] = &[
    "button",
    "channels_select",
    "checkboxes",
    "conversations_select",
    "datepicker",
    "external_select",
    "image",
    "multi_channels_select",
    "multi_conversations_select",
    "multi_external_select",
    "multi_static_select",
    "multi_users_select",
    "overflow",
    "radio_buttons",
    "static_select",
    "timepicker",
    "users_select",
    "workflow_button",
];

/// What an input block may hold.
pub(super) const IN_INPUT: &[&str] = &[
    "channels_select",
    "checkboxes",
    "conversations_select",
    "datepicker",
    "datetimepicker",
    "email_text_input",
    "external_select",
    "file_input",
    "multi_channels_select",
    "multi_conversations_select",
    "multi_external_select",
    "multi_static_select",
    "multi_users_select",
    "number_input",
    "plain_text_input",
    "radio_buttons",
    "rich_text_input",
    "static_select",
    "timepicker",
    "url_text_input",
    "users_select",
];

/// What a context actions block may hold.
pub(super) const IN_CONTEXT_ACTIONS: &[&str] = &["feedback_buttons", "icon_button"];

/// An element in a place that allows these types.
pub(super) fn one(check: &mut Check, at: &str, element: &Value, allowed: &[&str]) {
    if !element.is_object() {
        return check.wrong(at, "must provide an object");
    }
    let kind = text(element, "type");
    if kind.is_empty() {
        return check.missing(at, "type");
    }
    if !allowed.contains(&kind) {
        return check.wrong(&format!("{at}/type"), &format!("unsupported type: {kind}"));
    }
    if let Some(own) = known_keys::of_element(kind) {
        check.known(at, element, &["type", "action_id"], &own);
    }
    common(check, at, element);
    match kind {
        "button" => {
            label(check, at, element);
            check.string(at, element, "value", 2000);
            check.string(at, element, "url", 3000);
        }
        "workflow_button" => {
            label(check, at, element);
            check.needs(at, element, "workflow");
        }
        "static_select" | "multi_static_select" => menu(check, at, element),
        "radio_buttons" | "checkboxes" => options(check, at, element, 10, Texts::Any),
        "overflow" => options(check, at, element, 5, Texts::Linked),
        "external_select" | "multi_external_select" => {
            check.number(at, element, "min_query_length", 0, i64::MAX);
        }
        "plain_text_input" => text_input(check, at, element),
        "number_input" => {
            check.needs(at, element, "is_decimal_allowed");
            check.flag(at, element, "is_decimal_allowed");
        }
        "file_input" => check.number(at, element, "max_files", 1, 10),
        "datepicker" => shape(check, at, element, "initial_date", "dddd-dd-dd"),
        "timepicker" => shape(check, at, element, "initial_time", "dd:dd"),
        "datetimepicker" => {
            let (least, most) = (1_000_000_000, 9_999_999_999);
            check.number(at, element, "initial_date_time", least, most);
        }
        "image" => image(check, at, element),
        _ => {}
    }
    initial(check, at, element);
}

/// What most elements have.
fn common(check: &mut Check, at: &str, element: &Value) {
    check.string(at, element, "action_id", 255);
    if element["action_id"] == "" {
        check.wrong(&format!("{at}/action_id"), "must be more than 0 characters");
    }
    if element.get("placeholder").is_some_and(|one| !one.is_null()) {
        check.plain(&format!("{at}/placeholder"), &element["placeholder"], 150);
    }
    if element.get("confirm").is_some_and(|one| !one.is_null()) {
        confirm(check, &format!("{at}/confirm"), &element["confirm"]);
    }
    check.flag(at, element, "focus_on_load");
    check.focused += usize::from(element["focus_on_load"] == true);
    check.number(at, element, "max_selected_items", 1, i64::MAX);
}

fn label(check: &mut Check, at: &str, element: &Value) {
    if check.needs(at, element, "text") {
        check.plain(&format!("{at}/text"), &element["text"], 75);
    }
    check.string(at, element, "accessibility_label", 75);
    check.word(at, element, "style", &["primary", "danger"]);
}

fn text_input(check: &mut Check, at: &str, element: &Value) {
    check.number(at, element, "min_length", 0, 3000);
    check.number(at, element, "max_length", 1, 3000);
    let length = |key: &str| element.get(key).and_then(Value::as_i64);
    if let (Some(least), Some(most)) = (length("min_length"), length("max_length"))
        && least > most
    {
        check.wrong(
            &format!("{at}/min_length"),
            "must not be greater than max_length",
        );
    }
    check.flag(at, element, "multiline");
    check.string(at, element, "initial_value", 3000);
}

/// What the texts of options may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    Plain,
    /// Plain, and the option may be a link.
    Linked,
    /// With markup too.
    Any,
}

fn menu(check: &mut Check, at: &str, element: &Value) {
    let Some(_) = element.get("option_groups") else {
        return options(check, at, element, 100, Texts::Plain);
    };
    if element.get("options").is_some() {
        check.wrong(at, "only one of options and option_groups allowed");
    }
    for (index, group) in check
        .items(at, element, "option_groups", 100)
        .iter()
        .enumerate()
    {
        let at = format!("{at}/option_groups/{index}");
        check.known(&at, group, &["label", "options"], &[]);
        if check.needs(&at, group, "label") {
            check.plain(&format!("{at}/label"), &group["label"], 75);
        }
        options(check, &at, group, 100, Texts::Plain);
    }
}

fn options(check: &mut Check, at: &str, holder: &Value, most: usize, texts: Texts) {
    let own: &[&str] = match texts {
        Texts::Linked => &["url"],
        Texts::Plain | Texts::Any => &[],
    };
    for (index, option) in check.items(at, holder, "options", most).iter().enumerate() {
        let at = format!("{at}/options/{index}");
        check.known(&at, option, &["text", "value", "description"], own);
        check.required_string(&at, option, "value", 75);
        check.string(&at, option, "url", 3000);
        for key in ["text", "description"] {
            let is_there = option.get(key).is_some_and(|one| !one.is_null());
            if key == "description" && !is_there || !check.needs(&at, option, key) {
                continue;
            }
            let at = format!("{at}/{key}");
            match texts {
                Texts::Any => check.text(&at, &option[key], 75),
                Texts::Plain | Texts::Linked => check.plain(&at, &option[key], 75),
            }
        }
    }
}

/// What is chosen at first must be one of the options, word for word.
fn initial(check: &mut Check, at: &str, element: &Value) {
    let is_closed = [
        "static_select",
        "multi_static_select",
        "radio_buttons",
        "checkboxes",
    ];
    if !is_closed.contains(&text(element, "type")) {
        return;
    }
    let offered = crate::blocks::options(element);
    let mut matches = |at: String, chosen: &Value| {
        if !offered.contains(chosen) {
            check.wrong(&at, "must exactly match one of the provided options");
        }
    };
    if let Some(chosen) = element.get("initial_option") {
        matches(format!("{at}/initial_option"), chosen);
    }
    for (index, chosen) in list(&element["initial_options"]).iter().enumerate() {
        matches(format!("{at}/initial_options/{index}"), chosen);
    }
}

/// Text of this shape, `d` standing for a digit, or nothing.
fn shape(check: &mut Check, at: &str, element: &Value, key: &str, shape: &str) {
    let Some(text) = element.get(key).and_then(Value::as_str) else {
        return check.string(at, element, key, shape.len());
    };
    let fits = |(letter, wanted): (char, char)| match wanted {
        'd' => letter.is_ascii_digit(),
        other => letter == other,
    };
    if text.chars().count() != shape.len() || !text.chars().zip(shape.chars()).all(fits) {
        check.wrong(&format!("{at}/{key}"), "invalid format");
    }
}

fn confirm(check: &mut Check, at: &str, confirm: &Value) {
    let parts = ["title", "text", "confirm", "deny"];
    check.known(at, confirm, &parts, &["style"]);
    check.word(at, confirm, "style", &["primary", "danger"]);
    for (part, most) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
        if !check.needs(at, confirm, part) {
            continue;
        }
        let at = format!("{at}/{part}");
        match part {
            "text" => check.text(&at, &confirm[part], most),
            _ => check.plain(&at, &confirm[part], most),
        }
    }
}

/// An image, block or element: one source, and words for those who do not see it.
pub(super) fn image(check: &mut Check, at: &str, image: &Value) {
    check.required_string(at, image, "alt_text", 2000);
    match (image.get("image_url"), image.get("slack_file")) {
        (None, None) => check.missing(at, "image_url"),
        (Some(_), Some(_)) => check.wrong(at, "only one of image_url and slack_file allowed"),
        (Some(_), None) => check.required_string(at, image, "image_url", 3000),
        (None, Some(file)) => {
            let at = format!("{at}/slack_file");
            check.known(&at, file, &["id", "url"], &[]);
            if file.get("id").is_none() && file.get("url").is_none() {
                check.missing(&at, "id");
            }
        }
    }
}
