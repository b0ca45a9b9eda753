//! What every question passes first: whether its address has failed too often to prove who it is.
//!
//! Beyond the limit what is not even plausible is answered 429 before its body is read. What Slack
//! may have signed by its head is read if it is short, and a known token is asked nothing more:
//! behind one address, a proxy's that is not declared, may be a forger and Slack, and a limit that
//! kept Slack out would be the forger's best weapon. What the limit saves is memory and work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    address::{Peer, Proxies},
    notices::Notices,
    throttle::Throttle,
};
use crate::{
    clock::Clock,
    metrics::TurnedAway,
    slack::signature::{self, Unsigned},
};

/// The longest body that is read from an address beyond its limit, in bytes. What Slack sends of
/// our messages, forms and Home is far below.
const SHORT: u64 = 256 * 1024;

/// Marks an answer to somebody who has proved who they are.
#[derive(Clone)]
pub(super) struct Proven;

/// The front of all routes.
pub(super) struct Front {
    proxies: Arc<Proxies>,
    throttle: Throttle,
    notices: Arc<Notices>,
    clock: Arc<dyn Clock>,
}

/// Who has to prove what.
enum Proof {
    Signature { plausible: bool },
    Token,
}

impl Front {
    pub(super) fn new(proxies: Arc<Proxies>, notices: Arc<Notices>, clock: Arc<dyn Clock>) -> Self {
        Self {
            proxies,
            throttle: Throttle::default(),
            notices,
            clock,
        }
    }

    /// Lets a question through, or turns it away.
    pub(super) async fn pass(
        State(front): State<Arc<Self>>,
        Extension(peer): Extension<Peer>,
        request: Request,
        next: Next,
    ) -> Response {
        let Some(proof) = front.proof(&request) else {
            return next.run(request).await;
        };
        let caller = front.proxies.caller(peer, request.headers());
        let wait = front.throttle.wait(caller.network(), Instant::now());
        if let Some(wait) = wait
            && let Proof::Signature { plausible } = proof
            && !(plausible && is_short(request.headers()))
        {
            return front.too_many(
                caller,
                wait,
                &"its head is not of Slack, or announces a long body",
            );
        }
        let posted = request.method() == Method::POST;
        let mut response = next.run(request).await;
        match (response.status(), &proof) {
            (StatusCode::UNAUTHORIZED, proof) => front.failed(caller, wait, proof, response),
            // An unsigned `ssl_check` is answered too, and proves nothing.
            (StatusCode::OK, Proof::Token | Proof::Signature { plausible: true }) if posted => {
                response.extensions_mut().insert(Proven);
                response
            }
            _ => response,
        }
    }

    /// What the question has to prove; nothing if anybody may ask it.
    fn proof(&self, request: &Request) -> Option<Proof> {
        let path = request.uri().path();
        if path.starts_with("/slack/") {
            let plausible = signature::claim(request.headers(), self.clock.now()).is_ok();
            return Some(Proof::Signature { plausible });
        }
        path.starts_with("/access/").then_some(Proof::Token)
    }

    fn failed(
        &self,
        caller: Peer,
        wait: Option<Duration>,
        proof: &Proof,
        response: Response,
    ) -> Response {
        let why: &dyn std::fmt::Display = match proof {
            Proof::Signature { .. } => match response.extensions().get::<Unsigned>() {
                Some(why) => why,
                None => &"it is not signed",
            },
            Proof::Token => &"it has no known token",
        };
        if let Some(wait) = wait {
            return self.too_many(caller, wait, why);
        }
        let reason = match proof {
            Proof::Signature { .. } => TurnedAway::Unsigned,
            Proof::Token => TurnedAway::UnknownToken,
        };
        self.notices.note(reason, Some(caller), why);
        self.throttle.failed(caller.network(), Instant::now());
        response
    }

    fn too_many(&self, caller: Peer, wait: Duration, why: &dyn std::fmt::Display) -> Response {
        self.notices.note(TurnedAway::Throttled, Some(caller), why);
        self.throttle.failed(caller.network(), Instant::now());
        let seconds = wait.as_secs() + 1;
        let retry = [(header::RETRY_AFTER, seconds.to_string())];
        (StatusCode::TOO_MANY_REQUESTS, retry).into_response()
    }
}

/// Whether the body says that it is short.
fn is_short(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length <= SHORT)
}
