//! `docs/messages.md`: every text that people read in Slack, in one place, made of the snapshots.
//!
//! After a text has changed: `KEYLEND_WRITE_MESSAGES=1 cargo nextest run --test slack messages_page`.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

use regex::Regex;

const PAGE: &str = "docs/messages.md";

const HEAD: &str = "# What people read in Slack

This page lists the texts of Keylend's messages, forms and answers. A test makes it from the snapshots in
`tests/slack/views/snapshots`, `src/slack/view/snapshots` and `src/slack/commands/snapshots`, so don't edit it.
People are Alice (requester), Bob and Carol (approvers). Each text appears once in its section.
";

/// Each section: its title, and the snapshots that it is made of.
const SECTIONS: [(&str, &[&str]); 6] = [
    (
        "Approvers, in the approval channel",
        &[
            "tests/slack/views/snapshots/slack__views__approval_cards_show_who_what_how_long_and_why_and_then_the_record.snap",
            "tests/slack/views/snapshots/slack__views__extension_cards_show_the_question_and_then_the_record.snap",
        ],
    ),
    (
        "The requester, in direct messages",
        &[
            "tests/slack/views/snapshots/slack__views__requesters_see_one_message_from_the_request_to_the_end.snap",
        ],
    ),
    (
        "The audit channel and incident channels",
        &[
            "tests/slack/views/snapshots/slack__views__threads_have_a_head_that_says_how_it_stands.snap",
            "tests/slack/views/snapshots/slack__views__lines_and_notices_say_each_transition_once.snap",
            "tests/slack/views/snapshots/slack__views__lock_lines_name_what_is_locked_and_by_whom.snap",
            "tests/slack/views/snapshots/slack__views__notes__lines_of_approver_groups_name_who_joined_and_left.snap",
            "tests/slack/views/snapshots/slack__views__notes__lines_of_refused_attempts_name_what_was_tried_and_why_not.snap",
        ],
    ),
    (
        "The App Home",
        &[
            "tests/slack/views/snapshots/slack__views__home__home_full.snap",
            "tests/slack/views/snapshots/slack__views__home__home_empty.snap",
            "tests/slack/views/snapshots/slack__views__home__home_refused.snap",
        ],
    ),
    (
        "Forms",
        &[
            "tests/slack/views/snapshots/slack__views__forms__form_bare.snap",
            "tests/slack/views/snapshots/slack__views__forms__form_filled.snap",
            "tests/slack/views/snapshots/slack__views__forms__form_shorter.snap",
            "tests/slack/views/snapshots/slack__views__forms__form_deny.snap",
            "tests/slack/views/snapshots/slack__views__questions__form_ask_question.snap",
            "tests/slack/views/snapshots/slack__views__questions__form_answer_question.snap",
            "tests/slack/views/snapshots/slack__views__forms__form_extend.snap",
            "tests/slack/views/snapshots/slack__views__forms__credentials.snap",
            "tests/slack/views/snapshots/slack__views__forms__working.snap",
            "tests/slack/views/snapshots/slack__views__forms__mistakes.snap",
        ],
    ),
    (
        "Answers to commands, and refusals",
        &[
            "src/slack/commands/snapshots/keylend__slack__commands__tests__help.snap",
            "tests/slack/views/snapshots/slack__views__forms__answers.snap",
            "src/slack/view/snapshots/keylend__slack__view__refusal__tests__in_messages.snap",
            "src/slack/view/snapshots/keylend__slack__view__refusal__tests__in_fields.snap",
        ],
    ),
];

