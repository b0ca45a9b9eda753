//! Reading the people-and-channels file.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};

use super::{check::first_complaint, file::File};

/// The largest file that is read.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a file.
pub(super) fn read(path: &Path) -> anyhow::Result<File> {
    let name = path.display().to_string();
    let about = || format!("{name} cannot be read");
    let size = fs::metadata(path).with_context(about)?.len();
    ensure!(
        size <= MOST_BYTES,
        "{name} is larger than {MOST_BYTES} bytes"
    );
    let text = fs::read_to_string(path).with_context(about)?;
    let mut file = parse(&text, &name)?;
    file.folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(file)
}

/// Reads the text of the file called `name`. What is wrong is said with its line and its key.
pub(super) fn parse(text: &str, name: &str) -> anyhow::Result<File> {
    let file: File = toml::from_str(text).with_context(|| format!("{name} is not right"))?;
    if let Some(complaint) = first_complaint(&file) {
        let line = text[..complaint.at.start].lines().count().max(1);
        bail!("{name}, line {line}: {}", complaint.message);
    }
    Ok(file)
}
