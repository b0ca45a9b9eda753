//! A modal or an App Home as one person has it before them.

use serde_json::{Value, json};

use crate::{blocks, mistake::Mistake};

/// A view with what is filled in, as the object that Slack sends.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub(crate) json: Value,
}

impl View {
    /// `V…`.
    pub fn id(&self) -> &str {
        blocks::text(&self.json, "id")
    }

    /// Changes with every update; given back to `views.update` and `views.publish`.
    pub fn hash(&self) -> &str {
        blocks::text(&self.json, "hash")
    }

    /// What the app calls this kind of view.
    pub fn callback_id(&self) -> &str {
        blocks::text(&self.json, "callback_id")
    }

    /// The app's own key for this view.
    pub fn external_id(&self) -> &str {
        blocks::text(&self.json, "external_id")
    }

    /// What the app keeps in the view.
    pub fn private_metadata(&self) -> &str {
        blocks::text(&self.json, "private_metadata")
    }

    /// The title's text; empty for an App Home.
    pub fn title(&self) -> &str {
        blocks::text(&self.json["title"], "text")
    }

    /// The blocks, an array.
    pub fn blocks(&self) -> &Value {
        &self.json["blocks"]
    }

    /// `state.values`: by `block_id`, then by `action_id`.
    pub fn values(&self) -> &Value {
        &self.json["state"]["values"]
    }

    /// The whole view object.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The `action_id`s of everything in it that can be used or filled in.
    pub fn action_ids(&self) -> Vec<String> {
        blocks::action_ids(self.blocks())
    }

    /// The title and every text in the blocks, one a line.
    pub fn all_text(&self) -> String {
        let mut lines = Vec::new();
        blocks::collect_text(&self.json, &mut lines);
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }

    /// Whether any text in it contains `needle`.
    pub fn says(&self, needle: &str) -> bool {
        self.all_text().contains(needle)
    }

    /// Enters `value` in the element with this `action_id`, in the block with this id if one is
    /// given, and answers its state value. `offered` are options that were suggested for it.
    pub(crate) fn enter(
        &mut self,
        block_id: Option<&str>,
        action_id: &str,
        value: &Value,
        offered: &[Value],
    ) -> Result<Value, Mistake> {
        let all = blocks::elements(self.blocks());
        let wanted = all.iter().find(|found| {
            found.action_id() == action_id && block_id.is_none_or(|id| found.block_id() == id)
        });
        let Some(found) = wanted else {
            let ids =
                |found: &blocks::Found<'_>| format!("{}/{}", found.block_id(), found.action_id());
            let there: Vec<_> = all.iter().map(ids).collect();
            let message = format!("no input {block_id:?} {action_id:?}; there are {there:?}");
            return Err(Mistake::NotThere(message));
        };
        let entered = blocks::entered(found.element, value, offered)
            .map_err(|error| Mistake::Impossible(format!("{action_id}: {error}")))?;
        let block_id = found.block_id().to_owned();
        self.json["state"]["values"][&block_id][action_id] = entered.clone();
        Ok(entered)
    }

    /// What keeps a person from pressing submit, by `block_id`: Slack's client checks these itself
    /// and sends nothing.
    pub(crate) fn unfinished(&self) -> std::collections::BTreeMap<String, String> {
        let mut wrong = std::collections::BTreeMap::new();
        for found in blocks::elements(self.blocks()) {
            if !found.is_input() {
                continue;
            }
            let Some((field, _)) = blocks::value_fields(found.kind()) else {
                continue;
            };
            let value = &self.values()[found.block_id()][found.action_id()][field];
            let length = value.as_str().map(|text| text.chars().count() as u64);
            let empty = value.is_null() || length == Some(0) || *value == json!([]);
            let limit = |key: &str| found.element.get(key).and_then(Value::as_u64);
            let complaint = if empty {
                (found.block["optional"] != json!(true))
                    .then(|| "Please complete this required field.".to_owned())
            } else if limit("max_length").is_some_and(|max| length > Some(max)) {
                Some("Too long.".to_owned())
            } else if limit("min_length").is_some_and(|min| length < Some(min)) {
                Some("Too short.".to_owned())
            } else {
                None
            };
            if let Some(complaint) = complaint {
                wrong.insert(found.block_id().to_owned(), complaint);
            }
        }
        wrong
    }
}
