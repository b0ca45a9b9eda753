//! What an export has to contain before anybody says that it is verified. Each file is given to
//! `keylend audit verify --file` and to the recipe in Python, which have to agree.

use std::{
    fs,
    process::{Command, ExitCode},
};

use keylend::store::GENESIS;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Told, audit};

/// The lines of an export that verifies, and its last entry.
async fn export() -> (Told, Vec<String>) {
    let told = Told::new().await;
    let text = fs::read_to_string(told.exported().await).unwrap();
    let lines = text.lines().map(str::to_owned).collect();
    (told, lines)
}

/// The file that these lines make.
fn file(lines: &[String]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| [line, "\n"].concat().into_bytes())
        .collect()
}

/// The place of a line's entry, as `--head` and `--after` take it.
fn place(line: &str) -> String {
    let entry: Value = serde_json::from_str(line).unwrap();
    format!("{}:{}", entry["seq"], entry["hash"].as_str().unwrap())
}

/// A line whose hash is right for the text that it has, whatever that says. `text` lacks the hashes and
/// the texts.
fn sealed(prev_hash: &str, text: &str) -> String {
    let hash = hex::encode(Sha256::digest(format!("{prev_hash}{text}")));
    let line = text.replace(",\"kind\":", &format!(",\"hash\":\"{hash}\",\"kind\":"));
    let line = line.replace(
        ",\"request_id\":",
        &format!(",\"prev_hash\":\"{prev_hash}\",\"request_id\":"),
    );
    line.replace(",\"version\":", ",\"texts\":{},\"version\":")
}

/// A first entry whose particulars are `body`, sealed by somebody who can.
fn forged(body: &str) -> String {
    let text = format!(
        r#"{{"actor":"keylend","at":"2026-11-21T09:00:00.000Z","body":{body},"kind":"unlocked","request_id":null,"rules":[],"seq":1,"version":1}}"#
    );
    sealed(GENESIS, &text)
}

/// What both programs answer: the exit code, and what it says.
async fn verify(told: &Told, file: &[u8], args: &[&str]) -> (u8, String) {
    let path = told.file("under-test.jsonl");
    fs::write(&path, file).unwrap();
    let path = path.display().to_string();
    let (code, said) = audit(&[&["verify", "--file", &path], args].concat()).await;
    let code = u8::from(code != ExitCode::SUCCESS);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/verify.py");
    let python = Command::new("python3")
        .arg(script)
        .arg(&path)
        .args(args)
        .output();
    let python = python.expect("Python is not installed: run ./test.sh, which installs Python");
    let errors = String::from_utf8(python.stderr).unwrap();
    assert!(!errors.contains("Traceback"), "{errors}");
    let there = python.status.code().unwrap();
    assert_eq!(
        i32::from(code),
        there,
        "keylend: {said}\nverify.py: {errors}"
    );
    if code == 0 {
        assert_eq!(said, String::from_utf8(python.stdout).unwrap());
    }
    (code, said)
}

#[tokio::test]
async fn a_whole_export_is_verified_and_its_range_is_printed() {
    let (told, lines) = export().await;
    let head = place(&lines[28]);
    let expected = format!("verified entries 1 to 29: 29 entries, head {head}\n");
    for args in [
        vec![],
        vec!["--head", &head],
        vec!["--head", &place(&lines[4])],
        vec!["--after", &format!("0:{GENESIS}")],
        vec!["--head", &format!("0:{GENESIS}")],
    ] {
        let answer = verify(&told, &file(&lines), &args).await;
        assert_eq!(answer, (0, expected.clone()), "{args:?}");
    }
}

#[tokio::test]
async fn a_partial_export_is_verified_only_behind_a_place_that_is_known() {
    let (told, lines) = export().await;
    let tail = file(&lines[19..]);
    let (head, before) = (place(&lines[28]), place(&lines[18]));
    let (code, said) = verify(&told, &tail, &[]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("begins with entry 20") && said.contains("--after 19:HASH"),
        "{said}"
    );
    assert_eq!(verify(&told, &tail, &["--head", &head]).await.0, 1);

    let known = ["--after", &before, "--head", &head];
    let expected = format!("verified entries 20 to 29: 10 entries, head {head}\n");
    assert_eq!(verify(&told, &tail, &known).await, (0, expected));
    for (after, why) in [
        (place(&lines[17]), "another entry"),
        (place(&lines[19]), "its own first entry"),
        (format!("19:{GENESIS}"), "another hash"),
        (format!("0:{GENESIS}"), "the beginning"),
    ] {
        assert_eq!(
            verify(&told, &tail, &["--after", &after]).await.0,
            1,
            "{why}"
        );
    }
    // A whole export does not begin behind that place.
    assert_eq!(
        verify(&told, &file(&lines), &["--after", &before]).await.0,
        1
    );
}

