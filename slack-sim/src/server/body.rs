//! Reading a request into arguments, or into Slack's own word for why that cannot be.
//!
//! The words are those that docs.slack.dev lists for every method. What Slack says of a body that
//! is too large is not written down; its servers answer 413. Such a body is not kept: what still
//! comes of it is thrown away for a moment, so that the client lives to read the answer.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use crate::web_api::{ApiError, Args};

/// The largest body that is read.
const MOST_BYTES: usize = 1024 * 1024;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a body that is too large is thrown away at most.
const MOST_DISCARDED: usize = 64 * 1024 * 1024;

/// Why a request could not be read.
pub(crate) struct Unreadable {
    /// 413 if it is too large; otherwise Slack says 200 and what is wrong.
    pub(crate) status: StatusCode,
    pub(super) error: ApiError,
}

impl From<ApiError> for Unreadable {
    fn from(error: ApiError) -> Self {
        Self {
            status: StatusCode::OK,
            error,
        }
    }
}

/// Reads the query and the body.
pub(super) async fn read(request: Request<Body>) -> Result<Args, Unreadable> {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let content_type = head.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.map(|value| value.to_str().unwrap_or("?"));
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let body = bytes(body).await?;
    if !body.is_empty() {
        check_type(&content_type, &body)?;
    }
    Ok(Args::parse(query, &content_type, &body)?)
}

/// Reads a body within its limits of size and time.
pub(crate) async fn bytes(body: Body) -> Result<Vec<u8>, Unreadable> {
    let reading = tokio::time::timeout(PATIENCE, within_limit(body));
    match reading.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(Trouble::TooLarge(rest))) => {
            tokio::spawn(tokio::time::timeout(PATIENCE, discard(rest)));
            Err(Unreadable {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                error: ApiError::named("request_too_large"),
            })
        }
        Ok(Err(Trouble::Broken)) | Err(_) => Err(ApiError::named("request_timeout").into()),
    }
}

enum Trouble {
    /// The client hung up, or spoke no HTTP.
    Broken,
    /// With what has not been read of it.
    TooLarge(Body),
}

async fn within_limit(mut body: Body) -> Result<Vec<u8>, Trouble> {
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    if body.size_hint().lower() > most {
        return Err(Trouble::TooLarge(body));
    }
    let mut bytes = Vec::new();
    while let Some(data) = next(&mut body).await? {
        if bytes.len() + data.len() > MOST_BYTES {
            return Err(Trouble::TooLarge(body));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

async fn discard(mut body: Body) {
    let mut left = MOST_DISCARDED;
    while let Ok(Some(data)) = next(&mut body).await {
        left = left.saturating_sub(data.len());
        if left == 0 {
            return;
        }
    }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Trouble> {
    match body.frame().await {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(Trouble::Broken),
    }
}

/// What Slack demands of a body's type.
fn check_type(content_type: &str, body: &[u8]) -> Result<(), ApiError> {
    let mut parts = content_type.split(';').map(str::trim);
    let is_form = match parts.next().unwrap_or_default() {
        "" => return Err(ApiError::named("missing_post_type")),
        "application/json" | "text/plain" => false,
        "application/x-www-form-urlencoded" => true,
        // Slack reads these too, for files; here they are as good as malformed.
        "multipart/form-data" => return Err(ApiError::named("invalid_form_data")),
        _ => return Err(ApiError::named("invalid_post_type")),
    };
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    let charset = charset.map(|charset| charset.trim_matches('"'));
    if !matches!(charset, None | Some("utf-8" | "utf8" | "iso-8859-1")) {
        return Err(ApiError::named("invalid_charset"));
    }
    if is_form && str::from_utf8(body).is_err() {
        return Err(ApiError::named("invalid_form_data"));
    }
    Ok(())
}
