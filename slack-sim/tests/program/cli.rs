//! The program itself, run as people run it.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use slack_sim::{
    Client,
    client::{KindName, Transport},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long it may take to say something, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slack-sim"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs it to its end; its exit code and what it said.
async fn refused(arguments: &[&str]) -> (i32, String) {
    let ended = timeout(PATIENCE, program(arguments).output()).await;
    let Output { status, stderr, .. } = ended.expect("it ends").unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// The program while it runs.
struct Running {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    greeting: Vec<String>,
}

impl Running {
    /// Starts it on a free port and reads what it says at first, to the line about the app.
    async fn start(arguments: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0"];
        let mut process = program(&[&listen, arguments].concat()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        while !greeting
            .last()
            .is_some_and(|line: &String| line.contains(" app ") && !line.ends_with(':'))
        {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .expect("it speaks");
            greeting.push(line.unwrap().expect("it goes on"));
        }
        Self {
            process,
            lines,
            greeting,
        }
    }

    fn value(&self, name: &str) -> String {
        let mut lines = self.greeting.iter();
        let prefix = format!("{name}=");
        let value = lines.find_map(|line| line.strip_prefix(&prefix));
        value
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.greeting))
            .to_owned()
    }

    fn client(&self) -> Client {
        let api = self.value("SLACK_API_URL");
        Client::new(api.strip_suffix("/api/").unwrap())
    }

    /// Sends it a signal; its exit code and the last thing it said.
    async fn end_by(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.process.id().unwrap().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().await;
        assert!(sent.unwrap().success());
        let status = timeout(PATIENCE, self.process.wait()).await;
        let said = self.lines.next_line().await.unwrap().unwrap_or_default();
        (status.expect("it ends").unwrap().code(), said)
    }
}

fn write(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn help_says_what_it_is_and_names_every_option() {
    let output = program(&["--help"]).output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for said in [
        "A local Slack",
        "--listen",
        "--workspace",
        "--manifest",
        "--app-url",
        "4040",
    ] {
        assert!(help.contains(said), "{said}\n{help}");
    }
}

#[tokio::test]
async fn without_a_file_it_runs_the_example_and_says_what_the_app_needs() {
    let running = Running::start(&[]).await;
    let slack = running.client();
    let directory = slack.workspace().await.unwrap();
    let kinds: Vec<KindName> = directory.people.iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&KindName::Guest) && kinds.contains(&KindName::Stranger));
    assert_eq!(directory.transport, None);
    slack.advance(Duration::from_secs(60)).await.unwrap();
    for name in ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"] {
        assert!(!running.value(name).is_empty());
    }
    assert!(running.greeting[0].contains("http://127.0.0.1:"));
}

#[cfg(unix)]
#[tokio::test]
async fn it_ends_well_when_it_is_told_to() {
    for signal in ["-INT", "-TERM"] {
        let running = Running::start(&[]).await;
        // A page that waits for changes does not keep it alive.
        let slack = running.client();
        let seen = slack.person("U0ALICE").sees().await.unwrap().version;
        let page = running.value("SLACK_API_URL").replace("/api/", "");
        let address = page.strip_prefix("http://").unwrap().to_owned();
        let mut waiting = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request =
            format!("GET /control/changes?after={seen} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut waiting, request.as_bytes())
            .await
            .unwrap();
        let (code, said) = running.end_by(signal).await;
        assert_eq!(
            (code, said.as_str()),
            (Some(0), "Stopped; nothing was kept."),
            "{signal}"
        );
        let mut rest = Vec::new();
        // Ended or reset: nobody is there any more.
        drop(waiting.read_to_end(&mut rest).await);
    }
}

#[tokio::test]
async fn a_file_says_who_and_what_there_is_and_its_manifest_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "manifest.yml",
        "display_information:\n  name: Helper\nfeatures:\n  slash_commands:\n    - command: /help\n      description: Help\n",
    );
    let file = write(
        &folder,
        "workspace.toml",
        r#"
            manifest = "manifest.yml"
            [team]
            id = "T0ACME"
            name = "Acme"
            domain = "acme"
            [app]
            url = "http://127.0.0.1:9/slack/events"
            bot_token = "xoxb-mine"
            [[people]]
            id = "U0ALICE"
            name = "alice"
            [[channels]]
            id = "C0ALL"
            name = "all"
            members = ["U0ALICE"]
            private = true
        "#,
    );
    let running = Running::start(&["--workspace", text(&file)]).await;
    assert_eq!(running.value("SLACK_BOT_TOKEN"), "xoxb-mine");
    let directory = running.client().workspace().await.unwrap();
    assert_eq!(
        (directory.team.name.as_str(), directory.app.name.as_str()),
        ("Acme", "Helper")
    );
    assert_eq!(directory.transport, Some(Transport::Http));
    assert_eq!(directory.commands[0].command, "/help");
    assert!(directory.channels[0].is_private);
    assert_eq!(directory.people.len(), 2, "Alice and the bot");
}

#[tokio::test]
async fn a_mistake_in_the_file_is_named_with_its_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let alice = "[[people]]\nid = \"U0ALICE\"\nname = \"alice\"\n";
    for (content, line, said) in [
        (format!("{alice}emial = \"a@example.com\"\n"), 4, "emial"),
        (format!("{alice}kind = \"boss\"\n"), 4, "boss"),
        ("[team]\nid = 1\ndomain = \"x\"\n".to_owned(), 2, "string"),
        (format!("{alice}\n{alice}"), 6, "U0ALICE"),
        (
            "[[people]]\nid = \"alice\"\nname = \"alice\"\n".to_owned(),
            2,
            "people.id",
        ),
        (format!("{alice}kind = \"stranger\"\n"), 2, "people.team"),
        (
            format!("{alice}[[channels]]\nid = \"C0ALL\"\nname = \"all\"\nmembers = [\"U0ZED\"]\n"),
            7,
            "U0ZED",
        ),
    ] {
        let file = write(&folder, "workspace.toml", &content);
        let (code, error) = refused(&["--workspace", text(&file)]).await;
        assert_eq!(code, 1, "{error}");
        for said in ["workspace.toml", &format!("line {line}"), said] {
            assert!(error.contains(said), "{said:?} is not in: {error}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing.toml");
    let (code, error) = refused(&["--workspace", text(&missing)]).await;
    assert_eq!((code, error.contains("nothing.toml")), (1, true), "{error}");
    let broken = write(&folder, "manifest.yml", "features: [\n");
    let (code, error) = refused(&["--manifest", text(&broken)]).await;
    assert_eq!((code, error.contains("manifest.yml")), (1, true), "{error}");
    let (code, error) =
        refused(&["--listen", "127.0.0.1:0", "--app-url", "https://x.example"]).await;
    assert_eq!(
        (code, error.contains("https://x.example")),
        (1, true),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    for address in ["0.0.0.0:4040", "[::]:4040", "192.0.2.1:4040"] {
        let (code, error) = refused(&["--listen", address]).await;
        assert_eq!(
            (code, error.contains("others than this machine")),
            (2, true),
            "{error}"
        );
    }
    let (code, error) = refused(&["--listen", "localhost"]).await;
    assert_eq!(
        (code, error.contains("127.0.0.1:4040")),
        (2, true),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) = refused(&["--listen", &address]).await;
    assert_eq!((code, error.contains(&address)), (1, true), "{error}");
}
