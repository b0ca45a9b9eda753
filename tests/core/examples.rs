//! What the documentation shows works: the program accepts each `keylend` command, Slack each `/jit` line, and the
//! reader each block of TOML, Cedar and JSON.
//!
//! A block without a language, or in one that is not listed here, fails: so a new kind of block is either
//! checked or listed as one that is only shown.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command as Process,
    sync::LazyLock,
};

use clap::{
    Command, CommandFactory, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use keylend::{
    cli::Cli,
    config::{self, Config, Secrets},
    policy::Policy,
    slack::{
        arguments::Wanted,
        commands::{self, COMMANDS, Typed, request},
    },
};
use serde_json::{Value, json};

use crate::documents::{outside_blocks, pages, read, root, span};

/// Languages of blocks that are only shown.
const SHOWN: [&str; 5] = ["js", "python", "rust", "sql", "text"];

/// The page of another program, whose TOML is not Keylend's.
const OTHER: &str = "slack-sim/README.md";

/// How a word of a command begins that names a file of this project.
const FOLDERS: [&str; 6] = ["./", "deploy/", "docs/", "fuzz/", "src/", "tests/"];

/// A block of code.
struct Block {
    page: PathBuf,
    line: usize,
    language: String,
    text: String,
}

impl Block {
    fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }

    fn is_of(&self, page: &str) -> bool {
        self.page == root().join(page)
    }
}

/// The blocks of a page, without the indentation of the lists that they are in.
fn blocks(page: &Path) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (index, line) in read(page).lines().enumerate() {
        let trimmed = line.trim_start();
        let indentation = line.len() - trimmed.len();
        match (open.take(), trimmed.strip_prefix("```")) {
            (Some((block, _)), Some(_)) => blocks.push(block),
            (None, Some(language)) => {
                let block = Block {
                    page: page.to_owned(),
                    line: index + 1,
                    language: language.trim().to_owned(),
                    text: String::new(),
                };
                open = Some((block, indentation));
            }
            (Some((mut block, indented)), None) => {
                block.text += line.get(indented.min(indentation)..).unwrap_or_default();
                block.text.push('\n');
                open = Some((block, indented));
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a block does not end", page.display());
    blocks
}

fn all_blocks() -> Vec<Block> {
    let blocks: Vec<Block> = pages().iter().flat_map(|page| blocks(page)).collect();
    assert!(blocks.len() > 90, "blocks were not found: {}", blocks.len());
    blocks
}

fn blocks_in(language: &str) -> Vec<Block> {
    let mut blocks = all_blocks();
    blocks.retain(|block| block.language == language);
    blocks
}

/// The text of each span of code, as one line.
fn spans() -> Vec<(PathBuf, String)> {
    let mut spans = Vec::new();
    for page in pages() {
        let text = outside_blocks(&read(&page));
        for found in span().find_iter(&text) {
            let code = found.as_str().trim_matches('`').trim();
            spans.push((page.clone(), code.replace('\n', " ")));
        }
    }
    spans
}

#[test]
fn every_block_has_a_language_that_is_checked_or_only_shown() {
    let checked = ["cedar", "console", "json", "toml"];
    for block in all_blocks() {
        let language = block.language.as_str();
        assert!(
            checked.contains(&language) || SHOWN.contains(&language),
            "{}: the language `{language}` is not known here",
            block.place()
        );
    }
}

/// The commands that are typed in a block, each with the lines that continue it. The rest is what they print.
fn typed(block: &Block) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut continues = false;
    for line in block.text.lines() {
        let begun = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# "));
        if continues && let Some(command) = commands.last_mut() {
            command.push('\n');
            command.push_str(line);
        } else if let Some(begun) = begun {
            commands.push(begun.to_owned());
        } else {
            continue;
        }
        let command = commands.last().expect("there is one by now");
        continues = command.ends_with('\\') || shlex::split(command).is_none();
    }
    assert!(!continues, "{}: a command does not end", block.place());
    commands
}

/// The words behind `keylend`, if that is the program that a command runs.
fn behind_keylend(words: &[String]) -> Option<&[String]> {
    let is_keylend = |word: &String| word == "keylend" || word.ends_with("/keylend");
    let at = words.iter().position(is_keylend)?;
    let before = &words[..at];
    let runs = before.iter().all(|word| word.contains('='))
        || before.starts_with(&["docker", "compose", "run"].map(str::to_owned));
    let behind = &words[at + 1..];
    let ends = |word: &String| ["|", ">", ">>", "&&", "||", ";"].contains(&word.as_str());
    let end = behind.iter().position(ends).unwrap_or(behind.len());
    runs.then(|| &behind[..end])
}

/// Why the program does not accept these words. What stands for a text of the reader's, such as `5c0f…` or
/// `$KEY`, may be anything.
fn refused(words: &[String]) -> Option<String> {
    let line = std::iter::once("keylend").chain(words.iter().map(String::as_str));
    let error = Cli::command().try_get_matches_from(line).err()?;
    let stands_for_another = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.contains(['…', '$']),
        _ => false,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        ErrorKind::ValueValidation if stands_for_another => None,
        _ => Some(error.to_string()),
    }
}

