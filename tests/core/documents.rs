//! The documentation holds together: every link leads to a file, every anchor to a heading, and
//! CONTRIBUTING.md names only what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

/// Folders with what was built, or what others wrote.
const NOT_OURS: [&str; 2] = ["target", "node_modules"];

/// How long the README may be: what needs more has a page of its own.
const README_LINES: usize = 150;

/// How a path begins that CONTRIBUTING.md names.
const FOLDERS: [&str; 6] = [
    "src/",
    "tests/",
    "docs/",
    "deploy/",
    "benches/",
    "migrations/",
];

pub(crate) fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every Markdown file of the project.
pub(crate) fn pages() -> Vec<PathBuf> {
    let mut folders = vec![root()];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !NOT_OURS.contains(&&*name) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The text without its blocks of code.
pub(crate) fn outside_blocks(text: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut kept = String::new();
    for line in text.lines() {
        let begins = |mark: &str| line.trim_start().starts_with(mark);
        let mark = ["```", "~~~"].into_iter().find(|mark| begins(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            (Some(_), _) => {}
            (None, None) => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

/// A span of code within a paragraph, with its backticks.
pub(crate) fn span() -> Regex {
    Regex::new(r"``[^\n]+?``|`(?:[^`\n]|\n[^`\n])+`").unwrap()
}

/// Where the links and pictures of a page lead, as it is written there.
fn links(text: &str) -> Vec<String> {
    let text = outside_blocks(text);
    let text = span().replace_all(&text, "");
    let forms = [
        // [text](target) and [text](target "title")
        r#"\]\(\s*<?([^\s<>()]+)>?(?:\s+"[^"]*")?\s*\)"#,
        // [name]: target
        r"(?m)^ {0,3}\[[^\]\n]+\]:\s*<?([^\s<>]+)>?",
        // <img src="target">
        r#"(?:src|href)="([^"\n]+)""#,
    ];
    let mut links = Vec::new();
    for form in forms {
        let form = Regex::new(form).unwrap();
        links.extend(form.captures_iter(&text).map(|link| link[1].to_owned()));
    }
    links
}

/// What GitHub calls a heading in links, apart from the number of one that is there twice.
fn slug(heading: &str) -> String {
    let link = Regex::new(r"!?\[([^\]]*)\]\([^)]*\)").unwrap();
    let text = link.replace_all(heading, "$1").to_lowercase();
    let letters = text.trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        letter => letter.is_alphanumeric().then_some(letter),
    });
    letters.collect()
}

/// What a link to a place in this page can name.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = Regex::new(r"^ {0,3}#{1,6}\s+(.+?)(?:\s+#+)?\s*$").unwrap();
    let set = Regex::new(r#"<a\s+(?:id|name)="([^"]+)""#).unwrap();
    let text = outside_blocks(text);
    let mut anchors: BTreeSet<String> = set
        .captures_iter(&text)
        .map(|anchor| anchor[1].to_owned())
        .collect();
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let Some(heading) = heading.captures(line) else {
            continue;
        };
        let slug = slug(&heading[1]);
        let count = before.entry(slug.clone()).or_default();
        anchors.insert(match *count {
            0 => slug,
            count => format!("{slug}-{count}"),
        });
        *count += 1;
    }
    anchors
}

/// Why a link of this page leads nowhere; nothing if it leads somewhere, or out of the project by an
/// address.
fn broken(page: &Path, link: &str) -> Option<&'static str> {
    let address = Regex::new(r"^(?:[A-Za-z][A-Za-z0-9+.-]*:|//)").unwrap();
    if address.is_match(link) {
        return None;
    }
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link, None),
    };
    let file = match path.strip_prefix('/') {
        Some(path) => root().join(path),
        None if path.is_empty() => page.to_owned(),
        None => page.parent().unwrap().join(path),
    };
    if !file.exists() {
        return Some("there is no such file");
    }
    let real = file.canonicalize().unwrap();
    if !real.starts_with(root().canonicalize().unwrap()) {
        return Some("this is outside of the project");
    }
    let anchor = anchor?;
    let is_page = file.extension().is_some_and(|kind| kind == "md");
    (is_page && !anchors(&read(&file)).contains(anchor)).then_some("there is no such heading")
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let pages = pages();
    assert!(pages.len() > 10, "pages were not found: {pages:?}");
    let (mut count, mut wrong) = (0, Vec::new());
    for page in &pages {
        for link in links(&read(page)) {
            count += 1;
            if let Some(why) = broken(page, &link) {
                wrong.push(format!("{}: {link}: {why}", page.display()));
            }
        }
    }
    assert!(count > 100, "links were not found: {count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_are_read_as_github_reads_them() {
    let page = "\
# The `[people]` of [Keylend](https://example.com): who?
See [`one`](a.md), [two](<b.md#c> \"title\"), `[three](no.md)` and ![four](d.png).
[five]: e.md
```text
# No heading
[six](no.md)
```
## Twice
## Twice
<a id=\"own\"></a>
";
    let wanted = ["https://example.com", "a.md", "b.md#c", "d.png", "e.md"];
    assert_eq!(links(page), wanted);
    let wanted = ["own", "the-people-of-keylend-who", "twice", "twice-1"];
    assert!(anchors(page).iter().map(String::as_str).eq(wanted));
    let readme = root().join("README.md");
    assert_eq!(broken(&readme, "https://example.com/none"), None);
    assert_eq!(broken(&readme, "src/lib.rs#L1"), None);
    assert_eq!(broken(&readme, "/src/lib.rs"), None);
    assert!(broken(&readme, "no such file").is_some());
    assert!(broken(&readme, "#no-such-heading").is_some());
    assert!(broken(&readme, "..").is_some());
}

#[test]
fn the_readme_is_short() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(
        lines <= README_LINES,
        "README.md has {lines} lines: move some to a page of docs/"
    );
}

/// Of a path with a name to choose, such as `src/backend/<kind>/mod.rs`, the folder before that name.
#[test]
fn contributing_names_only_files_that_there_are() {
    let text = outside_blocks(&read(&root().join("CONTRIBUTING.md")));
    let (mut count, mut missing) = (0, Vec::new());
    for found in span().find_iter(&text) {
        let code = found.as_str().trim_matches('`').trim();
        let path = code.split(|letter: char| letter.is_whitespace() || ":#".contains(letter));
        let path = path.take(1).collect::<String>();
        if !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        count += 1;
        let there = match path.split_once('<') {
            Some((before, _)) => before.rsplit_once('/').map_or(before, |(folder, _)| folder),
            None => path.as_str(),
        };
        if !root().join(there).exists() {
            missing.push(path);
        }
    }
    assert!(count > 20, "paths were not found: {count}");
    assert!(missing.is_empty(), "there is no {missing:#?}");
}
