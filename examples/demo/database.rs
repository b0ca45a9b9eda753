//! The target `db-prod`: a real PostgreSQL where this machine has one, otherwise a list that plays
//! it.

use std::{fs, path::Path};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{clock::DemoClock, postgres::Postgres, receiver::Receiver};

/// What to do for a real one.
pub const INSTALL: &str = "To use a real one, install PostgreSQL 15 or later and start the demo \
    again. On Debian or Ubuntu: sudo apt install postgresql. On a Mac: brew install postgresql.";

/// The database of the demo's company.
pub enum Database {
    /// A server that the demo started.
    Real(Box<Postgres>),
    /// A list in its place.
    Simulated {
        /// Where Keylend's orders arrive.
        receiver: Receiver,
        /// Why there is no server, as a sentence.
        why: String,
    },
}

/// Somebody who has a role.
#[derive(Serialize)]
pub struct Member {
    pub login: String,
    pub role: String,
}

impl Database {
    /// Starts a server, or says why there is none.
    pub async fn start(secret: &str, clock: DemoClock) -> Self {
        match Postgres::start().await {
            Ok(server) => Self::Real(Box::new(server)),
            Err(error) => Self::Simulated {
                receiver: Receiver::new(secret, clock),
                why: format!("{error:#}."),
            },
        }
    }

    /// What the demo says of it when it starts.
    pub fn describe(&self) -> String {
        match self {
            Self::Real(server) => format!(
                "db-prod is a real PostgreSQL {}, which runs until the demo ends. Connect to it as \
                 Alice:\n\n    {}\n",
                server.version(),
                server.psql()
            ),
            Self::Simulated { why, .. } => {
                format!("{why} The demo simulates the target db-prod. {INSTALL}")
            }
        }
    }

    /// The `[backends.pg-prod]` of Keylend's configuration. Its secret goes into `folder`; `url` is
    /// where the orders for a simulated one are sent.
    pub fn configuration(&self, folder: &Path, url: &str) -> anyhow::Result<String> {
        let folder_name = folder.display();
        Ok(match self {
            Self::Real(server) => {
                fs::write(folder.join("pg_url"), server.keylend_url())?;
                format!(
                    "[backends.pg-prod.postgres]\nurl = {{ file = \"{folder_name}/pg_url\" }}\n"
                )
            }
            Self::Simulated { .. } => format!(
                "[backends.pg-prod.webhook]\nurl = \"{url}\"\n\
                 secret = {{ file = \"{folder_name}/webhook_secret\" }}\n"
            ),
        })
    }

    /// What it says of itself now: who has a role, and who is connected.
    pub async fn look(&self) -> Value {
        match self {
            Self::Real(server) => match server.look().await {
                Ok((members, sessions)) => json!({
                    "version": server.version(),
                    "psql": server.psql(),
                    "members": members,
                    "sessions": sessions,
                }),
                Err(error) => {
                    tracing::warn!(%error, "db-prod does not answer");
                    json!({"version": server.version(), "psql": server.psql()})
                }
            },
            Self::Simulated { receiver, why } => json!({
                "simulated": format!("{why} The demo simulates this database. {INSTALL}"),
                "members": receiver.members(),
            }),
        }
    }

    /// Stops the server and removes its folder.
    pub async fn stop(&self) {
        if let Self::Real(server) = self {
            server.stop().await;
        }
    }
}
