//! What a target answers.

use std::time::Duration;

use chrono::SubsecRound;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    backend::{BackendError, Diagnosis, Granted, Holder, Presence},
    domain::{Entitlement, Leftover, Leftovers, Receipt, Time},
    sanitize::{escaped, excerpt, is_control, turns_direction},
    secret::SecretField,
};

/// The most secrets of one answer.
const SECRETS: usize = 10;

/// The longest label of a secret, in characters.
const LABEL: usize = 80;

/// Reads the answer to `grant`, which may be empty. Fields that it does not know are ignored.
pub(super) fn granted(answer: &[u8]) -> Result<Granted, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        secrets: Vec<Field>,
        receipt: Option<Receipt>,
        ends_at: Option<Time>,
    }
    #[derive(Deserialize)]
    struct Field {
        label: String,
        value: SecretString,
    }

    if answer.trim_ascii().is_empty() {
        return Ok(Granted::default());
    }
    let fail = |message: String| BackendError::Fail(message.into());
    if !is_object(answer) {
        return Err(fail(
            "the answer to `grant` is not as the protocol says: it is no JSON object".to_owned(),
        ));
    }
    // What is wrong with it is not quoted: it may be a secret.
    let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
        fail(format!(
            "the answer to `grant` is not as the protocol says, at line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    if answer.secrets.len() > SECRETS {
        return Err(fail(format!("the target gave more than {SECRETS} secrets")));
    }
    let field = |field: Field| {
        let label = field.label.trim();
        let is_label = (1..=LABEL).contains(&label.chars().count())
            && !label
                .chars()
                .any(|char| is_control(char) || turns_direction(char));
        let value = field.value.expose_secret();
        let is_text = !value.is_empty()
            && !value
                .chars()
                .any(|char| is_control(char) && !matches!(char, '\n' | '\r' | '\t'));
        match is_label && is_text {
            true => Ok(SecretField {
                label: label.to_owned(),
                value: field.value,
            }),
            false => Err(fail(format!(
                "a secret of the target is not text, or has no label of 1 to {LABEL} characters"
            ))),
        }
    };
    let secrets = answer.secrets.into_iter().map(field);
    Ok(Granted {
        secrets: secrets.collect::<Result<_, _>>()?,
        receipt: answer.receipt,
        ends_at: answer.ends_at.map(to_millis),
        caveat: None,
    })
}

/// Cut to the millisecond, as [`Time`] is everywhere.
fn to_millis(at: Time) -> Time {
    at.trunc_subsecs(3)
}

/// Reads the answer to `status`. Fields that it does not know are ignored.
pub(super) fn presence(answer: &[u8]) -> Result<Presence, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        present: bool,
        #[serde(default)]
        pending: bool,
        retry_after: Option<u32>,
    }

    let wrong = |why: &str| {
        let message =
            format!("the status is not `{{\"present\": true}}` or `{{\"present\": false}}`: {why}");
        BackendError::Fail(message.into())
    };
    if !is_object(answer) {
        return Err(wrong("it is no JSON object"));
    }
    match serde_json::from_slice(answer) {
        Ok(Answer {
            pending: true,
            retry_after,
            ..
        }) => Err(BackendError::Pending {
            retry_after: retry_after.map(|seconds| Duration::from_secs(seconds.into())),
        }),
        Ok(Answer { present: true, .. }) => Ok(Presence::Present),
        Ok(Answer { present: false, .. }) => Ok(Presence::Absent),
        Err(error) => Err(wrong(&excerpt(&error.to_string()))),
    }
}

/// Reads what the answer to `status` lists as left behind. Fields that it does not know are ignored.
pub(super) fn leftovers(answer: &[u8]) -> Result<Leftovers, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        leftovers: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        what: String,
        #[serde(default)]
        dropped: bool,
    }

    let answer: Answer = read("status", answer)?;
    let leftover = |listed: Listed| Leftover {
        what: short(&listed.what),
        dropped: listed.dropped,
    };
    Ok(Leftovers::new(answer.leftovers.into_iter().map(leftover)))
}

/// The most lines of each list of a diagnosis.
const LINES: usize = 100;