#[test]
fn every_command_that_is_shown_is_accepted() {
    let (mut count, mut wrong) = (0, Vec::new());
    for block in blocks_in("console") {
        let commands = typed(&block);
        assert!(
            !commands.is_empty(),
            "{}: begin commands with `$ `",
            block.place()
        );
        for command in commands {
            let words = shlex::split(&command.replace("\\\n", " ")).expect("it ended");
            if let Some(words) = behind_keylend(&words) {
                count += 1;
                let refused = refused(words);
                wrong.extend(refused.map(|why| format!("{}: {command}: {why}", block.place())));
            }
        }
    }
    assert!(count > 40, "commands were not found: {count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_that_is_shown_is_shell_and_names_files_that_there_are() {
    for block in blocks_in("console") {
        for command in typed(&block) {
            let checked = Process::new("sh").args(["-n", "-c", &command]).output();
            let checked = checked.expect("sh");
            assert!(checked.status.success(), "{}: {command}", block.place());
            for word in shlex::split(&command.replace("\\\n", " ")).expect("it ended") {
                let is_ours = FOLDERS.iter().any(|folder| word.starts_with(folder));
                assert!(
                    !is_ours || root().join(&word).exists(),
                    "{}: there is no {word}",
                    block.place()
                );
            }
        }
    }
}

/// Why a command that is named in a sentence, perhaps without all of its arguments, is not one.
fn misnamed(line: &str) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    let mut command: &Command = &command;
    for word in line.split_whitespace().skip(1) {
        if let Some(option) = word.strip_prefix("--") {
            let mut options = command
                .get_arguments()
                .filter_map(|option| option.get_long());
            if !options.any(|long| long == option) {
                return Some(format!("it has no option `{word}`"));
            }
        } else if command.has_subcommands() {
            match command.find_subcommand(word) {
                Some(found) => command = found,
                None => return Some(format!("there is no `{word}`")),
            }
        }
    }
    None
}

#[test]
fn every_command_that_is_named_is_one() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (page, code) in spans() {
        if code.starts_with("keylend ") {
            count += 1;
            let misnamed = misnamed(&code);
            wrong.extend(misnamed.map(|why| format!("{}: {code}: {why}", page.display())));
        }
    }
    assert!(count > 30, "commands were not found: {count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(misnamed("keylend audit verfy").is_some());
    assert!(misnamed("keylend audit verify --heads").is_some());
}

/// Every command, with the words before it, and its options.
fn leaves(command: &Command, before: &str, all: &mut Vec<(String, Vec<String>)>) {
    let name = format!("{before}{}", command.get_name());
    for below in command
        .get_subcommands()
        .filter(|below| below.get_name() != "help")
    {
        leaves(below, &format!("{name} "), all);
    }
    if !command.has_subcommands() {
        let options = command
            .get_arguments()
            .filter_map(|option| option.get_long());
        let options = options.filter(|long| !["help", "version"].contains(long));
        all.push((name, options.map(|long| format!("--{long}")).collect()));
    }
}

#[test]
fn the_page_of_commands_has_each_of_them_with_its_options() {
    let page = read(&root().join("docs/commands.md"));
    let mut all = Vec::new();
    leaves(&Cli::command(), "", &mut all);
    assert!(all.len() > 10, "{all:?}");
    for (command, options) in all {
        assert!(
            page.contains(&format!("`{command}`")),
            "docs/commands.md has no `{command}`"
        );
        for option in options {
            assert!(
                page.contains(&option),
                "docs/commands.md has no {option} of {command}"
            );
        }
    }
}

/// The example, to which fragments of other configurations are added.
static EXAMPLE: LazyLock<Value> = LazyLock::new(|| {
    let text = read(&root().join("deploy/keylend.example.toml"));
    toml::from_str(&text).expect("the example is TOML")
});

fn load(configuration: &Value) -> Result<Config, String> {
    let source = toml::to_string(configuration).map_err(|error| error.to_string())?;
    let file = root().join("deploy/keylend.toml");
    Config::parse(&file, &source, Secrets::Unchecked).map_err(|problems| problems.to_string())
}

