//! What must hold whatever arrives: one module for each thing that Keylend reads from outside.
//!
//! Each has one function, `holds`, which takes any bytes and panics if its rule is broken. The fuzz
//! targets call it with what the fuzzer thinks of; `tests/fuzz_corpus.rs` with what was found
//! before. They go through the crate's public doors alone, and hold what they answer against a
//! second reading of the same bytes.

pub mod command;
pub mod config;
pub mod event;
pub mod interaction;
pub mod line;
pub mod log;
pub mod names;
pub mod signature;
pub mod span;
pub mod text;

/// Takes any bytes; panics if a rule is broken.
pub type Holds = fn(&[u8]);

/// Every target by its name, which is also its corpus's.
pub const TARGETS: [(&str, Holds); 10] = [
    ("command", command::holds),
    ("config", config::holds),
    ("event", event::holds),
    ("interaction", interaction::holds),
    ("line", line::holds),
    ("log", log::holds),
    ("names", names::holds),
    ("signature", signature::holds),
    ("span", span::holds),
    ("text", text::holds),
];
