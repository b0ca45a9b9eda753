//! What a command is, and what it is called with.

use futures_util::future::BoxFuture;

use crate::slack::{
    arguments::Word,
    interaction::{Interaction, Outcome},
};

/// A command: what people read about it, and what it does.
#[derive(Debug)]
pub struct Command {
    /// The word behind `/jit`.
    pub name: &'static str,
    /// What stands behind the name, in square brackets each; empty if nothing does.
    pub usage: &'static str,
    /// What it does: the rest of a sentence that starts with the command, with its full stop.
    pub help: &'static str,
    /// Reads the words behind the name and does it. The caller is a full member.
    pub(super) run: for<'a> fn(Call<'a>) -> BoxFuture<'a, Outcome>,
}

/// A command as somebody typed it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) command: &'static Command,
    /// The words behind the command.
    pub(super) words: &'a [Word],
    /// Who typed it, and where they are answered.
    pub(super) interaction: &'a Interaction,
    /// Every command there is.
    pub(super) commands: &'static [&'static Command],
}

impl Command {
    /// How it is typed: `/jit done [scope or id]`.
    pub fn line(&self) -> String {
        format!("/jit {} {}", self.name, self.usage)
            .trim_end()
            .to_owned()
    }
}
