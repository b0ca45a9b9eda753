//! The properties that Block Kit objects may have: Slack refuses any other one.
//!
//! Source: docs.slack.dev, reference/block-kit and reference/views.

/// What a block of this type may have beside `type` and `block_id`; `None` for types whose
/// content is not checked.
pub(crate) fn of_block(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "section" => &["text", "fields", "accessory", "expand"],
        "header" => &["text", "level"],
        "divider" => &[],
        "context" | "actions" => &["elements"],
        "input" => &["label", "element", "dispatch_action", "hint", "optional"],
        _ => return None,
    })
}

/// What an element of this type may have beside `type` and `action_id`; `None` for types whose
/// content is not checked.
pub(crate) fn of_element(kind: &str) -> Option<Vec<&'static str>> {
    let own: &[&str] = match kind {
        "button" => &["text", "url", "value", "style", "accessibility_label"],
        "static_select" => &["options", "option_groups", "initial_option", "placeholder"],
        "multi_static_select" => &[
            "options",
            "option_groups",
            "initial_options",
            "max_selected_items",
            "placeholder",
        ],
        "external_select" => &["initial_option", "min_query_length", "placeholder"],
        "radio_buttons" => &["options", "initial_option"],
        "checkboxes" => &["options", "initial_options"],
        "overflow" => &["options"],
        "plain_text_input" => &[
            "initial_value",
            "multiline",
            "min_length",
            "max_length",
            "dispatch_action_config",
            "placeholder",
        ],
        "users_select" => &["initial_user", "placeholder"],
        "datepicker" => &["initial_date", "placeholder"],
        "timepicker" => &["initial_time", "placeholder", "timezone"],
        "datetimepicker" => &["initial_date_time"],
        _ => return None,
    };
    let asks_first = kind != "plain_text_input";
    let takes_focus = !["button", "overflow"].contains(&kind);
    let mut all = own.to_vec();
    all.extend(asks_first.then_some("confirm"));
    all.extend(takes_focus.then_some("focus_on_load"));
    Some(all)
}

/// What a view of this type may have beside `type` and `blocks`.
pub(crate) fn of_view(kind: &str) -> &'static [&'static str] {
    match kind {
        "home" => &["private_metadata", "callback_id", "external_id"],
        _ => &[
            "private_metadata",
            "callback_id",
            "external_id",
            "title",
            "submit",
            "close",
            "clear_on_close",
            "notify_on_close",
            "submit_disabled",
        ],
    }
}
