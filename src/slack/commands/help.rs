//! Lists the commands.

use super::command::{Call, Command};
use crate::slack::interaction::Outcome;

pub(super) const COMMAND: Command = Command {
    name: "help",
    usage: "",
    help: "lists these commands.",
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    Ok(Some(text(call.commands)))
}

/// Each command with what it does.
pub(super) fn text(commands: &[&Command]) -> String {
    let mut lines = vec![
        "*Commands*".to_owned(),
        "`/jit` opens a form to request access.".to_owned(),
    ];
    let line = |command: &&Command| format!("`{}` {}", command.line(), command.help);
    lines.extend(commands.iter().map(line));
    lines.push(
        "For example: `/jit request db-prod:write 30m INC-4211 writes are failing`".to_owned(),
    );
    lines.join("\n")
}
