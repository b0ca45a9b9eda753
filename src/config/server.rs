//! `[server]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::document::{Document, at};

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// `listen`: the address and port to listen on, default `127.0.0.1:8080`. TLS ends before it.
    pub listen: SocketAddr,
    /// `max_connections`: how many connections are held at once, default 1024. One more makes the
    /// one that has waited longest give way. Where the process may open fewer files it is fewer.
    pub max_connections: u32,
    /// `max_connections_per_address`: how many of them one address may hold, default a quarter.
    /// One more makes the one of that address that has waited longest give way.
    pub max_connections_per_address: u32,
    /// `trusted_proxies`: networks such as `10.0.0.0/8` whose `X-Forwarded-For` is believed and
    /// that may hold as many connections as there are, default none. Whoever fails too often to
    /// prove who they are is limited by address: without this, by the address of the proxy.
    pub trusted_proxies: Vec<IpNet>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    /// Where Keylend listens for HTTP. TLS ends at your proxy.
    #[schemars(title = "address and port", example = &"0.0.0.0:8080")]
    #[schemars(extend("default" = "127.0.0.1:8080"))]
    listen: Option<String>,
    /// How many connections Keylend holds at once. When there is one more, Keylend closes the connection
    /// that has waited longest, but none that it is working for. It holds fewer if the process may open
    /// fewer files.
    #[schemars(range(min = FEWEST_CONNECTIONS), example = 4096)]
    #[schemars(extend("default" = CONNECTIONS))]
    max_connections: Option<u32>,
    /// How many of them one address may hold. An IPv6 network of 64 bits counts as one address.
    #[schemars(range(min = 1), example = 256)]
    #[schemars(extend("x-default" = "a quarter of `max_connections`"))]
    max_connections_per_address: Option<u32>,
    /// Your proxies. Keylend believes their `X-Forwarded-For`, and limits failed authentications by the
    /// address in it. `max_connections_per_address` does not apply to them. A network that covers all
    /// addresses is refused.
    #[serde(default)]
    #[schemars(title = "list of networks or addresses", example = json!(["10.0.0.0/8"]))]
    trusted_proxies: Vec<String>,
}

/// Fewer are too few for Slack, a gateway and whoever looks after Keylend.
const FEWEST_CONNECTIONS: u32 = 16;

const CONNECTIONS: u32 = 1024;

pub(super) fn server(document: &mut Document<'_>) -> Option<Server> {
    let raw: RawServer = document.optional("server")?;
    let listen = listen(document, raw.listen.as_deref());
    let max_connections = raw.max_connections.unwrap_or(CONNECTIONS);
    if max_connections < FEWEST_CONNECTIONS {
        let problem = format!(
            "this is too few for Slack and your gateways: use at least {FEWEST_CONNECTIONS}"
        );
        document.problem(at!["server", "max_connections"], problem);
    }
    let max_connections_per_address = raw
        .max_connections_per_address
        .unwrap_or(max_connections / 4);
    if raw.max_connections_per_address == Some(0) {
        document.problem(
            at!["server", "max_connections_per_address"],
            "this lets nobody connect: use at least 1",
        );
    }
    let trusted_proxies = proxies(document, &raw.trusted_proxies);
    Some(Server {
        listen: listen?,
        max_connections,
        max_connections_per_address,
        trusted_proxies,
    })
}

fn listen(document: &mut Document<'_>, text: Option<&str>) -> Option<SocketAddr> {
    let Some(text) = text else {
        return Some((Ipv4Addr::LOCALHOST, 8080).into());
    };
    let listen = text.parse().ok();
    if listen.is_none() {
        document.problem(
            at!["server", "listen"],
            format!("`{text}` is not an IP address with a port, such as `127.0.0.1:8080`"),
        );
    }
    listen
}

/// The networks that can be read; each other one is reported.
fn proxies(document: &mut Document<'_>, texts: &[String]) -> Vec<IpNet> {
    let mut proxies = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let network = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let problem = match network {
            Ok(network) if network.prefix_len() > 0 => {
                proxies.push(network);
                continue;
            }
            Ok(_) => "this covers every address, so every client could pretend to have another's: list only \
                      the networks of your proxies"
                .into(),
            Err(_) => format!("`{text}` is not a network or an IP address, such as `10.0.0.0/8` or `10.1.2.3`"),
        };
        document.problem(at!["server", "trusted_proxies", index], problem);
    }
    proxies
}
