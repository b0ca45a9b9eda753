//! Reading the log from its beginning, from the store or from an export, a page at a time. While
//! one page of the store is worked on, the next is read.

use std::{io, path::Path, sync::Arc, vec};

use tokio::{
    fs::File,
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    task::JoinHandle,
};

use crate::store::{Broken, NotCanonical, RawEntry, Store, StoreError, View};

/// How many entries are read from the store at a time; two such pages are in memory at once.
const PAGE: u32 = 1000;

/// The longest line of an export, in bytes: far above what Slack lets anybody write.
const MAX_LINE: usize = 1024 * 1024;

/// A log that is being read; nothing is checked here.
pub struct Log {
    source: Source,
    last: u64,
}

enum Source {
    Store(Pages),
    View(View, vec::IntoIter<RawEntry>),
    Export(Export),
}

/// The first thing that is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A line of an export does not count.
    #[error("line {line} {why}")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// Why not.
        why: BadLine,
    },
    /// An entry could be read in two ways.
    #[error("entry {seq} was changed: it is not in canonical form (RFC 8785)")]
    NotCanonical {
        /// Its number.
        seq: u64,
    },
    /// A table cannot be read, so it is not compared with the log.
    #[error("the table {table} cannot be read: {why}")]
    Table {
        /// The table.
        table: &'static str,
        /// What stands in the way.
        why: String,
    },
    /// An export has no entries.
    #[error("the file has no entries")]
    Empty,
    /// An export does not begin with the log's first entry, and nobody said what comes before.
    #[error(
        "the file begins with entry {first}, so the beginning of the log is missing. To verify a \
         partial export, pass the head that you saved for the entry before it: --after {}:HASH",
        first - 1
    )]
    Beginning {
        /// Its first entry.
        first: u64,
    },
    /// The head that was known from before lies before the range that is verified.
    #[error(
        "the head, entry {head}, is not in the verified range, which begins with entry {first}. \
         Verify an export that contains it"
    )]
    HeadBefore {
        /// The head's entry.
        head: u64,
        /// The first entry of the range.
        first: u64,
    },
    /// The store did not answer, which says nothing about the log.
    #[error("entry {seq} could not be read from the store: {why}")]
    NoAnswer {
        /// The number of the entry that was read.
        seq: u64,
        /// What stands in the way.
        why: String,
    },
    /// An entry cannot be parsed.
    #[error("entry {seq} cannot be read: {why}")]
    Unreadable {
        /// Its number, if all before it are there.
        seq: u64,
        /// What stands in the way.
        why: String,
    },
    /// An entry is not what it was, or not where it was.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The log ends before an entry that it once had.
    #[error("entry {expected} is missing: the log ends with entry {last}")]
    CutOff {
        /// The entry that was seen before.
        expected: u64,
        /// The last one that is there.
        last: u64,
    },
    /// An entry is not the one that was seen before: the log was written anew.
    #[error("entry {seq} is not the one that was seen before: that one had the hash {hash}")]
    Rewritten {
        /// The entry.
        seq: u64,
        /// The hash that it had.
        hash: String,
    },
    /// Entries are not those over which a checkpoint was signed: the log was written anew.
    #[error(
        "entries {first} to {last} are not those that were there when the checkpoint of {last} entries \
         was signed"
    )]
    NotAsSigned {
        /// The first entry behind the last checkpoint that the log matches.
        first: u64,
        /// The last entry that the checkpoint covers.
        last: u64,
    },
    /// The log ends before an entry that a checkpoint covers.
    #[error(
        "entries {} to {signed} are missing: the log ends with entry {last}, and a checkpoint of \
         {signed} entries was signed",
        last + 1
    )]
    CutOffBehind {
        /// The last entry that the checkpoint covers.
        signed: u64,
        /// The last one that is there.
        last: u64,
    },
    /// Two checkpoints contradict each other: there were two logs.
    #[error(
        "two different versions of entries 1 to {size} were signed: the log was forked, and shown to \
         some in one version and to others in the other"
    )]
    Forked {
        /// How many entries each of the two checkpoints covers.
        size: u64,
    },
}

impl Fault {
    /// Whether evidence is missing or cannot be read, rather than found to be wrong.
    pub fn is_lack_of_evidence(&self) -> bool {
        matches!(
            self,
            Self::Line { .. }
                | Self::Empty
                | Self::Beginning { .. }
                | Self::HeadBefore { .. }
                | Self::Table { .. }
                | Self::NoAnswer { .. }
        )
    }
}

