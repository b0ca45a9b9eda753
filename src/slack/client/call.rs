//! One call of the Web API: its time limit, and its turn after a 429.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use super::{error::SlackError, wire::Wire};
use crate::{
    clock::Clock,
    domain::{ChannelId, Time},
};

/// How long one call may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The longest time that a call waits for its turn; beyond it, it fails instead.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// Whether a call waits for its turn while Slack asks to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Somebody is looking at a screen: fail at once.
    FailsFast,
    /// Nobody is: wait until Slack takes calls again.
    Waits,
}

/// An answer of which nothing is needed but that it is one.
#[derive(Deserialize)]
pub(super) struct Done {}

/// Slack's Web API.
pub(super) struct Api {
    wire: Arc<dyn Wire>,
    own: url::Origin,
    clock: Arc<dyn Clock>,
    gates: Gates,
}

impl Api {
    pub(super) fn new(wire: Arc<dyn Wire>, api_url: &Url, clock: Arc<dyn Clock>) -> Self {
        Self {
            wire,
            own: api_url.origin(),
            clock,
            gates: Gates::default(),
        }
    }

    /// Calls `method` with a JSON body. Never waits for its turn.
    pub(super) async fn post<RQ, RS>(
        &self,
        method: &'static str,
        request: &RQ,
    ) -> Result<RS, SlackError>
    where
        RQ: Serialize + Send + Sync,
        RS: DeserializeOwned + Send,
    {
        let body = json(request);
        let call = || self.wire.post(method, &body);
        self.in_turn((method, None), Patience::FailsFast, call)
            .await
    }

    /// Calls `method`, which says something in `channel`, with a JSON body. What Slack holds back in
    /// one channel holds back no other.
    pub(super) async fn post_in<RQ, RS>(
        &self,
        channel: &ChannelId,
        method: &'static str,
        request: &RQ,
        patience: Patience,
    ) -> Result<RS, SlackError>
    where
        RQ: Serialize + Send + Sync,
        RS: DeserializeOwned + Send,
    {
        let body = json(request);
        let call = || self.wire.post(method, &body);
        self.in_turn((method, Some(channel.clone())), patience, call)
            .await
    }

    /// Calls `method` with a query: the methods that read take no JSON. Never waits for its turn.
    pub(super) async fn get<RS>(
        &self,
        method: &'static str,
        params: &[(&str, Option<String>)],
    ) -> Result<RS, SlackError>
    where
        RS: DeserializeOwned + Send,
    {
        let call = || self.wire.get(method, params);
        self.in_turn((method, None), Patience::FailsFast, call)
            .await
    }

    /// Posts to a `response_url`, without the token.
    pub(super) async fn respond<RQ>(&self, url: &str, response: &RQ) -> Result<(), SlackError>
    where
        RQ: Serialize + Send + Sync,
    {
        let url = Url::parse(url)
            .ok()
            .filter(|url| self.is_slacks(url))
            .ok_or_else(|| SlackError::Refused("invalid_response_url".to_owned()))?;
        let body = json(response);
        let call = || self.wire.respond(&url, &body);
        let Done {} = self
            .in_turn(("response_url", None), Patience::FailsFast, call)
            .await?;
        Ok(())
    }

    /// The scopes of the token, if Slack tells.
    pub(super) async fn scopes(&self) -> Result<Option<BTreeSet<String>>, SlackError> {
        let asked = tokio::time::timeout(TIME_LIMIT, self.wire.scopes()).await;
        asked.unwrap_or_else(|_| Err(no_answer("auth.test")))
    }

    /// Whether a payload's URL leads to Slack: a forged one must not make us call others.
    fn is_slacks(&self, url: &Url) -> bool {
        let hooks = ["hooks.slack.com", "hooks.slack-gov.com"];
        let is_hook = url.scheme() == "https"
            && url.port().is_none()
            && url.host_str().is_some_and(|host| hooks.contains(&host));
        is_hook || url.origin() == self.own
    }

    /// Sends one call when its turn has come.
    async fn in_turn<RS, F>(
        &self,
        gate: Gate,
        patience: Patience,
        call: impl FnOnce() -> F,
    ) -> Result<RS, SlackError>
    where
        RS: DeserializeOwned,
        F: Future<Output = Result<Value, SlackError>>,
    {
        self.gates.pass(&gate, patience, &*self.clock).await?;
        let answer = self.in_time(gate.0, call).await;
        if let Err(SlackError::RateLimited { retry_after }) = &answer {
            self.gates.close(gate, self.clock.now(), *retry_after);
        }
        serde_json::from_value(answer?)
            .map_err(|_| SlackError::Unavailable("an answer of another shape".to_owned()))
    }

    /// Sends one call, within the time limit.
    async fn in_time<F>(&self, to: &str, call: impl FnOnce() -> F) -> Result<Value, SlackError>
    where
        F: Future<Output = Result<Value, SlackError>>,
    {
        match tokio::time::timeout(TIME_LIMIT, call()).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(to)),
        }
    }
}

fn no_answer(to: &str) -> SlackError {
    let seconds = TIME_LIMIT.as_secs();
    SlackError::Unavailable(format!("no answer from {to} within {seconds} s"))
}

/// What Slack limits by itself: a method, or a method in one channel.
type Gate = (&'static str, Option<ChannelId>);

/// Until when each gate is closed. Those that have opened are forgotten when another closes.
#[derive(Default)]
struct Gates(Mutex<HashMap<Gate, Time>>);

impl Gates {
    async fn pass(
        &self,
        gate: &Gate,
        patience: Patience,
        clock: &dyn Clock,
    ) -> Result<(), SlackError> {
        loop {
            let now = clock.now();
            let Some(opens) = self.opens(gate).filter(|opens| now < *opens) else {
                return Ok(());
            };
            let left = opens - now;
            if patience == Patience::FailsFast || left > LONGEST_WAIT {
                let retry_after = left.to_std().unwrap_or_default();
                return Err(SlackError::RateLimited { retry_after });
            }
            clock.until(opens).await;
        }
    }

    fn opens(&self, gate: &Gate) -> Option<Time> {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.get(gate).copied()
    }

    /// Of two calls that were refused together, the later moment holds.
    fn close(&self, gate: Gate, now: Time, wait: Duration) {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, opens| now < *opens);
        let until = now + wait;
        let opens = gates.entry(gate).or_insert(until);
        *opens = until.max(*opens);
    }
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("what is said to Slack is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, slack::client::wire::Https};

    #[test]
    fn answers_go_to_slack_alone() {
        let url = |text: &str| Url::parse(text).unwrap();
        let own = url("http://127.0.0.1:4000/api/");
        let wire = Https::new(&own, &"xoxb-secret".into()).unwrap();
        let api = Api::new(Arc::new(wire), &own, Arc::new(SystemClock));
        for slacks in [
            "https://hooks.slack.com/actions/T0/1/x",
            "https://hooks.slack-gov.com/commands/T0/1/x",
            "http://127.0.0.1:4000/actions/T0/1/x",
        ] {
            assert!(api.is_slacks(&url(slacks)), "{slacks}");
        }
        for foreign in [
            "http://hooks.slack.com/actions/T0/1/x",
            "https://hooks.slack.com:8443/x",
            "https://hooks.slack.com.example.com/x",
            "https://hooks.slack.com@example.com/x",
            "http://127.0.0.1:4001/x",
            "http://169.254.169.254/latest/meta-data",
        ] {
            assert!(!api.is_slacks(&url(foreign)), "{foreign}");
        }
    }
}
