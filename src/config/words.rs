//! Words for what serde says of a value.

use super::text::choose;

/// How a key is written, for one that is missing or has a value of another type.
const EXAMPLES: [(&str, &str); 29] = [
    ("app_token", "{ env = \"SLACK_APP_TOKEN\" }"),
    ("approval_channel", "\"C0123ABCD\""),
    ("approvers", "[\"dba\"]"),
    ("audit_channel", "\"C0123ABCD\""),
    ("bot_token", "{ env = \"SLACK_BOT_TOKEN\" }"),
    ("default_duration", "\"30m\""),
    ("environments", "[\"prod\", \"research\"]"),
    ("key", "{ env = \"KEYLEND_SECRETS_KEY\" }"),
    (
        "layers",
        "[{ backend = \"pg-prod\", role = \"app_writer\" }]",
    ),
    ("leftovers", "\"drop\""),
    ("login", "\"generated\""),
    ("max_duration", "\"1h\""),
    ("members", "[\"U0123ABCD\"]"),
    ("mode", "\"http\""),
    ("name", "\"gateway\""),
    ("on_leave", "\"end\""),
    ("on_limit", "\"refuse\""),
    ("pattern", "\"^INC-[0-9]+$\""),
    ("program", "\"/usr/local/bin/vpn-access\""),
    ("reason", "\"required\""),
    ("requesters", "[\"engineers\"]"),
    ("revocation", "\"call\""),
    ("risk", "\"high\""),
    ("role", "\"app_writer\""),
    ("secret", "{ env = \"WEBHOOK_SECRET\" }"),
    ("slack_ids", "[\"U0123ABCD\"]"),
    ("stages", "[[\"dba\"], [\"security\"]]"),
    ("title", "\"Production database, write\""),
    ("token", "{ env = \"KEYLEND_API_TOKEN\" }"),
];

/// What is said of a value of another type than an enumeration's.
const NOT_A_WORD: [&str; 5] = [
    "wanted string or table",
    "wanted exactly 1 element",
    "expected empty",
    "expected table, found",
    "invalid type: unit variant",
];

/// What serde says of the value of `key`, or of the table of that name, in the words of a configuration.
/// `written` is the value as it stands in the file; nothing where it may be a secret.
pub(super) fn plain(said: &str, key: &str, written: Option<&str>) -> String {
    let quoted: Vec<_> = said.split('`').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [missing] if said.starts_with("missing field") => {
            let example = example(key, missing);
            let example =
                example.map(|example| format!(": add one, such as `{missing} = {example}`"));
            format!(
                "the key `{missing}` is missing{}",
                example.unwrap_or_default()
            )
        }
        [key, known @ ..] if said.starts_with("unknown field") => {
            choose(format!("unknown key `{key}`"), key, known)
        }
        [value, known @ ..] if said.starts_with("unknown variant") => {
            let all = known.join("`, `");
            choose(format!("`{value}` is not one of `{all}`"), value, known)
        }
        _ if NOT_A_WORD.iter().any(|start| said.starts_with(start)) => {
            let key = last(key);
            let example = example("", key).map(|example| format!(", such as `{key} = {example}`"));
            format!("this must be text in quotes{}", example.unwrap_or_default())
        }
        _ => {
            let said = said.lines().collect::<Vec<_>>().join(" ");
            let mismatch = said
                .strip_prefix("invalid type: ")
                .or(said.strip_prefix("invalid value: "))
                .and_then(|said| said.rsplit_once(", expected "));
            match mismatch {
                Some((found, expected)) => self::mismatch(found, expected, key, written),
                None if last(key) == "api_url" => not_a_url(&said),
                None => said,
            }
        }
    }
}

/// What `url` says of a text that is no URL.
fn not_a_url(said: &str) -> String {
    let why = said.split(": ").next().unwrap_or_default();
    match why {
        "relative URL without a base" => {
            "the URL must start with `https://`, such as `https://slack.com/api/`".to_owned()
        }
        why => format!("this is not a URL such as `https://slack.com/api/`: {why}"),
    }
}

