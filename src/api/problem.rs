//! Error responses to checks.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Why a check gets no decision. Clients have to treat each of these as a no.
#[derive(Debug)]
pub(super) enum Problem {
    /// The request body is not valid.
    Malformed(String),
    /// The request body is longer than 64 KiB.
    TooLarge,
    /// No bearer token was sent.
    NoToken,
    /// The token is not in the configuration.
    UnknownToken,
    /// This replica is behind the log.
    Unavailable,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    message: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error, message) = match &self {
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, "invalid_request", why.as_str()),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body is longer than 64 KiB",
            ),
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "no_token",
                "send a bearer token: `Authorization: Bearer TOKEN`",
            ),
            Self::UnknownToken => (
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                "the bearer token is not in `api.tokens`",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "this replica is behind the log: treat this as a no, and try again",
            ),
        };
        let mut response = (status, Json(Body { error, message })).into_response();
        let note = match self {
            Self::NoToken => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"keylend\"")),
            Self::UnknownToken => Some((
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"keylend\", error=\"invalid_token\"",
            )),
            Self::Unavailable => Some((header::RETRY_AFTER, "1")),
            Self::Malformed(_) | Self::TooLarge => None,
        };
        if let Some((name, value)) = note {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
