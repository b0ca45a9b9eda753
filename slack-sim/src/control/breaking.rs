//! Breaking things, and mending them.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::refused::{Body, Refused};
use crate::{
    sim::{Inner, Sim},
    web_api,
    wire::Break,
};

pub(super) async fn break_it(
    State(inner): State<Arc<Inner>>,
    Body(asked): Body<Break>,
) -> Result<Json<Value>, Refused> {
    let times = asked.times.unwrap_or(usize::MAX);
    let sim = Sim::within(inner);
    match asked {
        Break {
            method: Some(method),
            fault: Some(fault),
            kind: None,
            delivery: None,
            ..
        } => {
            let is_known = ["*", "response_url"].contains(&method.as_str());
            if !is_known && !web_api::exists(&method) {
                return Err(Refused::not_there(format!("there is no method {method}")));
            }
            sim.fault(&method, fault.into(), times);
        }
        Break {
            method: None,
            fault: None,
            kind,
            delivery: Some(delivery),
            ..
        } => sim.fault_delivery(kind, delivery.into(), times),
        _ => {
            let message = "a fault has a method and a fault, or a delivery and perhaps its kind";
            return Err(Refused::senseless("invalid_arguments", message));
        }
    }
    Ok(Json(json!({})))
}

pub(super) async fn heal(State(inner): State<Arc<Inner>>) -> Json<Value> {
    Sim::within(inner).heal();
    Json(json!({}))
}
