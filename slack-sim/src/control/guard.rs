//! Who may drive the simulator: programs on this machine, and its own page.
//!
//! Loopback alone does not keep a web page out that somebody has open beside it: a page can post
//! to 127.0.0.1, and a name can be made to point there. So the host must be this machine by a name
//! that nobody else can give away, and an origin, where a browser sends one, must be our own.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::refused::Refused;

/// Lets a request through that was meant for this port of this machine, and seals the answer
/// against pages of other origins and against caches.
pub(crate) async fn only_from_here(
    State(port): State<u16>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match is_from_here(request.headers(), port) {
        true => next.run(request).await,
        false => Refused::new(
            StatusCode::FORBIDDEN,
            "not_from_here",
            "the simulator is driven from its own page or by programs on this machine",
        )
        .into_response(),
    };
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn is_from_here(headers: &HeaderMap, port: u16) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let host = headers.get(header::HOST).map(text);
    let origin = headers.get(header::ORIGIN).map(text);
    let is_own_origin = |origin: String| {
        let host = origin.strip_prefix("http://");
        host.is_some_and(|host| is_here(host, port))
    };
    host.is_some_and(|host| is_here(&host, port)) && origin.is_none_or(is_own_origin)
}

/// Whether `host` names this machine and this port.
fn is_here(host: &str, port: u16) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    let address: Option<IpAddr> = name.parse().ok();
    let is_loopback = address.is_some_and(|address| address.is_loopback());
    let named = is_loopback || name.eq_ignore_ascii_case("localhost");
    named && !host.contains('@') && authority.port_u16().unwrap_or(80) == port
}
