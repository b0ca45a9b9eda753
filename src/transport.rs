//! Whether a connection to a server is protected from being read or changed.

use std::{borrow::Cow, net::IpAddr};

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

/// The parameters of a PostgreSQL server's URL that have a meaning, as sqlx reads them.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

fn has_meaning(parameter: &str) -> bool {
    PARAMETERS.contains(&parameter) || parameter.starts_with("options[")
}

/// Reads the URL of a PostgreSQL server. sqlx would log every parameter that it ignores, with a value
/// that may be a password, so it does not see them.
///
/// # Errors
///
/// If it is not the URL of one.
pub fn postgres_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    known_part(url).parse()
}

/// The URL without the parameters that have no meaning.
fn known_part(url: &str) -> Cow<'_, str> {
    let Ok(mut parsed) = Url::parse(url) else {
        return url.into();
    };
    if parsed.query_pairs().all(|(key, _)| has_meaning(&key)) {
        return url.into();
    }
    let known: Vec<(String, String)> = parsed
        .query_pairs()
        .filter(|(key, _)| has_meaning(key))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    parsed.query_pairs_mut().clear().extend_pairs(known);
    parsed.to_string().into()
}

/// What the URL of a PostgreSQL server allows and its author probably does not mean, in sentences that
/// repeat nothing of it.
pub fn postgres_warnings(url: &str) -> Vec<String> {
    let Ok((parsed, options)) = Url::parse(url).map_err(drop).and_then(|parsed| {
        let options = postgres_options(url).map_err(drop)?;
        Ok((parsed, options))
    }) else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if !stays_here(&options)
        && matches!(options.get_ssl_mode(), PgSslMode::Allow | PgSslMode::Prefer)
    {
        warnings.push(
            "the `sslmode` of the URL lets the server choose an unencrypted connection: write \
             `sslmode=verify-full`"
                .to_owned(),
        );
    }
    if !parsed.query_pairs().all(|(key, _)| has_meaning(&key)) {
        warnings.push(format!(
            "the URL has a parameter that Keylend ignores: remove it, or write one of `{}`",
            PARAMETERS.join("`, `")
        ));
    }
    // The documentation's word where a password belongs, and marks as a URL writes them.
    let is_open = |password: &str| {
        password == "PASSWORD"
            || ["%E2%80%A6", "%3C", "..."]
                .iter()
                .any(|mark| password.contains(mark))
    };
    if parsed.password().is_some_and(is_open) {
        warnings.push(
            "the password in the URL is a placeholder: write the login's password".to_owned(),
        );
    }
    warnings
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
    fn what_a_url_says_in_vain_is_a_warning_and_reaches_no_log() {
        let url =
            "postgres://keylend@db.example.com/app?sslmod=hunter2&sslmode=require&options[a]=b%20c";
        assert_eq!(
            known_part(url),
            "postgres://keylend@db.example.com/app?sslmode=require&options%5Ba%5D=b+c"
        );
        let options = postgres_options(url).unwrap();
        assert!(matches!(options.get_ssl_mode(), PgSslMode::Require));
        for (url, warning) in [
            (url, "a parameter that Keylend ignores"),
            (
                "postgres://keylend@db.example.com/app?sslmode=prefer",
                "an unencrypted connection",
            ),
            (
                "postgres://keylend:PASSWORD@db.example.com/app?sslmode=require",
                "the password in the URL is a placeholder",
            ),
        ] {
            let warnings = postgres_warnings(url);
            assert!(
                warnings.len() == 1 && warnings[0].contains(warning),
                "{warnings:?}"
            );
        }
        for url in [
            "postgres://keylend:hunter2@db.example.com/app?sslmode=verify-full",
            "postgres://keylend@localhost/app",
            "postgres://keylend@db.example.com/app?sslmode=disable",
        ] {
            assert_eq!(postgres_warnings(url), [""; 0], "{url}");
        }
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
