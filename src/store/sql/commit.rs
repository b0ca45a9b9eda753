//! What one write does to the tables. The writer has begun a transaction and ends it.

use std::borrow::Cow;

use super::{
    credentials,
    db::Connection,
    deliveries, documents, high_water,
    locks::{self, InForce},
    log,
    pending_writes::PendingWrites,
    people,
    requests::{self, Update},
    run::Failure,
};
use crate::{
    domain::{Lock, Occurred, Request, Time},
    store::{Chain, Change, Commit, DocumentWrites, EntryBody, LockChange, Record, StoreKey, Told},
};

/// Something that is written.
#[derive(Debug)]
pub(super) enum Write {
    Commit(Box<Commit>),
    CursorMoved {
        name: String,
        seq: u64,
    },
    /// Where the row stands that was found, and where the follower goes on.
    CursorRestored {
        name: String,
        found: u64,
        seq: u64,
    },
    Documents(Box<DocumentWrites>),
    HighWater {
        at: Time,
        lowers: bool,
    },
    PeopleKept(Vec<u8>),
    Restored {
        request: Box<Request>,
        last_seq: u64,
    },
}

impl Write {
    /// Whether it looks at the log: then everything before it has to be there.
    pub(super) fn reads_the_log(&self) -> bool {
        match self {
            Self::Restored { .. } => true,
            Self::Commit(commit) => commit.note.is_some(),
            Self::CursorMoved { .. }
            | Self::CursorRestored { .. }
            | Self::Documents(_)
            | Self::HighWater { .. }
            | Self::PeopleKept(_) => false,
        }
    }

    /// Whether the log, or what `before` it in the transaction is to be written, says more of the
    /// people that it was decided on, or of what was noted.
    pub(super) async fn has_changed(
        &self,
        connection: &mut Connection,
        before: &PendingWrites,
    ) -> sqlx::Result<bool> {
        let Self::Commit(commit) = self else {
            return Ok(false);
        };
        if let Some(note) = &commit.note
            && log::last_of_no_request(connection).await? != note.last_seq
        {
            return Ok(true);
        }
        match &commit.decided_on {
            Some(decided_on) => {
                Ok(before.change(decided_on) || people::change(connection, decided_on).await?)
            }
            None => Ok(false),
        }
    }

    /// The request that it changes, if it does nothing else, and does not depend on what others have
    /// written in the same transaction.
    pub(super) fn as_update(&self) -> Option<&Change> {
        let Self::Commit(commit) = self else {
            return None;
        };
        match &commit.changes[..] {
            [change]
                if commit.does_nothing_else()
                    && commit.decided_on.is_none()
                    && change.before().is_some()
                    && !change.grants() =>
            {
                Some(change)
            }
            _ => None,
        }
    }

    /// Whether it is not written while the space on the disk is kept for access that ends.
    pub(super) fn can_wait(&self) -> bool {
        match self {
            Self::Commit(commit) => {
                commit.note.is_some() || commit.changes.iter().any(Change::begins)
            }
            Self::PeopleKept(_) => true,
            Self::CursorMoved { .. }
            | Self::CursorRestored { .. }
            | Self::Documents(_)
            | Self::HighWater { .. }
            | Self::Restored { .. } => false,
        }
    }

    /// Whether a conflict can show when something was written already. Otherwise it shows in the
    /// first statement, which then has changed nothing.
    pub(super) fn can_conflict_midway(&self) -> bool {
        match self {
            Self::Commit(commit) => commit.changes.len() != 1 || !commit.does_nothing_else(),
            Self::Documents(writes) => {
                writes.put.is_some() && (writes.step.is_some() || !writes.add.is_empty())
            }
            Self::CursorMoved { .. }
            | Self::CursorRestored { .. }
            | Self::HighWater { .. }
            | Self::PeopleKept(_)
            | Self::Restored { .. } => false,
        }
    }
}

/// What a write has done, once it is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// The log's last entry after it.
    pub(super) head: u64,
    /// Whether documents may have got their turn.
    pub(super) documents: bool,
}

/// Carries out one write, up to what it leaves in `writes`.
pub(super) async fn carry_out(
    connection: &mut Connection,
    key: &StoreKey,
    chain: &mut Chain,
    in_force: &mut InForce,
    writes: &mut PendingWrites,
    write: &Write,
) -> Result<Written, Failure> {
    match write {
        Write::Commit(commit) => {
            self::commit(connection, chain, in_force, writes, commit).await?;
        }
        Write::CursorMoved { name, seq } => {
            documents::move_cursor(connection, key, name, *seq).await?;
        }
        Write::CursorRestored { name, found, seq } => {
            documents::restore_cursor(connection, key, name, *found, *seq).await?;
        }
        Write::Documents(writes) => documents::write(connection, key, writes).await?,
        Write::HighWater { at, lowers } => high_water::set(connection, *at, *lowers).await?,
        Write::PeopleKept(sealed) => people::keep(connection, sealed).await?,
        Write::Restored { request, last_seq } => {
            requests::restore(connection, request, *last_seq).await?;
        }
    }
    Ok(Written {
        head: chain.seq(),
        documents: matches!(write, Write::Documents(writes) if writes.makes_due()),
    })
}

