//! The calls of the control API that nobody in the workspace makes.

use std::time::Duration;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    delivery::DeliveryKind,
    faults::{DeliveryFault, Fault},
    wire::{
        Advance, Break, CallMade, Calls, Deliveries, DeliveryMade, Directory, Now, Outcome,
        Refusal, Span, Version,
    },
};

/// How long a call may take: longer than the longest wait for changes.
const PATIENCE: Duration = Duration::from_secs(40);
/// The largest answer that is read.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Why a call of the control API came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The simulator was not reached.
    #[error("failed to reach the simulator at {address}")]
    Unreachable {
        /// What was asked.
        address: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It said no.
    #[error("the simulator refused: {message} ({name})")]
    Refused {
        /// The HTTP status: 404 if they do not see it, 409 if it cannot be done now.
        status: u16,
        /// Such as `no_such_choice`.
        name: String,
        /// For people.
        message: String,
    },
    /// It did not answer.
    #[error("the simulator did not answer within {0:?}")]
    TooSlow(Duration),
    /// Its answer is not one that this version knows.
    #[error("the simulator's answer is not understood")]
    Strange(#[from] serde_json::Error),
    /// What was read does not have such an element.
    #[error("there is no {action_id:?}; there are {there:?}")]
    NotThere {
        /// What was asked for.
        action_id: String,
        /// What there is.
        there: Vec<String>,
    },
    /// The app did not answer a search as it should.
    #[error("the app failed: {}", .0.error.as_deref().unwrap_or("no reason"))]
    AppFailed(Outcome),
    /// It did not come true.
    #[error("waited {waited:?} in vain; {person} sees:\n{seen}")]
    WaitedInVain {
        /// How long.
        waited: Duration,
        /// Who looked.
        person: String,
        /// What they saw last.
        seen: String,
    },
}

/// A simulator in another process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// The simulator at an address such as `http://127.0.0.1:4040`. Nothing is sent yet.
    pub fn new(base_url: impl AsRef<str>) -> Self {
        Self {
            base: base_url.as_ref().trim_end_matches('/').to_owned(),
            // A connection of its own for every call: none can turn out to be dead.
            http: legacy::Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build_http(),
        }
    }

    /// Who and what there is.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn workspace(&self) -> Result<Directory, ClientError> {
        self.get("workspace").await
    }

    /// What time it is there.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn now(&self) -> Result<DateTime<Utc>, ClientError> {
        let Now { now } = self.get("clock").await?;
        Ok(moment(now))
    }

    /// Moves its clock ahead, and answers what time it is then.
    ///
    /// # Errors
    /// If its owner does not let the clock be moved.
    pub async fn advance(&self, by: Duration) -> Result<DateTime<Utc>, ClientError> {
        let advance = Span(by);
        let Now { now } = self.post("clock", &Advance { advance }).await?;
        Ok(moment(now))
    }

    /// Makes the next `times` calls of `method` fail, as [`Sim::fault`](crate::Sim::fault) does.
    ///
    /// # Errors
    /// If there is no such method.
    pub async fn fault(&self, method: &str, fault: Fault, times: usize) -> Result<(), ClientError> {
        self.break_it(&Break {
            method: Some(method.to_owned()),
            fault: Some(fault.into()),
            times: limited(times),
            ..Break::default()
        })
        .await
    }

    /// Makes the next `times` deliveries go wrong, as
    /// [`Sim::fault_delivery`](crate::Sim::fault_delivery) does.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn fault_delivery(
        &self,
        kind: Option<DeliveryKind>,
        fault: DeliveryFault,
        times: usize,
    ) -> Result<(), ClientError> {
        self.break_it(&Break {
            kind,
            delivery: Some(fault.into()),
            times: limited(times),
            ..Break::default()
        })
        .await
    }

    async fn break_it(&self, asked: &Break) -> Result<(), ClientError> {
        self.post::<Value>("faults", asked).await.map(drop)
    }

    /// Ends all faults.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn heal(&self) -> Result<(), ClientError> {
        let nothing = Bytes::new();
        let healed: Value = self.ask(Method::DELETE, "faults", nothing).await?;
        drop(healed);
        Ok(())
    }

    /// The Web API calls so far, newest last.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn calls(&self) -> Result<Vec<CallMade>, ClientError> {
        let Calls { calls } = self.get("calls").await?;
        Ok(calls)
    }

    /// The deliveries to the app so far, newest last.
    ///
    /// # Errors
    /// If the simulator cannot be asked.
    pub async fn deliveries(&self) -> Result<Vec<DeliveryMade>, ClientError> {
        let Deliveries { deliveries } = self.get("deliveries").await?;
        Ok(deliveries)
    }

    /// Says where the app is, as [`Sim::connect_to`](crate::Sim::connect_to) does.
    ///
    /// # Errors
    /// If no app can be there.
    pub async fn connect_to(&self, address: &str) -> Result<(), ClientError> {
        let url = json!({"url": address});
        self.post::<Value>("app", &url).await.map(drop)
    }

    /// Waits until the workspace has changed since `version`, or for 25 s; the version then.
    pub(super) async fn changed_since(&self, version: u64) -> Result<u64, ClientError> {
        let path = format!("changes?after={version}");
        let Version { version } = self.get(&path).await?;
        Ok(version)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body)?;
        self.ask(Method::POST, path, body.into()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let asking = self.exchange(method, path, body);
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        let (status, body) = answered.map_err(|_| ClientError::TooSlow(PATIENCE))??;
        if status == 200 {
            return Ok(serde_json::from_slice(&body)?);
        }
        let Refusal { error, message } = serde_json::from_slice(&body)?;
        Err(ClientError::Refused {
            status,
            name: error,
            message,
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(u16, Bytes), ClientError> {
        let address = format!("{}/control/{path}", self.base);
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| {
            let address = address.clone();
            ClientError::Unreachable { address, source }
        };
        let request = Request::builder()
            .method(method)
            .uri(&address)
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| unreachable(error.into()))?;
        let response = self.http.request(request).await;
        let response = response.map_err(|error| unreachable(error.into()))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MOST_BYTES);
        let body = body.collect().await.map_err(unreachable)?;
        Ok((status, body.to_bytes()))
    }
}

/// How often the control API is told, which has no number for "until it is healed".
fn limited(times: usize) -> Option<usize> {
    (times != usize::MAX).then_some(times)
}

pub(super) fn moment(seconds: f64) -> DateTime<Utc> {
    let micros = (seconds * 1e6).round() as i64;
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}