#[tokio::test]
async fn an_export_after_the_head_with_an_invented_hash_is_refused() {
    let (told, lines) = export().await;
    let head = place(&lines[28]);
    let invented = "5".repeat(64);
    let text = r#"{"actor":"keylend","at":"2026-11-21T09:00:00.000Z","body":{},"kind":"unlocked","request_id":null,"rules":[],"seq":30,"version":1}"#;
    let later = file(&[sealed(&invented, text)]);
    for args in [
        vec!["--head", &head],
        vec!["--after", &head, "--head", &head],
        vec![],
    ] {
        assert_eq!(verify(&told, &later, &args).await.0, 1, "{args:?}");
    }
    // Somebody who believes the invented place does not find the head in the file.
    let after = format!("29:{invented}");
    let (code, said) = verify(&told, &later, &["--after", &after, "--head", &head]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("the head, entry 29, is not in the verified range"),
        "{said}"
    );
}

#[tokio::test]
async fn the_head_has_to_be_there_and_match() {
    let (told, lines) = export().await;
    let cut = file(&lines[..20]);
    let (code, said) = verify(&told, &cut, &["--head", &place(&lines[28])]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("entry 29 is missing: the log ends with entry 20"),
        "{said}"
    );
    let other = format!("7:{}", "7".repeat(64));
    let (code, said) = verify(&told, &file(&lines), &["--head", &other]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("entry 7 is not the one that was seen before"),
        "{said}"
    );
    // Before the range of a partial export it cannot be looked for.
    let args = ["--after", &place(&lines[18]), "--head", &place(&lines[4])];
    assert_eq!(verify(&told, &file(&lines[19..]), &args).await.0, 1);
}

#[tokio::test]
async fn a_file_with_too_little_or_too_much_in_it_is_refused() {
    let (told, lines) = export().await;
    let whole = file(&lines);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = whole.clone();
        change(&mut file);
        file
    };
    let repeated: Vec<String> = [&lines[..7], &lines[6..]].concat();
    let going_back: Vec<String> = [&lines[..7], &lines[3..]].concat();
    let without_beginning = file(&lines[1..]);
    for (what, file) in [
        ("an empty file", Vec::new()),
        ("an empty line alone", b"\n".to_vec()),
        ("no beginning", without_beginning),
        (
            "a byte order mark",
            with(&|file| drop(file.splice(0..0, "\u{feff}".bytes()))),
        ),
        (
            "no end of the last line",
            with(&|file| file.truncate(file.len() - 1)),
        ),
        (
            "a cut in the last line",
            with(&|file| file.truncate(file.len() - 40)),
        ),
        ("an empty line behind it", with(&|file| file.push(b'\n'))),
        ("a word behind it", with(&|file| file.extend(b"garbage\n"))),
        ("zeros behind it", with(&|file| file.extend([0; 16]))),
        (
            "bytes that are no text",
            with(&|file| file.extend(b"\xff\n")),
        ),
        (
            "ends of lines as on Windows",
            file(
                &lines
                    .iter()
                    .map(|line| line.clone() + "\r")
                    .collect::<Vec<_>>(),
            ),
        ),
        (
            "two files, one behind the other",
            [whole.clone(), whole.clone()].concat(),
        ),
        ("an entry twice", file(&repeated)),
        ("numbers that go back", file(&going_back)),
        (
            "a number left out",
            file(&[&lines[..7], &lines[8..]].concat()),
        ),
        ("another format", b"seq,at,request_id\n1,2,3\n".to_vec()),
        (
            "a line that is far too long",
            with(&|file| file.extend(vec![b' '; 3 << 20])),
        ),
    ] {
        let (code, said) = verify(&told, &file, &[]).await;
        assert_eq!(code, 1, "{what}: {said}");
    }
    // As it is, nothing is wrong with it.
    assert_eq!(verify(&told, &whole, &[]).await.0, 0);
}

