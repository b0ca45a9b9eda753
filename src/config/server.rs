//! `[server]` and `[store]`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;

use super::document::{Document, at};

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// `listen`: the address and port to listen on, default `127.0.0.1:8080`. TLS ends before it.
    pub listen: SocketAddr,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServer {
    listen: Option<String>,
}

/// `[store]`, where state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// `url = "sqlite://PATH"`: one file, for one process. A path that does not begin with `/` is
    /// looked for from where Keylend is started.
    Sqlite(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    url: String,
}

pub(super) fn server(document: &mut Document<'_>) -> Option<Server> {
    let RawServer { listen } = document.optional("server")?;
    let Some(text) = listen else {
        let listen = (Ipv4Addr::LOCALHOST, 8080).into();
        return Some(Server { listen });
    };
    match text.parse() {
        Ok(listen) => Some(Server { listen }),
        Err(_) => {
            document.problem(
                at!["server", "listen"],
                format!("`{text}` is not an address with a port, such as `127.0.0.1:8080`"),
            );
            None
        }
    }
}

pub(super) fn store(document: &mut Document<'_>) -> Option<Store> {
    let RawStore { url } = document.section("store")?;
    let problem = match url.split_once("://") {
        Some(("sqlite", file)) if !file.is_empty() => return Some(Store::Sqlite(file.into())),
        Some(("postgres" | "postgresql", _)) => {
            "this version keeps its state in SQLite alone: use `sqlite://keylend.db`"
        }
        _ => "this is not the URL of a store, such as `sqlite:///var/lib/keylend/keylend.db`",
    };
    document.problem(at!["store", "url"], problem);
    None
}
