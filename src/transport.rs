//! Whether what is sent to a server can be read or changed on the way.

use std::net::IpAddr;

use url::{Host, Url};

/// Whether the host is this machine.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether what is exchanged with `url` is encrypted, or stays on this machine.
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
}
