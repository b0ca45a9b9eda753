//! Reading a layer's parameters into the type of its kind.

use serde::de::DeserializeOwned;

use super::InvalidParam;
use crate::domain::Params;

/// Reads parameters into a type that denies unknown fields, and names the one that is wrong.
pub(super) fn parse<T: DeserializeOwned>(params: &Params) -> Result<T, InvalidParam> {
    let value = serde_json::Value::Object(params.clone());
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        InvalidParam {
            key: (path != ".").then_some(path),
            message: error.into_inner().to_string(),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "only parsed")]
        role: String,
    }

    fn wrong(params: serde_json::Value) -> InvalidParam {
        let params = serde_json::from_value(params).unwrap();
        parse::<Example>(&params).unwrap_err()
    }

    #[test]
    fn the_error_names_the_parameter_and_what_would_be_right() {
        let unknown = wrong(json!({"rule": "app_writer"}));
        assert_eq!(unknown.key.as_deref(), Some("rule"));
        assert_eq!(unknown.message, "unknown field `rule`, expected `role`");

        let number = wrong(json!({"role": 7}));
        assert_eq!(number.key.as_deref(), Some("role"));
        assert!(number.message.contains("expected a string"), "{number}");

        let missing = wrong(json!({}));
        assert_eq!(missing.key, None);
        assert_eq!(missing.message, "missing field `role`");
    }
}