/// Reads the answer to `diagnose`. Fields that it does not know are ignored.
pub(super) fn diagnosis(answer: &[u8]) -> Result<Diagnosis, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        version: Option<String>,
        #[serde(default)]
        present: Vec<String>,
        #[serde(default)]
        missing: Vec<String>,
        #[serde(default)]
        unneeded: Vec<String>,
    }

    let answer: Answer = read("diagnose", answer)?;
    let lines = |name: &str, lines: Vec<String>| match lines.len() {
        ..=LINES => Ok(lines.iter().map(|line| excerpt(line)).collect()),
        _ => Err(wrong(
            "diagnose",
            &format!("`{name}` has more than {LINES} lines"),
        )),
    };
    Ok(Diagnosis {
        version: answer.version.as_deref().map(excerpt),
        present: lines("present", answer.present)?,
        missing: lines("missing", answer.missing)?,
        unneeded: lines("unneeded", answer.unneeded)?,
        reach: Vec::new(),
    })
}

/// Reads the answer to `inventory`. Fields that it does not know are ignored. Names are shown so that no two
/// that differ look the same, and none makes the list an error: holders may have chosen their own.
pub(super) fn holders(answer: &[u8]) -> Result<Vec<Holder>, BackendError> {
    #[derive(Deserialize)]
    struct Answer {
        holders: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        name: String,
        granted_by: Option<String>,
        managed: bool,
        entitlement: Option<String>,
    }

    let answer: Answer = read("inventory", answer)?;
    let holder = |listed: Listed| Holder {
        name: short(&listed.name),
        granted_by: listed.granted_by.as_deref().map(short),
        is_managed: listed.managed,
        entitlement: listed
            .entitlement
            .as_deref()
            .map(short)
            .map(Entitlement::new),
    };
    Ok(answer.holders.into_iter().map(holder).collect())
}

/// The longest name that is shown in full, in characters.
const NAME: usize = 300;

