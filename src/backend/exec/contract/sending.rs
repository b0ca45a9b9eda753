//! Keylend's side of a program, with shell scripts that do what the test says.

use std::{fs, sync::Arc, time::Duration};

use keylend::backend::{Backend, BackendError, Presence};
use serde_json::{Value, json};

use crate::subject::Calls as _;
use crate::{
    schema::ORDER,
    subject::{build, order},
};

/// A target that runs `/bin/sh` with these arguments.
fn shell(args: &[&dyn std::fmt::Display], limit: &str, more: &str) -> Arc<dyn Backend> {
    let args: Vec<_> = args.iter().map(|arg| format!("'''{arg}'''")).collect();
    let args = args.join(", ");
    build(&format!(
        "[exec]\nprogram = \"/bin/sh\"\nargs = [{args}]\ntimeout = \"{limit}\"\n{more}"
    ))
}

/// A target that runs this text.
fn script(text: &str) -> Arc<dyn Backend> {
    shell(&[&"-c", &text], "60s", "")
}

#[tokio::test]
async fn the_exit_code_says_whether_trying_again_makes_sense() {
    let order = order("alice", json!({}));
    let grant = async |text: &str| script(text).grant(&order, None).await;
    assert!(grant("exit 0").await.is_ok());
    for (text, message) in [
        ("exit 75", "the program asks to be tried again"),
        ("echo one >&2; echo two >&2; exit 75", "two"),
        (
            "kill -KILL $$",
            "the program was stopped (signal: 9 (SIGKILL))",
        ),
    ] {
        match grant(text).await {
            Err(BackendError::Retry(said)) => assert_eq!(said.to_string(), message),
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, message) in [
        ("exit 76", "the program has received a newer order"),
        ("echo 'generation 7' >&2; exit 76", "generation 7"),
    ] {
        match grant(text).await {
            Err(BackendError::Superseded(said)) => assert_eq!(said.to_string(), message),
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, message) in [
        ("exit 1", "the program ended with 1"),
        (
            r"printf 'no \033[31msuch\tuser\n\n' >&2; exit 1",
            "no [31msuch user",
        ),
    ] {
        match grant(text).await {
            Err(BackendError::Fail(said)) => assert_eq!(said.to_string(), message),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_program_sees_only_the_environment_it_was_given() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seen = folder.path().join("seen");
    let text = format!("env > '{}'; pwd >> '{0}'", seen.display());
    let more = "env = { GATEWAY = 'vpn.example.com' }\npass_env = ['CARGO_MANIFEST_DIR']";
    shell(&[&"-c", &text], "60s", more)
        .grant(&order("alice", json!({})), None)
        .await
        .expect("made");

    let seen = fs::read_to_string(seen).expect("it wrote");
    let mut lines: Vec<_> = seen.lines().collect();
    assert_eq!(lines.pop(), Some("/"), "the folder that it runs in");
    let mut names: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split('=').next())
        .collect();
    // A shell sets these itself.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["CARGO_MANIFEST_DIR", "GATEWAY", "PATH"]);
}

#[tokio::test]
async fn every_document_that_is_sent_follows_the_schema() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seen = folder.path().join("seen");
    let text = format!(
        "cat >> '{0}'; echo >> '{0}'; echo '{{\"present\": true, \"holders\": []}}'",
        seen.display()
    );
    let (backend, order) = (script(&text), order("alice", json!({"group": "vpn"})));
    backend.grant(&order, None).await.expect("made");
    backend.revoke(&order).await.expect("taken back");
    backend.status(&order).await.expect("an answer");
    let holders = backend.bound(&order).holders().await;
    assert_eq!(holders.expect("a list"), []);
    let seen = fs::read_to_string(seen).expect("it wrote");
    let documents: Vec<Value> = seen
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let actions: Vec<_> = documents
        .iter()
        .map(|document| &document["action"])
        .collect();
    assert_eq!(actions, ["grant", "revoke", "status", "inventory"]);
    for document in &documents {
        ORDER.check(document);
    }
}

#[tokio::test]
async fn a_program_that_is_still_working_says_so_in_its_status() {
    let order = order("alice", json!({}));
    for present in ["true", "false"] {
        let answer = format!(r#"{{"present": {present}, "pending": true, "retry_after": 30}}"#);
        match script(&format!("echo '{answer}'")).status(&order).await {
            Err(BackendError::Pending { retry_after }) => {
                assert_eq!(retry_after, Some(Duration::from_secs(30)));
            }
            other => panic!("{answer}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_action_that_the_program_does_not_support_is_named() {
    match script("echo 'usage: …' >&2; exit 64").diagnose(&[]).await {
        Err(BackendError::Fail(said)) => assert_eq!(
            said.to_string(),
            "this receiver does not support `diagnose`"
        ),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_list_may_be_longer_than_other_answers() {
    let text = "printf '{\"holders\": ['
        yes '{\"name\": \"alice\", \"managed\": true},' | head -n 10000
        echo '{\"name\": \"bob\", \"managed\": false}]}'";
    let layer = script(text).bound(&order("alice", json!({})));
    assert_eq!(layer.holders().await.expect("a list").len(), 10_001);
    let layer = script("yes").bound(&order("alice", json!({})));
    let outcome = layer.holders().await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_program_past_its_time_is_killed_with_what_it_started() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let child = folder.path().join("child");
    let text = format!("sleep 600 & echo $! > '{}'; wait", child.display());
    let backend = shell(&[&"-c", &text], "200ms", "");
    let outcome = backend.status(&order("alice", json!({}))).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );

    let child = fs::read_to_string(child).expect("it started one");
    let state = || fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    let gone = async {
        // The system may take a moment to bury it.
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, gone).await.expect("killed");
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_not_json_is_not_absence() {
    let order = order("alice", json!({}));
    for text in [
        "yes | head -c 70000",
        "yes",
        "echo absent",
        "true",
        "echo '{}'",
    ] {
        let outcome = script(text).status(&order).await;
        assert!(
            matches!(outcome, Err(BackendError::Fail(_))),
            "{text}: {outcome:?}"
        );
    }
    let outcome = script("yes | head -c 70000").revoke(&order).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
    let noisy = "yes | head -c 1000000 >&2; echo '{\"present\": true}'";
    assert_eq!(
        script(noisy).status(&order).await.unwrap(),
        Presence::Present
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_not_tried_again() {
    let backend = build("[exec]\nprogram = '/nowhere/vpn-access'");
    let outcome = backend.grant(&order("alice", json!({})), None).await;
    assert!(matches!(outcome, Err(BackendError::Fail(_))), "{outcome:?}");
}
