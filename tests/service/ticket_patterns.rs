//! Whether a pattern of tickets is held against the whole ticket.

use std::{fs, process::Command};

/// What `keylend check` says of a configuration with this pattern.
fn said_of(pattern: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("secret"),
        "a-secret-of-the-tests-in-32-chars",
    )
    .unwrap();
    fs::write(folder.path().join("key"), "5e".repeat(32)).unwrap();
    let dir = folder.path().display();
    let config = include_str!("../support/keylend.toml")
        .replace("files = [\"policies/*.cedar\"]\n", "")
        .replace("SLACK", "https://slack.com/api")
        .replace("CONSOLE", "https://console.example.com/")
        .replace("BASTION", "https://bastion.example.com/")
        .replace("^INC-[0-9]+$", pattern);
    let mut text = String::new();
    for line in config.lines() {
        let secret = line.split_once("file = \"DIR/").map(|(before, rest)| {
            let (name, rest) = rest.split_once('"').unwrap();
            let name = if name == "key" { "key" } else { "secret" };
            format!("{before}file = \"{dir}/{name}\"{rest}")
        });
        text.push_str(&secret.unwrap_or_else(|| line.replace("DIR", &dir.to_string())));
        text.push('\n');
    }
    let file = folder.path().join("keylend.toml");
    fs::write(&file, text).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_keylend"))
        .args(["check", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(checked.status.success(), "{said}");
    said
}

/// Each of these begins with `^` and ends with `$`, and lets through a ticket that only begins or ends
/// with what is meant.
#[test]
fn a_pattern_that_matches_a_part_of_a_ticket_is_a_warning() {
    for pattern in [
        "^INC-[0-9]+|CHG-[0-9]+$",
        "^|INC-[0-9]+$",
        "^INC-[0-9]+\\\\$",
    ] {
        let said = said_of(pattern);
        assert!(said.contains("matches anywhere"), "{pattern}: {said}");
    }
    for pattern in [
        "^INC-[0-9]+$",
        "^(INC|CHG)-[0-9]+$",
        "^INC-[0-9]+$|^CHG-[0-9]+$",
        "(?i)^inc-[0-9]+$",
        "^(?:INC-[0-9]+|CHG-[0-9]+)$",
    ] {
        let said = said_of(pattern);
        assert!(!said.contains("matches anywhere"), "{pattern}: {said}");
    }
}
