//! Space on the disk that is kept for access that ends.
//!
//! Every end is an entry in the log. A disk that others have filled would keep access from ending, so
//! 16 MiB beside the store are taken at the start and given back to the disk when it is full. From then
//! on nobody can request or approve anything, and what is active ends and is shown. An end takes some
//! 10 KiB with everything that follows from it, so that this is enough for more than a thousand.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};

use super::file::private;

/// How much is kept, in bytes.
const BYTES: u64 = 16 * 1024 * 1024;

/// Written at a time, in bytes.
const BLOCK: usize = 64 * 1024;

/// The file that takes the space.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    is_kept: AtomicBool,
}

impl Reserve {
    /// Keeps the space beside the store `path`, if the disk has enough.
    ///
    /// # Errors
    ///
    /// If the store is not there.
    pub(super) fn beside(path: &Path) -> io::Result<Self> {
        // SQLite follows links too, and its files may lie on another disk than the link.
        let mut name = fs::canonicalize(path)?.into_os_string();
        name.push(".reserve");
        let reserve = Self {
            path: name.into(),
            is_kept: AtomicBool::new(false),
        };
        if !reserve.keep() {
            tracing::warn!(
                file = %reserve.path.display(),
                bytes = BYTES,
                "failed to reserve disk space for revocations: free some space"
            );
        }
        Ok(reserve)
    }

    /// Whether the space is kept.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }

    /// Keeps the space unless it is kept, and says whether it is now. What is kept has to leave as much
    /// to the store, so that the disk is not full again at once.
    pub(super) fn keep(&self) -> bool {
        if self.is_kept() {
            return true;
        }
        let kept = self.fill().is_ok();
        self.is_kept.store(kept, Ordering::Relaxed);
        kept
    }

    /// Gives the space back, and says whether it was kept.
    pub(super) fn release(&self) -> bool {
        if !self.is_kept.swap(false, Ordering::Relaxed) {
            return false;
        }
        let released = private(&self.path).and_then(|file| file.set_len(0));
        match &released {
            Ok(()) => {
                tracing::error!("the disk is full; only revocations are written: free some space")
            }
            Err(error) => {
                tracing::error!(
                    file = %self.path.display(), %error,
                    "failed to release the reserved disk space: free some space"
                );
            }
        }
        released.is_ok()
    }

    fn fill(&self) -> io::Result<()> {
        let file = private(&self.path)?;
        if file.metadata()?.len() >= BYTES {
            return Ok(());
        }
        let disk = statvfs(&self.path)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < 2 * BYTES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        take(&file).inspect_err(|_| {
            // Nothing is kept, so nothing is to be taken from the disk.
            let _ = file.set_len(0);
        })
    }
}

/// Takes the space for `file`. A sparse file would take none.
fn take(file: &File) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, BYTES) {
        Err(Errno::OPNOTSUPP) => write_blocks(file),
        taken => Ok(taken?),
    }
}

fn write_blocks(mut file: &File) -> io::Result<()> {
    let block = vec![0; BLOCK];
    for _ in 0..BYTES / BLOCK as u64 {
        file.write_all(&block)?;
    }
    file.sync_all()
}
