//! Moving time, and saying where the app is.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refused::{Body, Refused};
use crate::{
    sim::{Inner, Sim},
    wire::{Advance, Now, Span, seconds},
};

pub(super) async fn time(State(inner): State<Arc<Inner>>) -> Json<Now> {
    let now = seconds((inner.clock)());
    Json(Now { now })
}

pub(super) async fn advance(
    State(inner): State<Arc<Inner>>,
    Body(Advance { advance: Span(by) }): Body<Advance>,
) -> Result<Json<Now>, Refused> {
    if !inner.advance(by) {
        let message = "whoever started this simulator did not let its clock be moved";
        return Err(Refused::impossible("clock_does_not_move", message));
    }
    Ok(time(State(inner)).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connect {
    url: String,
}

pub(super) async fn connect(
    State(inner): State<Arc<Inner>>,
    Body(Connect { url }): Body<Connect>,
) -> Result<Json<Value>, Refused> {
    match Sim::within(inner).connect_to(&url) {
        Ok(()) => Ok(Json(json!({}))),
        Err(error) => Err(Refused::senseless("invalid_url", error.to_string())),
    }
}
