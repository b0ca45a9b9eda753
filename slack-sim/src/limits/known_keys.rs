//! The properties that Block Kit objects may have: Slack refuses any other one.
//!
//! Source: docs.slack.dev, reference/block-kit and reference/views.

/// What a block of this type may have beside `type` and `block_id`; `None` for types whose
/// content is not checked.
pub(super) fn of_block(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "section" => &["text", "fields", "accessory", "expand"],
        "header" => &["text", "level"],
        "divider" => &[],
        "context" | "actions" => &["elements"],
        "input" => &["label", "element", "dispatch_action", "hint", "optional"],
        "image" => &["alt_text", "image_url", "slack_file", "title"],
        "markdown" => &["text"],
        "file" => &["external_id", "source"],
        "rich_text" | "context_actions" => &["elements"],
        "table" => &["rows", "column_settings"],
        "video" => &[
            "alt_text",
            "author_name",
            "description",
            "provider_icon_url",
            "provider_name",
            "thumbnail_url",
            "title",
            "title_url",
            "video_url",
        ],
        _ => return None,
    })
}

/// What an element of this type may have beside `type` and `action_id`; `None` for types whose
/// content is not checked.
pub(super) fn of_element(kind: &str) -> Option<Vec<&'static str>> {
    let own: &[&str] = match kind {
        "button" => &["text", "url", "value", "style", "accessibility_label"],
        "workflow_button" => &["text", "workflow", "style", "accessibility_label"],
        "image" => &["alt_text", "image_url", "slack_file"],
        "static_select" => &["options", "option_groups", "initial_option", "placeholder"],
        "multi_static_select" => &[
            "options",
            "option_groups",
            "initial_options",
            "max_selected_items",
            "placeholder",
        ],
        "multi_external_select" => &[
            "initial_options",
            "max_selected_items",
            "min_query_length",
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
        "rich_text_input" | "email_text_input" | "url_text_input" => {
            &["initial_value", "dispatch_action_config", "placeholder"]
        }
        "number_input" => &[
            "is_decimal_allowed",
            "initial_value",
            "min_value",
            "max_value",
            "dispatch_action_config",
            "placeholder",
        ],
        "file_input" => &["filetypes", "max_files"],
        "users_select" => &["initial_user", "placeholder"],
        "multi_users_select" => &["initial_users", "max_selected_items", "placeholder"],
        "conversations_select" => &[
            "initial_conversation",
            "default_to_current_conversation",
            "response_url_enabled",
            "filter",
            "placeholder",
        ],
        "multi_conversations_select" => &[
            "initial_conversations",
            "default_to_current_conversation",
            "max_selected_items",
            "filter",
            "placeholder",
        ],
        "channels_select" => &["initial_channel", "response_url_enabled", "placeholder"],
        "multi_channels_select" => &["initial_channels", "max_selected_items", "placeholder"],
        "datepicker" => &["initial_date", "placeholder"],
        "timepicker" => &["initial_time", "placeholder", "timezone"],
        "datetimepicker" => &["initial_date_time"],
        _ => return None,
    };
    let is_typed_in = kind.ends_with("_input");
    let asks_first = !is_typed_in && kind != "image";
    let takes_focus = ![
        "button",
        "workflow_button",
        "overflow",
        "image",
        "file_input",
    ]
    .contains(&kind);
    let mut all = own.to_vec();
    all.extend(asks_first.then_some("confirm"));
    all.extend(takes_focus.then_some("focus_on_load"));
    Some(all)
}

/// What a view of this type may have beside `type` and `blocks`.
pub(super) fn of_view(kind: &str) -> &'static [&'static str] {
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