#[tokio::test]
async fn a_line_has_to_be_in_canonical_form() {
    let (told, lines) = export().await;
    let line = &lines[0];
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 14] = [
        ("a space", |line| line.replacen(':', ": ", 1)),
        ("a space in front", |line| format!(" {line}")),
        ("a space behind", |line| format!("{line} ")),
        ("a value behind", |line| format!("{line}{{}}")),
        ("a key that is not known", |line| {
            line.replacen('{', r#"{"a":1,"#, 1)
        }),
        ("a key without meaning, in its place", |line| {
            line.replacen(r#","at":"#, r#","approved":true,"at":"#, 1)
        }),
        ("a key twice", |line| {
            line.replacen('{', r#"{"actor":"keylend","#, 1)
        }),
        ("a key twice, the same each time", |line| {
            line.replacen(r#","rules":"#, r#","request_id":null,"rules":"#, 1)
        }),
        ("a key twice in the particulars", |line| {
            line.replacen(r#""body":{"#, r#""body":{"reason":"another","#, 1)
        }),
        ("keys in another order", |line| {
            line.replacen(r#","seq":1,"#, ",", 1)
                .replacen('{', r#"{"seq":1,"#, 1)
        }),
        ("a number with a fraction", |line| {
            line.replacen(r#""seq":1,"#, r#""seq":1.0,"#, 1)
        }),
        ("a number with an exponent", |line| {
            line.replacen(r#""seq":1,"#, r#""seq":1e0,"#, 1)
        }),
        ("a letter as an escape", |line| {
            line.replacen("keylend", "k\\u0065ylend", 1)
                .replacen("actor", "\\u0061ctor", 1)
        }),
        ("a slash as an escape", |line| {
            line.replacen("writes fail", "writes\\/fail", 1)
        }),
    ];
    for (what, change) in changes {
        let changed = change(line);
        assert_ne!(changed, *line, "{what}");
        let lines = [&[changed], &lines[1..]].concat();
        let (code, said) = verify(&told, &file(&lines), &[]).await;
        assert_eq!(code, 1, "{what}: {said}");
    }
}

#[tokio::test]
async fn a_text_has_to_match_its_digest_or_be_missing() {
    let (told, lines) = export().await;
    let with_texts = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut entry: Value = serde_json::from_str(&lines[0]).unwrap();
        change(entry["texts"].as_object_mut().unwrap());
        let line = serde_json_canonicalizer::to_string(&entry).unwrap();
        file(&[&[line], &lines[1..]].concat())
    };
    let verify = async |file: Vec<u8>| verify(&told, &file, &[]).await;
    let (code, said) = verify(with_texts(&|texts| {
        texts.remove("/terms/reason");
        texts.remove("/email");
    }))
    .await;
    assert_eq!(code, 1, "{said}");
    let whole = said.contains("verified entries") && said.contains("2 texts missing");
    assert!(whole, "{said}");
    for (what, file) in [
        (
            "another text",
            with_texts(&|texts| texts["/terms/reason"][1] = "curiosity".into()),
        ),
        (
            "another salt",
            with_texts(&|texts| texts["/terms/reason"][0] = "0".repeat(32).into()),
        ),
        (
            "a text that begins in its salt",
            with_texts(&|texts| {
                let reason = &mut texts["/terms/reason"];
                let (salt, text) = (reason[0].as_str().unwrap(), reason[1].as_str().unwrap());
                let (salt, rest) = salt.split_at(31);
                *reason = json!([salt, format!("{rest}{text}")]);
            }),
        ),
        (
            "the text of another place",
            with_texts(&|texts| texts["/terms/reason"] = texts["/terms/ticket"].clone()),
        ),
        (
            "a text for what has no digest",
            with_texts(&|texts| drop(texts.insert("/username".into(), json!(["", "bob"])))),
        ),
        (
            "a text without a salt",
            with_texts(&|texts| texts["/terms/reason"] = json!(["writes fail"])),
        ),
        (
            "no text",
            with_texts(&|texts| texts["/terms/reason"] = Value::Null),
        ),
    ] {
        let (code, said) = verify(file).await;
        assert_eq!(code, 1, "{what}: {said}");
    }
}

/// Somebody who can seal entries cannot write one that two readers read differently.
#[tokio::test]
async fn a_sealed_line_has_to_be_in_canonical_form() {
    let told = Told::new().await;
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    for good in [
        "{}",
        "null",
        "0.1",
        "1e+21",
        "[1,-1,0.000001,1e-7]",
        r#"{"a":{"b":"\u0000ß🔑\"\\/"}}"#,
        "333333333.3333333",
        "123456789012345680000",
        "5e-324",
        "9007199254740992",
        "{\"\u{1F511}\":1,\"\u{FB33}\":2}",
        "0.3333333333333333",
        "4.35",
        "2.2250738585072014e-308",
        "1.7976931348623157e+308",
        "0.30000000000000004",
        &nested(99),
    ] {
        let (code, said) = verify(&told, &file(&[forged(good)]), &[]).await;
        assert_eq!(code, 0, "{good}: {said}");
    }
    for bad in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":[{"c":1,"c":1}]}}"#,
        r#"{"b":1,"a":1}"#,
        r#"{"a":1.0}"#,
        "1.0",
        "1e3",
        "-0",
        "00",
        "1E+21",
        "1e21",
        "1e400",
        "9007199254740993",
        "NaN",
        "Infinity",
        "-Infinity",
        r#""\u0041""#,
        r#""\/""#,
        r#""\u001F""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\u{2028}\"",
        "[1, 2]",
        "[1,]",
        "'a'",
        "{\"\u{FB33}\":1,\"\u{1F511}\":2}",
        "1,\"body\":1",
        &nested(100),
        &nested(5_000),
        &"1".repeat(5_000),
        &format!("\"{}\"", "a".repeat(1 << 20)),
    ] {
        let (code, said) = verify(&told, &file(&[forged(bad)]), &[]).await;
        assert_eq!(code, 1, "{:.60}: {said}", bad);
    }
    for (field, value) in [
        ("\"seq\":1", "\"seq\":\"1\""),
        ("\"seq\":1", "\"seq\":true"),
        ("\"seq\":1", "\"seq\":-1"),
        ("\"seq\":1", "\"seq\":0"),
        ("\"seq\":1", "\"seq\":18446744073709551616"),
        ("\"version\":1", "\"version\":\"1\""),
        ("\"version\":1", "\"version\":false"),
        ("\"version\":1", "\"version\":-1"),
        ("\"version\":1", "\"version\":4294967296"),
        ("\"request_id\":null", "\"request_id\":1"),
        ("\"kind\":\"unlocked\"", "\"kind\":null"),
        ("\"actor\":\"keylend\"", "\"actor\":[]"),
    ] {
        let text = r#"{"actor":"keylend","at":"2026-11-21T09:00:00.000Z","body":{},"kind":"unlocked","request_id":null,"rules":[],"seq":1,"version":1}"#;
        let line = sealed(GENESIS, &text.replace(field, value));
        let (code, said) = verify(&told, &file(&[line]), &[]).await;
        assert_eq!(code, 1, "{value}: {said}");
    }
}

#[tokio::test]
async fn an_invalid_head_is_a_usage_error() {
    let told = Told::new().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/verify.py");
    let path = told.exported().await;
    for head in [
        "12",
        "0:1",
        &format!("0:{}", "1".repeat(64)),
        &format!("01:{GENESIS}"),
        &format!("+1:{GENESIS}"),
    ] {
        let python = Command::new("python3")
            .arg(script)
            .arg(&path)
            .args(["--head", head])
            .output();
        let python = python.expect("Python is not installed: run ./test.sh, which installs Python");
        assert_eq!(python.status.code(), Some(2), "{head}");
    }
}

/// In every form, for both programs: the next reader's terminal obeys none of it.
#[tokio::test]
async fn an_export_escapes_control_characters_and_verifies() {
    let hostile = "wr\u{9b}31mites\u{7f}\u{202e}\u{61c}\u{2066} fail\u{1b}]0;\u{85}\u{2028}";
    let told = Told::with_reason(hostile).await;
    let exported = fs::read(told.exported().await).unwrap();
    let (code, said) = verify(&told, &exported, &[]).await;
    assert_eq!(code, 0, "{said}");
    let (_, csv) = told.audit(&["export", "--format", "csv"]).await;
    let at = ["--at", "2026-11-21T09:20:00Z"];
    let who = [&["who", "--scope", "db-prod:write"], &at[..]].concat();
    let (_, table) = told.audit(&who).await;
    let (_, json) = told
        .audit(&[&who[..], &["--format", "json"]].concat())
        .await;
    let jsonl = String::from_utf8(exported).unwrap();
    for (form, shown) in [
        ("jsonl", &jsonl),
        ("csv", &csv),
        ("text", &table),
        ("json", &json),
    ] {
        assert!(shown.contains("U0ALICE"), "{form}: {shown}");
        let obeyed = shown.chars().find(|char| {
            char.is_control() && *char != '\n'
                || matches!(char, '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(obeyed, None, "{form}: {shown}");
    }
    // Written with the character itself, it is not what Keylend exports.
    let raw = jsonl.replace("\\u202e", "\u{202e}");
    assert_ne!(raw, jsonl);
    let (code, said) = verify(&told, raw.as_bytes(), &[]).await;
    assert!(code == 1 && said.contains("canonical form"), "{said}");
}
