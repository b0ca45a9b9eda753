//! Arguments as clients send them: forms with JSON in text fields, JSON bodies, query strings.

use serde_json::{Map, Value};

use super::ApiError;

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
    pub(crate) fn parse(query: &str, content_type: &str, body: &[u8]) -> Result<Self, ApiError> {
        let mut args = Self::default();
        args.form(query.as_bytes());
        if content_type.starts_with("application/json") {
            if !body.is_empty() {
                let json: Value =
                    serde_json::from_slice(body).map_err(|_| ApiError::named("invalid_json"))?;
                let Value::Object(fields) = json else {
                    return Err(ApiError::named("json_not_object"));
                };
                args.fields.extend(fields);
                args.fields.remove("token");
            }
        } else {
            args.form(body);
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

    /// `true`, `1`, `"true"` and `"1"` are yes.
    pub(crate) fn flag(&self, key: &str) -> bool {
        match self.fields.get(key) {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => text == "true" || text == "1",
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
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
