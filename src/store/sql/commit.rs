//! What one write does to the tables. The writer has begun a transaction and ends it.

use super::{
    cards, credentials,
    db::{Connection, Done},
    holders, homes, locks, log, requests, work,
};
use crate::{
    domain::{Time, UserId},
    store::{Card, Chain, Change, Commit, Home, LockChange, Published, Whose},
};

/// Something that is written.
#[derive(Debug)]
pub(super) enum Write {
    Commit(Box<Commit>),
    CardShown { card: Card, version: u64 },
    CardFailed { card: Card, retry_at: Option<Time> },
    CursorMoved { feed: String, seq: u64 },
    HomeOpened { person: UserId, now: Time },
    HomesTouched { whose: Whose, now: Time },
    HomeShown { home: Home, published: Published },
    HomeFailed { home: Home, retry_at: Option<Time> },
}

impl Write {
    /// Whether a conflict can show when something was written already. Otherwise it shows in the
    /// first statement, which then has changed nothing.
    pub(super) fn can_conflict_midway(&self) -> bool {
        match self {
            Self::Commit(commit) => {
                let is_one_change = commit.changes.len() == 1
                    && commit.holder.is_none()
                    && commit.lock.is_none()
                    && commit.credentials.is_empty();
                !is_one_change
            }
            _ => false,
        }
    }
}

/// What a write has done, once it is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// The log's last entry after it.
    pub(super) head: u64,
    /// Whether credentials were erased.
    pub(super) erased: bool,
    /// Whether Homes were touched, otherwise than by a commit.
    pub(super) homes: bool,
}

/// Why a write is to be rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    Conflict,
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Holds that a statement changed one row: none means that somebody else was faster.
pub(super) fn exactly_one(done: &Done) -> Result<(), Failure> {
    match done.rows_affected() {
        1 => Ok(()),
        0 => Err(Failure::Conflict),
        rows => Err(Failure::Database(sqlx::Error::Protocol(format!(
            "{rows} rows were changed in the place of one"
        )))),
    }
}

/// Carries out one write.
pub(super) async fn carry_out(
    connection: &mut Connection,
    chain: &mut Chain,
    write: &Write,
) -> Result<Written, Failure> {
    let mut erased = false;
    match write {
        Write::Commit(commit) => erased = self::commit(connection, chain, commit).await?,
        Write::CardShown { card, version } => cards::shown(connection, card, *version).await?,
        Write::CardFailed { card, retry_at } => {
            cards::failed(connection, card, *retry_at).await?;
        }
        Write::CursorMoved { feed, seq } => log::move_cursor(connection, feed, *seq).await?,
        Write::HomeOpened { person, now } => homes::opened(connection, person, *now).await?,
        Write::HomesTouched { whose, now } => homes::touch(connection, whose, *now).await?,
        Write::HomeShown { home, published } => {
            homes::shown(connection, chain.seq(), home, published).await?;
        }
        Write::HomeFailed { home, retry_at } => {
            homes::failed(connection, home, *retry_at).await?;
        }
    }
    Ok(Written {
        head: chain.seq(),
        erased,
        homes: matches!(write, Write::HomeOpened { .. } | Write::HomesTouched { .. }),
    })
}

/// Answers whether credentials were erased.
async fn commit(
    connection: &mut Connection,
    chain: &mut Chain,
    commit: &Commit,
) -> Result<bool, Failure> {
    if let Some((person, decided_on)) = &commit.holder {
        holders::advance(connection, person, *decided_on).await?;
    }
    match &commit.lock {
        Some(LockChange::Set(lock, record)) => {
            locks::set(connection, lock).await?;
            log::append(connection, chain, record).await?;
            homes::touch(connection, &Whose::Asked, record.at).await?;
        }
        Some(LockChange::Lift(target, record)) => {
            locks::lift(connection, target).await?;
            log::append(connection, chain, record).await?;
        }
        None => {}
    }
    for change in &commit.changes {
        self::change(connection, chain, change).await?;
    }
    for credential in &commit.credentials {
        credentials::keep(connection, credential).await?;
    }
    let mut erased = false;
    for change in &commit.changes {
        if !change.after.is_open() {
            erased |= credentials::erase(connection, change.after.id).await?;
        }
    }
    Ok(erased)
}

async fn change(
    connection: &mut Connection,
    chain: &mut Chain,
    change: &Change,
) -> Result<(), Failure> {
    let request = &change.after;
    if change.before.unwrap_or(0) + change.records.len() as u64 != request.version {
        let error = format!("the events of {} do not make its version", request.id);
        return Err(Failure::Database(sqlx::Error::Protocol(error)));
    }
    let last_seq = chain.seq() + change.records.len() as u64;
    match change.before {
        Some(before) => requests::update(connection, request, before, last_seq).await?,
        None => requests::insert(connection, request, last_seq).await?,
    }
    for record in &change.records {
        log::append(connection, chain, record).await?;
    }
    work::note(connection, request).await?;
    requests::note_layers(connection, request).await?;
    for card in &change.cards {
        cards::add(connection, request.id, card).await?;
    }
    if let Some(last) = change.records.last() {
        cards::refresh(connection, request.id, last.at).await?;
        homes::touch_by(connection, request, last.at).await?;
    }
    Ok(())
}
