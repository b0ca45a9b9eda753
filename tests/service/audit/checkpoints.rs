//! `keylend audit verify --checkpoint`: what it compares, and whose word it takes.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use keylend::checkpoint::{Checkpoint, Hash, SigningKey};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Keylend, Told, audit};

const ORIGIN: &str = "keylend.example.com/log";

fn key(digit: &str) -> SigningKey {
    SigningKey::new(ORIGIN, &digit.repeat(64).into()).unwrap()
}

/// The root of RFC 6962 by its definition, over hashes as they stand in an export.
fn root(hashes: &[Vec<u8>]) -> Hash {
    let hash = |parts: &[&[u8]]| Sha256::digest(parts.concat()).into();
    match hashes {
        [] => hash(&[]),
        [leaf] => hash(&[&[0], leaf]),
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            hash(&[&[1], &root(left), &root(right)])
        }
    }
}

/// A checkpoint of a log whose entries have these hashes, signed with the key `1…`.
fn note(hashes: &[Vec<u8>]) -> String {
    let (size, root) = (hashes.len() as u64, root(hashes));
    Checkpoint { size, root }.sign(&key("1"))
}

/// A log with checkpoints of some of its sizes, signed with the key `1…`.
struct Signed {
    told: Told,
    export: PathBuf,
    hashes: Vec<Vec<u8>>,
}

impl Signed {
    async fn new() -> Self {
        let told = Told::new().await;
        let export = told.exported().await;
        let text = fs::read_to_string(&export).unwrap();
        let hash = |line: &str| {
            let entry: Value = serde_json::from_str(line).unwrap();
            hex::decode(entry["hash"].as_str().unwrap()).unwrap()
        };
        let hashes = text.lines().map(hash).collect();
        Self {
            told,
            export,
            hashes,
        }
    }

    fn note(&self, size: usize) -> String {
        note(&self.hashes[..size])
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.told.file(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// What is said of the export; nothing but an error if the checkpoints themselves do not count.
    async fn verify(&self, notes: &str, by: &SigningKey) -> Result<(ExitCode, String), String> {
        let notes = self.file("notes", notes);
        let key = by.verifier().to_string();
        let export = self.export.display().to_string();
        let args = ["verify", "--file", &export, "--checkpoint", &notes];
        let args = [&["audit"], &args[..], &["--key", &key]].concat();
        let mut out = Vec::new();
        let ran = Keylend::try_parse_from(args).unwrap().audit.run(&mut out);
        let code = ran.await.map_err(|error| format!("{error:#}"))?;
        Ok((code, String::from_utf8(out).unwrap()))
    }
}

#[tokio::test]
async fn a_log_matches_the_checkpoints_of_every_size() {
    let signed = Signed::new().await;
    let notes: Vec<String> = (1..=29).map(|size| signed.note(size)).collect();
    let (code, said) = signed.verify(&notes.join("\n"), &key("1")).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{said}");
    assert!(
        said.ends_with("\nmatches 29 checkpoints, the last of 29 entries\n"),
        "{said}"
    );
    // The store, with several files in any order.
    let [late, early] = [
        signed.file("late", &notes[28]),
        signed.file("early", &notes[6]),
    ];
    let verifier = key("1").verifier().to_string();
    let args = ["verify", "--key", &verifier, "--checkpoint", &late];
    let args = [&args[..], &["--checkpoint", &early]].concat();
    let (code, said) = signed.told.audit(&args).await;
    assert_eq!(code, ExitCode::SUCCESS, "{said}");
    assert!(
        said.ends_with("\nmatches 2 checkpoints, the last of 29 entries\n"),
        "{said}"
    );
}

#[tokio::test]
async fn the_entries_that_are_not_as_they_were_signed_are_named() {
    let signed = Signed::new().await;
    let mut other = signed.hashes.clone();
    other[19] = vec![7; 32];
    let verify = async |notes: &[String]| {
        let (code, said) = signed.verify(&notes.join("\n"), &key("1")).await.unwrap();
        assert_eq!(code, ExitCode::FAILURE, "{said}");
        said
    };
    let said = verify(&[29, 21, 18, 7].map(|size| note(&other[..size]))).await;
    let expected = "the log is broken: entries 19 to 21 are not those that were there when the \
                    checkpoint of 21 entries was signed.\n";
    assert!(said.starts_with(expected), "{said}");

    let longer = [&signed.hashes[..], &[vec![8; 32], vec![9; 32]]].concat();
    let said = verify(&[signed.note(29), note(&longer)]).await;
    let expected = "the log is broken: entries 30 to 31 are missing: the log ends with entry 29, and \
                    a checkpoint of 31 entries was signed.\n";
    assert!(said.starts_with(expected), "{said}");

    let said = verify(&[signed.note(25), note(&other[..25])]).await;
    let expected = "the log is broken: two different versions of entries 1 to 25 were signed: ";
    assert!(said.starts_with(expected), "{said}");
}

#[tokio::test]
async fn a_checkpoint_counts_only_with_the_signature_of_a_key_that_was_passed() {
    let signed = Signed::new().await;
    let good = signed.note(29);
    let wrong = async |notes: &str, by: &str| signed.verify(notes, &key(by)).await.unwrap_err();
    let said = wrong(&good, "2").await;
    assert!(
        said.contains("line 1: the checkpoint was signed by `keylend.example.com/log`, with a key"),
        "{said}"
    );
    let said = wrong(
        &format!("{good}\n{}", good.replace("\n29\n", "\n28\n")),
        "1",
    )
    .await;
    assert!(
        said.contains("line 7: the checkpoint was changed"),
        "{said}"
    );
    let said = wrong("", "1").await;
    assert!(said.contains("has no checkpoints"), "{said}");
    let said = wrong(&good[..good.len() - 40], "1").await;
    assert!(said.contains("line 1: this is not a checkpoint"), "{said}");

    // After a change of keys, both count.
    let [old, new] = ["1", "2"].map(|digit| key(digit).verifier().to_string());
    let root = root(&signed.hashes);
    let later = Checkpoint { size: 29, root }.sign(&key("2"));
    let notes = signed.file("both", &format!("{}\n{later}", signed.note(7)));
    let args = [
        "verify",
        "--checkpoint",
        &notes,
        "--key",
        &old,
        "--key",
        &new,
    ];
    let (code, said) = signed.told.audit(&args).await;
    assert_eq!(code, ExitCode::SUCCESS, "{said}");
}

#[tokio::test]
async fn checkpoints_need_a_key_and_the_whole_log() {
    let signed = Signed::new().await;
    let notes = signed.file("notes", &signed.note(29));
    let verifier = key("1").verifier().to_string();
    for args in [
        vec!["--checkpoint", &notes],
        vec!["--key", &verifier],
        vec!["--checkpoint", &notes, "--key", "keylend.example.com/log"],
        vec![
            "--checkpoint",
            &notes,
            "--key",
            &verifier,
            "--file",
            "export.jsonl",
            "--after",
            "19:0000000000000000000000000000000000000000000000000000000000000000",
        ],
    ] {
        let args = [&["audit", "verify"], &args[..]].concat();
        assert!(Keylend::try_parse_from(&args).is_err(), "{args:?}");
    }
    // An emptied store has none of what was signed.
    let url = signed.told.tampered("DELETE FROM events").await;
    let args = ["verify", "--store", &url, "--checkpoint", &notes];
    let (code, said) = audit(&[&args[..], &["--key", &verifier]].concat()).await;
    assert_eq!(code, ExitCode::FAILURE);
    assert!(said.contains("entries 1 to 29 are missing"), "{said}");
}
