//! The core, which decides without any I/O: the state machine, the policy and what is proved of it,
//! whatever the fuzzer found, the layers that keep the core apart from the rest, and the documentation
//! of all of it.

mod alerts;
mod approving;
mod asking;
mod digest;
mod documents;
mod examples;
mod fuzz_corpus;
mod kinds;
mod layers;
mod lifecycle;
mod locks;
mod pending;
mod policy;
mod proofs;
mod recipes;
mod review;
mod skips;
mod starting;
mod store_rows;