#[test]
fn every_jit_line_is_understood() {
    let catalogue = load(&EXAMPLE).expect("the example is good").catalogue;
    let blocks = blocks_in("text").into_iter();
    let typed = blocks.flat_map(|block| {
        let lines: Vec<_> = block.text.lines().map(str::to_owned).collect();
        lines
            .into_iter()
            .map(move |line| (block.page.clone(), line))
    });
    let mut count = 0;
    for (page, line) in typed.chain(spans()) {
        let Some(text) = line.strip_prefix("/jit ") else {
            continue;
        };
        count += 1;
        let place = format!("{}: {line}", page.display());
        let name = text.split(' ').next().unwrap_or_default();
        let known = COMMANDS.iter().any(|command| command.name == name);
        assert!(known, "{place}: there is no command `{name}`");
        let Typed::Command(command, words) = commands::read(text, &catalogue) else {
            panic!("{place}: it is not understood");
        };
        // `[scope]` and `SCOPE` stand for another word.
        let is_an_example = !text.contains('[') && words.len() > 1;
        if command.name == "request" && is_an_example {
            let draft = request::parse(&words, &catalogue);
            assert!(
                matches!(draft.scope, Wanted::Scope(_)),
                "{place}: {:?}",
                draft.scope
            );
            assert!(draft.unclear.is_empty(), "{place}");
        }
    }
    assert!(count > 25, "lines were not found: {count}");
}

/// Puts `more` over `table`, table by table.
fn put_over(table: &mut Value, more: &Value) {
    match (table, more) {
        (Value::Object(table), Value::Object(more)) => {
            for (key, value) in more {
                put_over(table.entry(key.clone()).or_insert(json!({})), value);
            }
        }
        (table, more) => *table = more.clone(),
    }
}

/// The whole configuration that a block of TOML is a part of. A scope, or a part of one, is put over the scope
/// `db-prod:write` of the example, and keys without their section are put into the section that has them.
fn whole(part: &Value) -> Value {
    let is_whole = |part: &Value| {
        ["store", "slack", "secrets"]
            .iter()
            .all(|key| part[key].is_object())
    };
    if is_whole(part) {
        return part.clone();
    }
    let schema = config::schema();
    let sections = schema["properties"].as_object().expect("sections");
    let mut whole = EXAMPLE.clone();
    let template = EXAMPLE["scopes"]["db-prod:write"].clone();
    for (key, value) in part.as_object().expect("a table") {
        if key == "scopes" {
            for (name, scope) in value.as_object().expect("scopes") {
                let mut filled = template.clone();
                put_over(&mut filled, scope);
                whole["scopes"][name] = filled;
            }
        } else if sections.contains_key(key) {
            put_over(&mut whole[key], value);
        } else if schema["properties"]["scopes"]["additionalProperties"]["properties"][key]
            .is_object()
        {
            whole["scopes"]["db-prod:write"][key] = value.clone();
        } else {
            let section = sections
                .iter()
                .find(|(_, section)| section["properties"].get(key).is_some());
            let (name, _) = section.unwrap_or_else(|| panic!("no section has the key `{key}`"));
            whole[name][key] = value.clone();
        }
    }
    whole
}

/// Runs cases for `keylend policy test` with the rules of all examples.
fn decides_its_cases(cases: &str) {
    let examples = root().join("deploy/policies/examples");
    let rules: Vec<_> = fs::read_dir(&examples)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|it| it == "cedar"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.test.toml");
    fs::write(&file, format!("rules = {rules:?}\n{cases}")).unwrap();
    let config = examples.join("keylend.toml");
    let arguments = ["keylend", "policy", "test", "--config"].map(Into::into);
    let arguments = arguments.into_iter().chain([config.into(), file.into()]);
    let command = Cli::try_parse_from::<_, std::ffi::OsString>(arguments).unwrap();
    let mut said = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let code = runtime.block_on(command.run(&mut said)).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", std::process::ExitCode::SUCCESS),
        "{said}"
    );
}

#[test]
fn every_block_of_toml_is_a_configuration_or_a_part_of_one() {
    let schema = config::schema();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    for block in blocks_in("toml") {
        let place = block.place();
        let part: Value =
            toml::from_str(&block.text).unwrap_or_else(|error| panic!("{place}: {error}"));
        if block.is_of(OTHER) {
            continue;
        }
        if part.get("case").is_some() {
            decides_its_cases(&block.text);
            continue;
        }
        let whole = whole(&part);
        if let Err(error) = validator.validate(&whole) {
            panic!("{place}: {error}, at `{}`", error.instance_path());
        }
        load(&whole).unwrap_or_else(|problems| panic!("{place}: {problems}"));
    }
}

#[test]
fn every_block_of_cedar_is_valid_with_the_base_rules() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.cedar");
    let blocks = blocks_in("cedar");
    assert!(!blocks.is_empty(), "blocks were not found");
    for block in blocks {
        fs::write(&file, &block.text).unwrap();
        let loaded = Policy::load(std::slice::from_ref(&file));
        assert!(loaded.is_ok(), "{}: {:?}", block.place(), loaded.err());
    }
}

#[test]
fn every_block_of_json_is_json() {
    for block in blocks_in("json") {
        let read = serde_json::from_str::<Value>(&block.text);
        assert!(read.is_ok(), "{}: {read:?}", block.place());
    }
}