async fn commit(
    connection: &mut Connection,
    chain: &mut Chain,
    in_force: &mut InForce,
    writes: &mut PendingWrites,
    commit: &Commit,
) -> Result<(), Failure> {
    if let Some(delivered) = &commit.delivered {
        deliveries::note(connection, delivered).await?;
    }
    if let Some(record) = &commit.release {
        writes.append(chain, record);
        if let EntryBody::Name(event) = &record.body {
            writes.tell(Some(Told::of_name(event)));
        }
    }
    if let Some(record) = &commit.unexplained {
        writes.append(chain, record);
    }
    if let Some(note) = &commit.note {
        writes.append(chain, &note.record);
    }
    if commit.lock.is_some() {
        in_force.forget();
    }
    match &commit.lock {
        Some(LockChange::Set(lock, record)) => {
            let at = chain.not_before(lock.at);
            locks::set(connection, &Lock { at, ..lock.clone() }).await?;
            writes.append(chain, record);
        }
        Some(LockChange::Lift(target, record)) => {
            locks::lift(connection, target).await?;
            writes.append(chain, record);
        }
        Some(LockChange::LiftOver(target, record)) => {
            locks::lift_over(connection, target, record.at).await?;
            writes.append(chain, record);
        }
        None => {}
    }
    // Whoever approved may have been locked since.
    if let Some(decided_on) = &commit.decided_on
        && commit.changes.iter().any(Change::grants)
        && in_force.are_of_any(connection, &decided_on.people).await?
    {
        return Err(Failure::Conflict);
    }
    for change in &commit.changes {
        self::change(connection, chain, in_force, writes, change).await?;
    }
    for credential in &commit.credentials {
        credentials::keep(connection, credential).await?;
    }
    Ok(())
}

async fn change(
    connection: &mut Connection,
    chain: &mut Chain,
    in_force: &mut InForce,
    writes: &mut PendingWrites,
    change: &Change,
) -> Result<(), Failure> {
    if change.grants() && in_force.cover(connection, change.after()).await? {
        return Err(Failure::Conflict);
    }
    let Sealed { change, last_seq } = seal(chain, writes, change)?;
    match update_of(&change, last_seq) {
        Some(update) => requests::update(connection, vec![update]).await,
        None => requests::insert(connection, change.after(), last_seq).await,
    }
}

/// Changes different requests, all or none, in one statement.
pub(super) async fn update_together(
    connection: &mut Connection,
    chain: &mut Chain,
    writes: &mut PendingWrites,
    changes: &[&Change],
) -> Result<Vec<Written>, Failure> {
    let mut updates = Vec::with_capacity(changes.len());
    let mut written = Vec::with_capacity(changes.len());
    for change in changes {
        let Sealed { change, last_seq } = seal(chain, writes, change)?;
        updates.extend(update_of(&change, last_seq));
        written.push(Written {
            head: chain.seq(),
            documents: false,
        });
    }
    requests::update(connection, updates).await?;
    Ok(written)
}

/// A change whose entries are at the end of the chain.
struct Sealed<'a> {
    change: Cow<'a, Change>,
    /// The number of its last entry.
    last_seq: u64,
}

/// Puts what happened at the end of the chain, and leaves what follows from it in `writes`.
fn seal<'a>(
    chain: &mut Chain,
    writes: &mut PendingWrites,
    change: &'a Change,
) -> Result<Sealed<'a>, Failure> {
    if change.events().is_empty() {
        let error = format!("nothing happened to {}", change.after().id);
        return Err(Failure::Database(sqlx::Error::Protocol(error)));
    }
    let change = change.not_before(chain);
    let request = change.after();
    for occurred in change.events() {
        writes.append(chain, &Record::of(request.id, occurred));
        let Occurred { event, actor, .. } = occurred;
        writes.tell(Told::of_request(event, actor, &request.username));
    }
    writes.leave(request);
    let last_seq = chain.seq();
    Ok(Sealed { change, last_seq })
}

/// How the request's row changes; nothing for a new request.
fn update_of(change: &Change, last_seq: u64) -> Option<Update> {
    let before = change.before()?;
    let request = change.after();
    Some(Update::new(request, before, change.last_seq, last_seq))
}