/// The name with its control characters as escapes.
fn short(name: &str) -> String {
    let name = escaped(name);
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

fn read<T: DeserializeOwned>(action: &str, answer: &[u8]) -> Result<T, BackendError> {
    if !is_object(answer) {
        return Err(wrong(action, "it is no JSON object"));
    }
    serde_json::from_slice(answer).map_err(|error| wrong(action, &excerpt(&error.to_string())))
}

/// Whether the answer begins as an object. Serde reads the fields of an object from a list too.
fn is_object(answer: &[u8]) -> bool {
    answer.trim_ascii_start().starts_with(b"{")
}

fn wrong(action: &str, what: &str) -> BackendError {
    let message = format!("the answer to `{action}` is not as the protocol says: {what}");
    BackendError::Fail(message.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_grant_may_answer_with_secrets_a_receipt_and_its_end() {
        for nothing in ["", " \n", "{}", r#"{"present": true}"#] {
            let nothing = granted(nothing.as_bytes()).unwrap();
            assert!(nothing.secrets.is_empty() && nothing.receipt.is_none());
        }
        let answer = json!({
            "secrets": [{"label": " Token ", "value": "s3cret"}],
            "receipt": "lease-7",
            "ends_at": "2026-11-02T10:00:00.123456Z",
        });
        let answer = granted(answer.to_string().as_bytes()).unwrap();
        assert_eq!(answer.secrets[0].label, "Token");
        assert_eq!(answer.secrets[0].value.expose_secret(), "s3cret");
        assert_eq!(answer.receipt.unwrap().as_str(), "lease-7");
        let ends_at: Time = "2026-11-02T10:00:00.123Z".parse().unwrap();
        assert_eq!(answer.ends_at, Some(ends_at));
    }

    #[test]
    fn a_wrong_answer_to_a_grant_fails_without_telling_a_secret() {
        let many = vec![json!({"label": "s3cret", "value": "s3cret"}); 11];
        for answer in [
            "s3cret".to_owned(),
            r#"{"secrets": "s3cret"}"#.to_owned(),
            r#"{"secrets": [{"label": "s3cret"}]}"#.to_owned(),
            r#"{"secrets": [{"label": "s3cret\u202e", "value": "s3cret"}]}"#.to_owned(),
            r#"{"secrets": [{"label": "", "value": "s3cret"}]}"#.to_owned(),
            r#"{"receipt": "s3cret\n"}"#.to_owned(),
            r#"[[{"label": "s3cret", "value": "s3cret"}], null, null]"#.to_owned(),
            r#"{"ends_at": "s3cret"}"#.to_owned(),
            json!({ "secrets": many }).to_string(),
        ] {
            match granted(answer.as_bytes()) {
                Err(BackendError::Fail(failure)) => {
                    assert!(!failure.to_string().contains("s3cret"), "{failure}");
                }
                other => panic!("{answer}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_not_absence() {
        assert_eq!(
            presence(br#"{"present": true}"#).unwrap(),
            Presence::Present
        );
        assert_eq!(
            presence(br#"{"present": false, "note": 1}"#).unwrap(),
            Presence::Absent
        );
        for answer in [
            "",
            "{}",
            "null",
            "false",
            r#"{"present": "no"}"#,
            r#"{"present": true} and more"#,
            "[false, false, null]",
            r#"{"present": false, "present": true}"#,
            r#"{"pending": true}"#,
            r#"{"present": false, "pending": "no"}"#,
            r#"{"present": false, "pending": false, "retry_after": -1}"#,
        ] {
            let outcome = presence(answer.as_bytes());
            assert!(matches!(outcome, Err(BackendError::Fail(_))), "{answer}");
        }
    }

    #[test]
    fn what_is_pending_is_neither_present_nor_absent() {
        for (answer, asked_for) in [
            (r#"{"present": false, "pending": true}"#, None),
            (
                r#"{"present": true, "pending": true, "retry_after": 30}"#,
                Some(30),
            ),
        ] {
            match presence(answer.as_bytes()) {
                Err(BackendError::Pending { retry_after }) => {
                    assert_eq!(retry_after, asked_for.map(Duration::from_secs));
                }
                other => panic!("{answer}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_was_left_behind_is_harmless_text_and_the_presence_does_not_depend_on_it() {
        let answer = json!({
            "present": false,
            "leftovers": [
                {"what": "page\u{1b}[31m Draft"},
                {"what": "token 7", "dropped": true, "note": 1},
            ],
        })
        .to_string();
        let listed = leftovers(answer.as_bytes()).unwrap();
        let thing = |what: &str, dropped| Leftover {
            what: what.to_owned(),
            dropped,
        };
        let things = [
            thing(r"page\u{1b}[31m Draft", false),
            thing("token 7", true),
        ];
        assert_eq!(listed.items(), things);
        let none = leftovers(br#"{"present": false}"#).unwrap();
        assert_eq!(none, Leftovers::default());
        for wrong in [
            r#"{"present": false, "leftovers": "page"}"#,
            r#"{"present": false, "leftovers": ["page"]}"#,
        ] {
            assert!(leftovers(wrong.as_bytes()).is_err(), "{wrong}");
            assert_eq!(presence(wrong.as_bytes()).unwrap(), Presence::Absent);
        }
    }

    #[test]
    fn a_diagnosis_is_a_few_short_lines() {
        let answer = json!({
            "version": "wiki 4.2\u{1b}[31m",
            "missing": ["edit the group `docs`:\n ask an owner"],
            "note": 1,
        });
        let diagnosis = diagnosis(answer.to_string().as_bytes()).unwrap();
        assert_eq!(diagnosis.version.unwrap(), "wiki 4.2 [31m");
        assert_eq!(diagnosis.missing, ["edit the group `docs`: ask an owner"]);
        assert!(diagnosis.present.is_empty() && diagnosis.unneeded.is_empty());
    }

    #[test]
    fn names_that_differ_never_look_the_same_and_none_spoils_the_list() {
        let long = "é".repeat(301);
        let names = ["alice", "alice\u{202e}", " alice", "", long.as_str()];
        let answer = names.map(|name| json!({"name": name, "managed": false}));
        let answer = json!({ "holders": answer }).to_string();
        let holders = holders(answer.as_bytes()).unwrap();
        let shown: Vec<_> = holders.iter().map(|holder| holder.name.as_str()).collect();
        let cut = format!("{}…", "é".repeat(300));
        assert_eq!(
            shown,
            ["alice", r"alice\u{202e}", " alice", "", cut.as_str()]
        );
    }
}