/// Why a line of an export does not count.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    /// It is written in another way than Keylend writes it.
    #[error("is {0}: something changed the file after it was exported")]
    NotCanonical(#[from] NotCanonical),
    /// It does not end.
    #[error("does not end: the export was interrupted, or the file was cut off")]
    Unfinished,
    /// It is longer than any entry.
    #[error("is longer than {MAX_LINE} bytes, so it is no entry")]
    TooLong,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl Log {
    /// The store's log behind entry `after`; 0 for all of it.
    pub fn in_store(store: Arc<dyn Store>, after: u64) -> Self {
        Self {
            source: Source::Store(Pages {
                store,
                page: Vec::new().into_iter(),
                ahead: None,
            }),
            last: after,
        }
    }

    /// The log of one view of a store.
    pub fn in_view(view: View) -> Self {
        Self {
            source: Source::View(view, Vec::new().into_iter()),
            last: 0,
        }
    }

    /// The view that it reads, if it reads one.
    pub fn into_view(self) -> Option<View> {
        match self.source {
            Source::View(view, _) => Some(view),
            Source::Store(_) | Source::Export(_) => None,
        }
    }

    /// An export in JSONL behind entry `after`; it may be an export of a part of the log.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub async fn in_file(path: &Path, after: u64) -> io::Result<Self> {
        Ok(Self {
            source: Source::Export(Export {
                file: BufReader::new(File::open(path).await?),
                lines: 0,
                after,
            }),
            last: 0,
        })
    }

    /// The next entry; nothing at the end.
    ///
    /// # Errors
    ///
    /// [`Fault::Unreadable`] with the number of the entry that cannot be parsed, [`Fault::NoAnswer`]
    /// if the store fails, or [`Fault::Line`] with the number of a line of an export.
    pub async fn next(&mut self) -> Result<Option<RawEntry>, Fault> {
        let entry = match &mut self.source {
            Source::View(view, page) => match page.next() {
                Some(entry) => Some(entry),
                None => {
                    *page = read_view(view, self.last).await?.into_iter();
                    page.next()
                }
            },
            Source::Store(pages) => match pages.page.next() {
                Some(entry) => Some(entry),
                None => pages.turn(self.last).await?,
            },
            Source::Export(export) => export.next().await?,
        };
        if let Some(entry) = &entry {
            self.last = entry.seq;
        }
        Ok(entry)
    }

    /// Whether it is an export, which somebody could have cut at its beginning.
    pub(super) fn is_export(&self) -> bool {
        matches!(self.source, Source::Export(..))
    }
}

/// The store's log: the page that is worked on, and the one behind it on its way.
struct Pages {
    store: Arc<dyn Store>,
    page: vec::IntoIter<RawEntry>,
    ahead: Option<JoinHandle<Result<Vec<RawEntry>, Fault>>>,
}

impl Pages {
    /// Goes on to the page behind entry `after`, whose first entry it answers; nothing at the end.
    async fn turn(&mut self, after: u64) -> Result<Option<RawEntry>, Fault> {
        let page = match self.ahead.take() {
            // A reader that broke off has not shown where the log ends.
            Some(ahead) => ahead.await.map_err(|error| Fault::NoAnswer {
                seq: after + 1,
                why: error.to_string(),
            })??,
            None => read_page(self.store.as_ref(), after).await?,
        };
        if let Some(last) = page.last() {
            let (store, after) = (self.store.clone(), last.seq);
            let reading = async move { read_page(store.as_ref(), after).await };
            self.ahead = Some(tokio::spawn(reading));
        }
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

/// The entries behind `after`. A page that cannot be read is read again one by one, so that the
/// fault names the entry.
async fn read_page(store: &dyn Store, after: u64) -> Result<Vec<RawEntry>, Fault> {
    if let Ok(entries) = store.raw_entries(after, PAGE).await {
        return Ok(entries);
    }
    let entries = store.raw_entries(after, 1).await;
    entries.map_err(|error| unread(after + 1, &error))
}

async fn read_view(view: &mut View, after: u64) -> Result<Vec<RawEntry>, Fault> {
    if let Ok(entries) = view.entries(after, PAGE).await {
        return Ok(entries);
    }
    let entries = view.entries(after, 1).await;
    entries.map_err(|error| unread(after + 1, &error))
}

/// Why an entry was not read: it is not one, or the store did not answer.
fn unread(seq: u64, error: &StoreError) -> Fault {
    let why = error.to_string();
    match error.is_bad_row() {
        true => Fault::Unreadable { seq, why },
        false => Fault::NoAnswer { seq, why },
    }
}

/// An export, line by line.
struct Export {
    file: BufReader<File>,
    /// How many lines were read.
    lines: u64,
    /// The entries up to this one are passed over.
    after: u64,
}

impl Export {
    async fn next(&mut self) -> Result<Option<RawEntry>, Fault> {
        loop {
            self.lines += 1;
            let line = self.lines;
            match read_line(&mut self.file).await {
                Ok(Some(entry)) if entry.seq <= self.after => {}
                Ok(entry) => return Ok(entry),
                Err(why) => return Err(Fault::Line { line, why }),
            }
        }
    }
}

async fn read_line(file: &mut BufReader<File>) -> Result<Option<RawEntry>, BadLine> {
    let mut line = Vec::new();
    let mut limited = file.take(MAX_LINE as u64 + 1);
    limited.read_until(b'\n', &mut line).await?;
    match line.split_last() {
        None => Ok(None),
        Some((b'\n', line)) => Ok(Some(RawEntry::from_line(line)?)),
        Some(_) if line.len() > MAX_LINE => Err(BadLine::TooLong),
        Some(_) => Err(BadLine::Unfinished),
    }
}