fn mismatch(found: &str, expected: &str, key: &str, written: Option<&str>) -> String {
    let found = found.split([' ', '`']).next().unwrap_or_default();
    let bare = written.map(|written| written.trim_matches(['"', '\'']));
    let highest = match expected {
        "u8" => Some("255"),
        "u16" => Some("65535"),
        "u32" => Some("4294967295"),
        "u64" | "usize" => Some("9223372036854775807"),
        _ => None,
    };
    match (expected, found, written.zip(bare)) {
        ("a sequence", "string", Some((_, bare))) => {
            let items: Vec<_> = bare
                .split(',')
                .map(|item| format!("\"{}\"", item.trim()))
                .collect();
            format!("this must be a list: write `[{}]`", items.join(", "))
        }
        ("a sequence", "map", _) if !key.contains(['.', '[']) => {
            format!("this must be a list of sections: write `[[{key}]]`, with two brackets")
        }
        ("a sequence", "string" | "map", _) => {
            "this must be a list: put `[` and `]` around it".to_owned()
        }
        ("a sequence", ..) => "this must be a list, such as `[\"one\", \"two\"]`".to_owned(),
        ("a string" | "path string", "integer" | "floating" | "boolean", Some((written, _))) => {
            // A time limit needs a unit too.
            let unit = if last(key).ends_with("timeout") {
                "s"
            } else {
                ""
            };
            format!("this must be text in quotes: write `\"{written}{unit}\"`")
        }
        ("a string" | "path string", ..) => "this must be text in quotes".to_owned(),
        ("a boolean", ..) => "this must be `true` or `false`, without quotes".to_owned(),
        (_, "string", Some((_, bare))) if highest.is_some() && bare.parse::<u32>().is_ok() => {
            format!("this must be a number, without quotes: write `{bare}`")
        }
        (_, "integer", _) if highest.is_some() => format!(
            "this must be a whole number from 0 to {}",
            highest.unwrap_or_default()
        ),
        _ if highest.is_some() => {
            "this must be a whole number, such as `3`, without quotes".to_owned()
        }
        (expected, ..) if expected.starts_with("a duration") => {
            format!("this must be {expected}: a number with a unit, in quotes")
        }
        (expected, ..) if expected.starts_with("struct ") || expected == "a map" => match key {
            key if key.contains('[') || key.is_empty() => {
                "this must be a table, such as `{ key = \"value\" }`".to_owned()
            }
            key => format!("this must be a table: write `[{key}]` and its keys below it"),
        },
        (expected, ..) => format!("this must be {expected}"),
    }
}

/// The last key of a path.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// How `key` of the table `table` is written.
fn example(table: &str, key: &str) -> Option<&'static str> {
    if key == "url" {
        return match last(table) {
            "store" => Some("\"sqlite:///var/lib/keylend/keylend.db\""),
            "postgres" => Some("{ env = \"PG_PROD_ADMIN_URL\" }"),
            "webhook" => Some("\"https://vpn.example.com/keylend\""),
            _ => None,
        };
    }
    let found = EXAMPLES.iter().find(|(name, _)| *name == key);
    found.map(|(_, example)| *example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_is_told_what_to_write() {
        for (said, key, written, plainly) in [
            (
                "invalid type: string \"a, b\", expected a sequence",
                "scopes.x.requesters",
                Some("\"a, b\""),
                "this must be a list: write `[\"a\", \"b\"]`",
            ),
            (
                "invalid type: string \"hunter2\", expected a sequence",
                "api.tokens",
                None,
                "this must be a list: put `[` and `]` around it",
            ),
            (
                "invalid type: map, expected a sequence",
                "exclusive",
                Some("[exclusive]"),
                "this must be a list of sections: write `[[exclusive]]`, with two brackets",
            ),
            (
                "invalid type: integer `15`, expected a string",
                "backends.hook.webhook.timeout",
                Some("15"),
                "this must be text in quotes: write `\"15s\"`",
            ),
            (
                "invalid value: integer `300`, expected u8",
                "scopes.x.approvals",
                Some("300"),
                "this must be a whole number from 0 to 255",
            ),
            (
                "invalid type: floating point `1.5`, expected u32",
                "limits.max_active_per_person",
                Some("1.5"),
                "this must be a whole number, such as `3`, without quotes",
            ),
            (
                "invalid type: string \"yes\", expected a boolean",
                "scopes.x.dangerous",
                Some("\"yes\""),
                "this must be `true` or `false`, without quotes",
            ),
            (
                "invalid type: string \"x\", expected struct Raw",
                "slack",
                Some("\"x\""),
                "this must be a table: write `[slack]` and its keys below it",
            ),
            (
                "wanted string or table",
                "scopes.x.risk",
                Some("3"),
                "this must be text in quotes, such as `risk = \"high\"`",
            ),
        ] {
            assert_eq!(plain(said, key, written), plainly);
        }
    }
}
