//! What every question passes first: whether its address has failed too often to prove who it is.
//! Whatever becomes of it, there is an answer, and in time.
//!
//! All of it is one function around the routes: as layers of the router each would cost a check,
//! which gateways ask at every step of everybody, as much as the check itself.
//!
//! Beyond the limit what is not even plausible is answered 429 before its body is read. What Slack
//! may have signed by its head is read if it is short, and a known token is asked nothing more:
//! behind one address, a proxy's that is not declared, may be a forger and Slack, and a limit that
//! kept Slack out would be the forger's best weapon. What the limit saves is memory and work.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::time::timeout;
use tower::ServiceExt;

use super::{
    address::{Peer, Proxies},
    rejection_log::RejectionLog,
    throttle::Throttle,
};
use crate::{
    clock::Clock,
    metrics::Rejection,
    routes::{Authentication, Routes},
    slack::signature::{self, Unsigned},
};

/// The longest body that is read from an address beyond its limit, in bytes. What Slack sends of
/// our messages, forms and Home is far below.
const SHORT: u64 = 256 * 1024;

/// How long an answer may take in all, whatever is asked.
const ANSWER: Duration = Duration::from_secs(10);

/// Marks an answer to somebody who has proved who they are.
#[derive(Clone)]
pub(super) struct Proven;

/// The front of all routes.
pub(super) struct AuthGate {
    routes: Routes,
    proxies: Arc<Proxies>,
    throttle: Throttle,
    rejections: Arc<RejectionLog>,
    clock: Arc<dyn Clock>,
}

/// Who has to prove what.
enum Proof {
    Signature { plausible: bool },
    Token,
}

impl AuthGate {
    pub(super) fn new(
        routes: Routes,
        proxies: Arc<Proxies>,
        rejections: Arc<RejectionLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            routes,
            proxies,
            throttle: Throttle::default(),
            rejections,
            clock,
        }
    }

    /// Answers what `peer` asks.
    pub(super) async fn answer(&self, peer: Peer, request: Request) -> Response {
        let answering = timeout(ANSWER, self.pass(peer, request));
        match AssertUnwindSafe(answering).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(_)) => StatusCode::REQUEST_TIMEOUT.into_response(),
            Err(_) => {
                tracing::error!("a request handler panicked; the client gets a 500");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// Lets a question through, or turns it away.
    async fn pass(&self, peer: Peer, request: Request) -> Response {
        let Some(proof) = self.proof(&request) else {
            return self.route(request).await;
        };
        let caller = self.proxies.caller(peer, request.headers());
        let wait = self.throttle.wait(caller.network(), Instant::now());
        if let Some(wait) = wait
            && let Proof::Signature { plausible } = proof
            && !(plausible && is_short(request.headers()))
        {
            return self.too_many(
                caller,
                wait,
                &"its head is not of Slack, or announces a long body",
            );
        }
        let posted = request.method() == Method::POST;
        let mut response = self.route(request).await;
        match (response.status(), &proof) {
            (StatusCode::UNAUTHORIZED, proof) => self.failed(caller, wait, proof, response),
            // An unsigned `ssl_check` is answered too, and proves nothing.
            (StatusCode::OK, Proof::Token | Proof::Signature { plausible: true }) if posted => {
                response.extensions_mut().insert(Proven);
                response
            }
            _ => response,
        }
    }

    async fn route(&self, request: Request) -> Response {
        let router = self.routes.router().clone();
        let Ok(response): Result<_, Infallible> = router.oneshot(request).await;
        response
    }

    /// What the question has to prove; nothing if anybody may ask it.
    fn proof(&self, request: &Request) -> Option<Proof> {
        match self.routes.authentication(request.uri().path())? {
            Authentication::None => None,
            Authentication::SlackSignature => {
                let plausible = signature::claim(request.headers(), self.clock.now()).is_ok();
                Some(Proof::Signature { plausible })
            }
            Authentication::BearerToken => Some(Proof::Token),
        }
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
            Proof::Signature { .. } => Rejection::Unsigned,
            Proof::Token => Rejection::UnknownToken,
        };
        self.rejections.note(reason, Some(caller), why);
        self.throttle.failed(caller.network(), Instant::now());
        response
    }

    fn too_many(&self, caller: Peer, wait: Duration, why: &dyn std::fmt::Display) -> Response {
        self.rejections
            .note(Rejection::Throttled, Some(caller), why);
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
