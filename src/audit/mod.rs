//! What the log proves: that it is whole ([`verify`]), that the tables say the same ([`tables`]),
//! what it says ([`export`]), who could do what, when ([`who`]), and what a week brought ([`digest`]). Nothing here changes anything.
//!
//! Nobody has to trust this program for it: [`Chain`](crate::store::Chain) says what is hashed,
//! and how to redo it with Python's standard library on an export.
//!
//! A chain cannot tell that its tail was cut off, or that all of it was sealed again. So keep a
//! [`Head`](verify::Head), number and hash, where whoever can write to the database cannot: `keylend
//! audit verify` prints it, and with `--head` checks that the log still contains it. Keylend does so by
//! itself if it has a key: `--checkpoint` compares the log with every
//! [checkpoint](crate::checkpoint) that it signed. An export is verified from its first entry on; a
//! partial one only behind a place that was noted before (`--after`).
//!
//! Somebody who can write to the tables can append an entry that follows. What tells it from Keylend's own is
//! the authentication code beside each entry in the store, which is checked where the store was opened with
//! the key. An export has none.

mod differences;
pub mod digest;
pub mod export;
pub mod log;
pub mod table;
pub mod tables;
pub mod verify;
pub mod who;

pub use differences::Difference;