/// The rules' own reasons, as people read them when a rule refuses something.
const RULES: &str = "src/policy/base.cedar";

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a line of a snapshot says to people; nothing for what they do not read.
fn said(line: &str, date: &Regex) -> Option<String> {
    let line = match line.trim_start().strip_prefix("\"text\": \"") {
        Some(rest) => {
            let quoted = format!("\"{}", rest.trim_end_matches(','));
            serde_json::from_str(&quoted).unwrap_or(quoted)
        }
        // The rest of a form is not read.
        None if line.starts_with([' ', '{', '}']) && !line.contains("to the requester") => {
            return None;
        }
        None => line.to_owned(),
    };
    // What a screen reader says repeats the blocks.
    if line.starts_with("text: ") || line.starts_with("(") || line == "---" {
        return None;
    }
    let kinds = ["section", "field", "header", "context", "rich_text_section"];
    let stripped = kinds
        .iter()
        .find_map(|kind| line.strip_prefix(&format!("{kind}: ")));
    let mut text = stripped.unwrap_or(&line).trim().to_owned();
    if let Some(quoted) = text.strip_prefix("rich_text_quote: ") {
        text = format!("> {quoted}");
    }
    if let Some(button) = text.strip_prefix("button: ")
        && let Some((label, _)) = button.split_once(']')
    {
        text = format!("{label}]");
    }
    let text = date.replace_all(&text, "‹$1›").replace('\u{200b}', "");
    let names = [
        ("<@U0ALICE>", "@alice"),
        ("<@U0BOB>", "@bob"),
        ("<@U0CAROL>", "@carol"),
        ("<#C0DBA>", "#dba"),
        ("<#C0INC>", "#inc-42"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let text = names
        .iter()
        .fold(text, |text, (id, name)| text.replace(id, name));
    (!text.is_empty()).then_some(text)
}

fn page() -> String {
    let date = Regex::new(r"<!date\^\d+\^[^|]*\|\S+ (\d\d:\d\d) UTC>").expect("a pattern");
    let mut page = HEAD.to_owned();
    for (title, snapshots) in SECTIONS {
        writeln!(page, "\n## {title}\n\n```text").expect("a string takes text");
        let mut known = BTreeSet::new();
        for (index, snapshot) in snapshots.iter().enumerate() {
            let text = read(snapshot);
            let (_, body) = text.split_once("\n---\n").expect("a snapshot has a head");
            if snapshot.ends_with("in_fields.snap") {
                // The same texts without marks.
                continue;
            }
            // A blank line between two snapshots.
            let mut state = (index > 0).then(String::new);
            for line in body.lines() {
                if let Some(name) = line.strip_prefix("## ") {
                    state = Some(format!("\n[{name}]"));
                    continue;
                }
                let Some(said) = said(line, &date) else {
                    continue;
                };
                if known.insert(said.clone()) {
                    if let Some(state) = state.take() {
                        page.push_str(&format!("{state}\n"));
                    }
                    page.push_str(&format!("{said}\n"));
                }
            }
        }
        page.push_str("```\n");
    }
    page.push_str("\n## Reasons of the base rules\n\n```text\n");
    let rules = read(RULES);
    let reasons = rules.lines().filter_map(|line| {
        let reason = line.strip_prefix("@reason(\"")?;
        reason.strip_suffix("\")")
    });
    for reason in reasons {
        page.push_str(&format!("{reason}\n"));
    }
    page.push_str("```\n");
    page
}

#[test]
fn the_page_of_messages_says_what_the_snapshots_say() {
    let page = page();
    if env::var_os("KEYLEND_WRITE_MESSAGES").is_some() {
        fs::write(project().join(PAGE), &page).expect("the page can be written");
    }
    let stored = read(PAGE);
    let differs = stored.lines().zip(page.lines()).find(|(is, has)| is != has);
    assert!(
        stored == page,
        "{PAGE} is outdated, first at {differs:?}: run this test with KEYLEND_WRITE_MESSAGES=1"
    );
}

#[test]
fn the_page_of_messages_leaves_no_snapshot_out() {
    let listed: BTreeSet<&str> = SECTIONS
        .iter()
        .flat_map(|(_, snapshots)| snapshots.iter().copied())
        .collect();
    for folder in [
        "tests/slack/views/snapshots",
        "src/slack/view/snapshots",
        "src/slack/commands/snapshots",
    ] {
        let files = fs::read_dir(project().join(folder)).expect("a folder of snapshots");
        for file in files {
            let name = file.expect("a file").file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            let is_listed = !path.ends_with(".snap") || listed.contains(path.as_str());
            assert!(is_listed, "{path} is in no section of {PAGE}");
        }
    }
}
