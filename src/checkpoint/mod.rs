//! Signed heads of the log: what finds a log that was rewritten, cut off or forked, also by somebody
//! who can write to the tables and seal entries as Keylend does.
//!
//! A checkpoint says how many entries the log has, and the root of a Merkle tree over them. It is
//! signed with a key that is not in the store, and kept outside of it. The formats are public, so that
//! others' programs read them:
//!
//! - The tree is RFC 6962's, with SHA-256. Leaf number `n` is the `hash` of entry `n`, as the 32 bytes
//!   that its digits stand for. That hash covers the entry and all before it.
//! - A checkpoint is C2SP's [`tlog-checkpoint`](https://c2sp.org/tlog-checkpoint): the origin, the
//!   number of entries in decimal and the root in base64, each on a line of its own.
//! - It is signed as a [`signed-note`](https://c2sp.org/signed-note) with Ed25519. The key's name is the
//!   origin. Ed25519 is deterministic: signing the same checkpoint again gives the same text.
//!
//! ```text
//! keylend.example.com/log
//! 128
//! qPuzL0d5tOF0d5rTHEcaS5zYj/xqJTyJX4lKCkz8SvU=
//!
//! — keylend.example.com/log Az3grlgfrzNU28Ve…
//! ```
//!
//! A file holds any number of them; empty lines between them do not count.

mod key;
mod note;
mod tree;

pub use key::{InvalidKey, InvalidVerifierKey, SigningKey, VerifierKey};
pub use note::{BadCheckpoint, Checkpoint, Why, checkpoints};
pub use tree::Tree;

/// A SHA-256 hash.
pub type Hash = [u8; 32];
