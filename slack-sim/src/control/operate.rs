//! Moving time, breaking things, and reading what went over the wire.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Refused};
use crate::{
    delivery::DeliveryKind,
    faults::{DeliveryFault, Fault},
    sim::{Inner, Sim},
};

pub(super) async fn time(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let now = (inner.clock)().timestamp_micros();
    Json(json!({"now": now as f64 / 1e6}))
}

#[derive(Deserialize)]
pub(super) struct Advance {
    advance: String,
}

pub(super) async fn advance(
    State(inner): State<Arc<Inner>>,
    Body(Advance { advance }): Body<Advance>,
) -> Result<Json<Value>, Refused> {
    let by = duration(&advance)?;
    if !inner.advance(by) {
        let message = "whoever started this simulator did not let its clock be moved";
        return Err(Refused::impossible("clock_does_not_move", message));
    }
    Ok(time(State(inner)).await)
}

/// The longest time that is taken: what lies beyond is a slip of the finger.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

fn duration(text: &str) -> Result<Duration, Refused> {
    let parsed = humantime::parse_duration(text).ok();
    parsed.filter(|time| *time <= LONGEST).ok_or_else(|| {
        let message = format!("{text:?} is not a time such as 30s, 27m or 2h");
        Refused::impossible("invalid_duration", message)
    })
}

/// What is to go wrong: with calls of a method, or with deliveries of a kind.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Break {
    Calls {
        method: String,
        fault: Wrong,
        times: Option<usize>,
    },
    Deliveries {
        kind: Kind,
        delivery: WrongDelivery,
        times: Option<usize>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wrong {
    RateLimited(u64),
    Status(u16),
    Error(String),
    Slow(String),
    Hang,
    Drop,
    LoseAnswer,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrongDelivery {
    Duplicate,
    Drop,
    Reorder,
    Delay(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Commands,
    Interactions,
    Options,
    Events,
    #[serde(rename = "*")]
    All,
}

impl Wrong {
    fn fault(self) -> Result<Fault, Refused> {
        Ok(match self {
            Self::RateLimited(retry_after_secs) => Fault::RateLimited { retry_after_secs },
            Self::Status(status) => Fault::Status(status),
            Self::Error(name) => Fault::Error(name),
            Self::Slow(time) => Fault::Slow(duration(&time)?),
            Self::Hang => Fault::Hang,
            Self::Drop => Fault::Drop,
            Self::LoseAnswer => Fault::LoseAnswer,
        })
    }
}

impl WrongDelivery {
    fn fault(self) -> Result<DeliveryFault, Refused> {
        Ok(match self {
            Self::Duplicate => DeliveryFault::Duplicate,
            Self::Drop => DeliveryFault::Drop,
            Self::Reorder => DeliveryFault::Reorder,
            Self::Delay(time) => DeliveryFault::Delay(duration(&time)?),
        })
    }
}

impl Kind {
    fn kind(self) -> Option<DeliveryKind> {
        match self {
            Self::Commands => Some(DeliveryKind::Commands),
            Self::Interactions => Some(DeliveryKind::Interactions),
            Self::Options => Some(DeliveryKind::Options),
            Self::Events => Some(DeliveryKind::Events),
            Self::All => None,
        }
    }
}

pub(super) async fn break_it(
    State(inner): State<Arc<Inner>>,
    Body(asked): Body<Break>,
) -> Result<Json<Value>, Refused> {
    let sim = Sim::within(inner);
    match asked {
        Break::Calls {
            method,
            fault,
            times,
        } => sim.fault(&method, fault.fault()?, times.unwrap_or(usize::MAX)),
        Break::Deliveries {
            kind,
            delivery,
            times,
        } => sim.fault_delivery(kind.kind(), delivery.fault()?, times.unwrap_or(usize::MAX)),
    }
    Ok(Json(json!({})))
}

pub(super) async fn heal(State(inner): State<Arc<Inner>>) -> Json<Value> {
    Sim::within(inner).heal();
    Json(json!({}))
}

pub(super) async fn calls(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let calls = Sim::within(inner).calls();
    let calls = calls.iter().map(|call| {
        json!({
            "method": call.method,
            "args": call.args,
            "at": call.at.timestamp_micros() as f64 / 1e6,
            "ok": call.ok,
            "error": call.error,
        })
    });
    Json(json!({"calls": calls.collect::<Vec<_>>()}))
}

pub(super) async fn deliveries(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let deliveries = Sim::within(inner).deliveries();
    let deliveries = deliveries.iter().map(|delivery| {
        json!({
            "path": delivery.path,
            "envelope_id": delivery.envelope_id,
            "payload": delivery.payload,
            "at": delivery.at.timestamp_micros() as f64 / 1e6,
            "retry": delivery.retry,
            "status": delivery.status,
            "body": delivery.body,
            "timed_out": delivery.timed_out,
            "error": delivery.error,
        })
    });
    Json(json!({"deliveries": deliveries.collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
pub(super) struct Connect {
    url: String,
}

pub(super) async fn connect(
    State(inner): State<Arc<Inner>>,
    Body(Connect { url }): Body<Connect>,
) -> Result<Json<Value>, Refused> {
    if !url.starts_with("http://") {
        let message = "the app's address starts with http://, for it is on this machine";
        return Err(Refused::impossible("invalid_url", message));
    }
    Sim::within(inner).connect(url);
    Ok(Json(json!({})))
}
