//! Whether a connection to a server is protected from being read or changed.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

/// Whether the host is this machine.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether the connection to `url` is encrypted, or stays on this machine.
pub fn is_protected(url: &Url) -> bool {
    let stays_here = match url.host() {
        Some(Host::Domain(name)) => is_loopback(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" | "wss" => true,
        "http" | "ws" => stays_here,
        _ => false,
    }
}

/// Whether the connection to a PostgreSQL server stays on this machine.
pub fn stays_here(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some() || is_loopback(options.get_host())
}

/// Whether the server decides if the connection is encrypted, because neither `url`, parsed as `options`, nor
/// `PGSSLMODE` does.
pub fn leaves_encryption_open(url: &str, options: &PgConnectOptions) -> bool {
    let is_said = Url::parse(url).is_ok_and(|url| {
        let mut keys = url.query_pairs().map(|(key, _)| key);
        keys.any(|key| matches!(&*key, "sslmode" | "ssl-mode"))
    });
    let is_default = matches!(options.get_ssl_mode(), PgSslMode::Prefer);
    !stays_here(options) && is_default && !is_said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_connections_leave_this_machine() {
        for (url, protected) in [
            ("https://slack.com/api/", true),
            ("wss://wss.example.com/", true),
            ("http://localhost:3000/", true),
            ("http://LOCALHOST/", true),
            ("ws://127.8.9.10:1/", true),
            ("http://[::1]/", true),
            ("http://127.0.0.1.example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://0.0.0.0/", false),
            ("http://10.0.0.1/", false),
            ("ws://example.com/", false),
            ("ftp://127.0.0.1/", false),
            ("file:///etc/passwd", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(is_protected(&url), protected, "{url}");
        }
        assert!(is_loopback("::1") && !is_loopback("db.example.com"));
    }

    #[test]
    fn the_url_of_a_server_elsewhere_says_how_it_is_encrypted() {
        for (url, open) in [
            ("postgres://keylend@db.example.com/app", true),
            (
                "postgres://keylend@db.example.com/app?application_name=sslmode",
                true,
            ),
            (
                "postgres://keylend@db.example.com/app?sslmode=verify-full",
                false,
            ),
            (
                "postgres://keylend@db.example.com/app?sslmode=prefer",
                false,
            ),
            (
                "postgres://keylend@db.example.com/app?sslmode=disable",
                false,
            ),
            ("postgres://keylend@localhost/app", false),
            ("postgres://keylend@127.0.0.1/app", false),
            (
                "postgres://keylend@localhost/app?host=/run/postgresql",
                false,
            ),
            ("postgres://keylend@localhost/app?host=db.example.com", true),
        ] {
            let options = url.parse().unwrap();
            assert_eq!(leaves_encryption_open(url, &options), open, "{url}");
        }
    }
}
