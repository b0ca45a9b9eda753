//! Saying no, and reading bodies in a way that can.

use axum::{
    Json,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use crate::{mistake::Mistake, server::body, wire::Refusal};

/// A refusal of the control API.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    name: &'static str,
    message: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            name,
            message,
        }
    }

    /// What was asked for makes no sense, whatever the workspace is like.
    pub(super) fn senseless(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, name, message)
    }

    /// It is not there, or they cannot see it.
    pub(super) fn not_there(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// It is there, and cannot be used like that now.
    pub(super) fn impossible(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, name, message)
    }

    pub(super) fn other_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this call is made with another method",
        )
    }
}

impl From<Mistake> for Refused {
    fn from(mistake: Mistake) -> Self {
        match mistake {
            Mistake::NotThere(message) => Self::not_there(message),
            Mistake::Impossible(message) => Self::impossible("impossible", message),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = Refusal {
            error: self.name.to_owned(),
            message: self.message,
        };
        (self.status, Json(refusal)).into_response()
    }
}

/// A JSON body. That it must say so keeps plain forms out, which any web page can send anywhere.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refused> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "invalid_content_type",
                "the body is application/json, and says so",
            ));
        }
        let bytes = body::bytes(request.into_body()).await;
        let bytes = bytes.map_err(|unreadable| match unreadable.status {
            StatusCode::PAYLOAD_TOO_LARGE => Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "a body has at most 1 MiB",
            ),
            _ => Refused::senseless("incomplete_body", "the body did not come to its end"),
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let name = match error.is_data() {
                true => "invalid_arguments",
                false => "invalid_json",
            };
            Refused::senseless(name, error.to_string())
        })
    }
}
