//! Who may drive the simulator: programs on this machine, and its own page.
//!
//! Loopback alone does not keep a web page out that somebody has open beside it: a page can post
//! to 127.0.0.1, and a name can be made to point there. So the host must be this machine by name,
//! and an origin, where a browser sends one, must be our own.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Refused;

/// Lets a request through that was meant for `base`, such as `http://127.0.0.1:40001`.
pub(crate) async fn only_from_here(
    State(base): State<String>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let port = base.rsplit_once(':').map_or("", |(_, port)| port);
    let host = text(headers, header::HOST).unwrap_or_default();
    let origin = text(headers, header::ORIGIN);
    let origin_host = origin.map(|origin| origin.strip_prefix("http://").unwrap_or_default());
    if !is_ours(host, port) || origin_host.is_some_and(|host| !is_ours(host, port)) {
        return Refused::new(
            StatusCode::FORBIDDEN,
            "not_from_here",
            "the simulator is driven from its own page or by programs on this machine",
        )
        .into_response();
    }
    next.run(request).await
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn is_ours(host: &str, port: &str) -> bool {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    let named = host.rsplit_once(':');
    named.is_some_and(|(name, its)| its == port && names.contains(&name))
}
