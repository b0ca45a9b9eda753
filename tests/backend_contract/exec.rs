//! A shell script that keeps files, as an operator would write one.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use keylend::{
    backend::{Backend, BackendError, Order, Presence},
    domain::Time,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::subject::{Subject, build, order};

/// `$1` is the folder where it keeps who has access, one file each.
const SCRIPT: &str = r#"
field() {
    printf '%s' "$document" | grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4
}

if [ -e "$1/down" ]; then
    echo 'looking for the gateway' >&2
    echo 'the gateway is down' >&2
    exit 75
fi
if [ -e "$1/hang" ]; then
    sleep 600 &
    echo "$!" > "$1/child"
    wait
fi
document=$(cat)
access="$1/$(field entitlement)"
case $(field action) in
    grant) field expires_at > "$access.$$" && mv "$access.$$" "$access" ;;
    revoke) rm -f "$access" ;;
    status)
        if [ -e "$access" ]; then
            echo '{"present": true}'
        else
            echo '{"present": false}'
        fi
        ;;
    *) exit 64 ;;
esac
"#;

pub(crate) struct Script {
    folder: tempfile::TempDir,
    backend: Arc<dyn Backend>,
}

impl Script {
    fn file(&self, order: &Order) -> PathBuf {
        let name = self.backend.entitlement(order);
        self.folder.path().join(name.as_str())
    }

    fn switch(&self, name: &str) {
        fs::write(self.folder.path().join(name), "").expect("a file in a folder of ours");
    }
}

impl Subject for Script {
    const CONFIG: &str = "[exec]\nprogram = '/bin/true'";

    async fn start(limit: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = folder.path().join("access.sh");
        fs::write(&script, SCRIPT).expect("a file in a folder of ours");
        let backend = shell(&[&script.display(), &folder.path().display()], limit, "");
        Self { folder, backend }
    }

    fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    async fn order(&self, username: &str) -> Order {
        order(username, json!({"group": "vpn"}))
    }

    fn password(&self, _: &Order) -> Option<SecretString> {
        None
    }

    async fn works(&self, order: &Order) -> bool {
        self.file(order).exists()
    }

    async fn end(&self, order: &Order) -> Option<Time> {
        let text = fs::read_to_string(self.file(order)).expect("the access is there");
        Some(text.trim().parse().expect("RFC 3339"))
    }

    async fn stop(&self) {
        self.switch("down");
    }

    async fn start_again(&self) {
        fs::remove_file(self.folder.path().join("down")).expect("it was down");
    }

    fn hang(&self) {
        self.switch("hang");
    }

    fn wrong_params() -> Vec<(Value, Option<&'static str>)> {
        Vec::new()
    }
}

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
            Err(BackendError::Retry(said)) => assert_eq!(said, message),
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
            Err(BackendError::Fail(said)) => assert_eq!(said, message),
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
async fn a_program_past_its_time_is_killed_with_what_it_started() {
    let script = Script::start("200ms").await;
    let order = script.order("alice").await;
    script.hang();
    let outcome = script.backend.status(&order).await;
    assert!(
        matches!(outcome, Err(BackendError::Retry(_))),
        "{outcome:?}"
    );

    let child = fs::read_to_string(script.folder.path().join("child")).expect("it started one");
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
