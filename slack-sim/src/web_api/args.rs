//! Arguments as clients send them: forms with JSON in text fields, JSON bodies, query strings.

use serde_json::{Map, Value};

use super::error::ApiError;
use crate::state::State;

/// Arguments that are JSON even when they come as text.
const STRUCTURED: [&str; 4] = ["blocks", "view", "metadata", "attachments"];

/// The arguments of one call, without the token.
#[derive(Debug, Default)]
pub(crate) struct Args {
    fields: Map<String, Value>,
    pub(crate) token: Option<String>,
}

impl Args {
    /// Reads a query string and a body. A token in a JSON body does not count, as with Slack.
    ///
    /// # Errors
    ///
    /// Slack's names for bodies that are not what their type says, or of no type it takes.
    pub(crate) fn parse(query: &str, content_type: &str, body: &[u8]) -> Result<Self, ApiError> {
        let mut args = Self::default();
        args.form(query.as_bytes());
        if body.is_empty() {
            return Ok(args);
        }
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/json" => {
                let json: Value =
                    serde_json::from_slice(body).map_err(|_| ApiError::named("invalid_json"))?;
                let Value::Object(fields) = json else {
                    return Err(ApiError::named("json_not_object"));
                };
                args.fields.extend(fields);
                args.fields.remove("token");
            }
            "application/x-www-form-urlencoded" | "text/plain" => {
                std::str::from_utf8(body).map_err(|_| ApiError::named("invalid_form_data"))?;
                args.form(body);
            }
            // Clients send it with files alone, which are not imitated.
            "multipart/form-data" => return Err(ApiError::named("invalid_form_data")),
            "" => return Err(ApiError::named("missing_post_type")),
            _ => return Err(ApiError::named("invalid_post_type")),
        }
        Ok(args)
    }

    /// Arguments with nothing but a text.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut args = Self::default();
        args.fields.insert("text".to_owned(), text.into());
        args
    }

    fn form(&mut self, encoded: &[u8]) {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(encoded).unwrap_or_default();
        for (key, text) in pairs {
            if key == "token" {
                self.token = Some(text);
                continue;
            }
            let value = match serde_json::from_str(&text) {
                Ok(json) if STRUCTURED.contains(&key.as_str()) => json,
                _ => Value::String(text),
            };
            self.fields.insert(key, value);
        }
    }

    /// The arguments as they are recorded.
    pub(crate) fn to_json(&self) -> Value {
        let mut fields = self.fields.clone();
        for key in STRUCTURED {
            if fields.contains_key(key) {
                fields.insert(key.to_owned(), self.json(key));
            }
        }
        Value::Object(fields)
    }

    /// A text argument; nothing if it is absent or empty.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        let text = self.fields.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// A text argument that must be there.
    pub(crate) fn required(&self, key: &str) -> Result<&str, ApiError> {
        self.text(key).ok_or_else(|| ApiError::missing(key))
    }

    /// The `team_id` that a token of a whole organisation has to bring.
    ///
    /// # Errors
    ///
    /// If it has to be there and is not, or is not of this organisation.
    pub(super) fn required_team(&self, state: &State) -> Result<(), ApiError> {
        if state.workspace.installed_org().is_none() {
            return Ok(());
        }
        match self.text("team_id") {
            None => Err(ApiError::named("missing_argument")),
            Some(team) if team == state.workspace.team_id => Ok(()),
            Some(_) => Err(ApiError::named("team_not_found")),
        }
    }

    /// `true`, `1`, `"true"` and `"1"` are yes.
    pub(crate) fn flag(&self, key: &str) -> bool {
        match self.fields.get(key) {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => text == "true" || text == "1",
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    /// A whole number, as one or as text.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        match self.fields.get(key)? {
            Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        }
    }

    /// Whether the argument was given at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.fields.get(key).is_some_and(|value| !value.is_null())
    }

    /// A structured argument, decoded if it came as text; `null` if absent.
    pub(crate) fn json(&self, key: &str) -> Value {
        match self.fields.get(key) {
            Some(Value::String(text)) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Some(value) => value.clone(),
            None => Value::Null,
        }
    }
}
