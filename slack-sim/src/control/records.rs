//! What went over the wire between the app and the simulator, newest last.

use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    sim::{Inner, Sim},
    wire::{CallMade, Calls, Deliveries, DeliveryMade, seconds},
};

pub(super) async fn calls(State(inner): State<Arc<Inner>>) -> Json<Calls> {
    let calls = Sim::within(inner).calls().into_iter();
    let calls = calls.map(|call| CallMade {
        method: call.method,
        args: call.args,
        at: seconds(call.at),
        ok: call.ok,
        error: call.error,
    });
    Json(Calls {
        calls: calls.collect(),
    })
}

pub(super) async fn deliveries(State(inner): State<Arc<Inner>>) -> Json<Deliveries> {
    let deliveries = Sim::within(inner).deliveries().into_iter();
    let deliveries = deliveries.map(|mut delivery| {
        if let Some(payload) = delivery.payload.as_object_mut() {
            payload.remove("token");
        }
        DeliveryMade {
            kind: delivery.kind,
            path: delivery.path,
            envelope_id: delivery.envelope_id,
            payload: delivery.payload,
            retry: delivery.retry,
            at: seconds(delivery.at),
            status: delivery.status,
            body: delivery.body,
            timed_out: delivery.timed_out,
            error: delivery.error,
        }
    });
    Json(Deliveries {
        deliveries: deliveries.collect(),
    })
}
