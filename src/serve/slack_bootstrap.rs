//! Lets Slack in once it has said who we are. Before that nobody could tell our people from strangers.
//! Then Slack comes in by the routes that open, or we go out to it.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use anyhow::bail;
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    broker::Broker,
    clock::{Clock, Entropy},
    config,
    domain::{Span, backoff},
    metrics::Metrics,
    slack::{
        self, Slack,
        caller::InstallationScope,
        client::{Client, Identity},
        ingress::{Reach, Receive, http, socket},
        messages::homes::Homes,
        signature::Verifier,
    },
};

/// How long to wait between two tries to reach Slack at the start: the first time, and at most.
const RETRY: (Span, Span) = (Span::seconds(1), Span::minutes(1));

/// The routes for Slack, once Slack has said who we are.
#[derive(Clone)]
pub(super) struct Ingress {
    routes: Arc<OnceLock<Router>>,
    metrics: Arc<Metrics>,
}

impl Ingress {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            routes: Arc::default(),
            metrics,
        }
    }

    pub(super) async fn answer(State(ingress): State<Self>, request: Request) -> Response {
        match ingress.routes.get() {
            Some(routes) => {
                let asked = Instant::now();
                let answer = routes.clone().oneshot(request).await.into_response();
                ingress.metrics.acknowledged(asked.elapsed());
                answer
            }
            None => {
                let retry = [(header::RETRY_AFTER, "5")];
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    retry,
                    "Slack has not been reached yet\n",
                )
                    .into_response()
            }
        }
    }
}

/// The way that Slack's deliveries come.
pub(super) enum SlackTransport {
    /// Slack posts them to our routes.
    Http {
        verifier: Verifier,
        ingress: Ingress,
    },
    /// We fetch them, with a client that has the app's token.
    Socket {
        client: Client,
        shutdown: CancellationToken,
    },
}

/// What is needed to let Slack in.
pub(super) struct SlackBootstrap {
    pub(super) client: Client,
    pub(super) settings: config::Slack,
    pub(super) way: SlackTransport,
    pub(super) broker: Arc<Broker>,
    pub(super) homes: Arc<Homes>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) tasks: TaskTracker,
    pub(super) metrics: Arc<Metrics>,
    pub(super) reach: watch::Sender<Reach>,
}

impl SlackBootstrap {
    /// Reads the log, asks Slack who we are until it says so, then lets its deliveries in. Without that
    /// nobody could tell our people from strangers; meanwhile grants go on ending on time.
    pub(super) async fn meet_slack(self) {
        self.broker.read_log().await;
        let unknown = "Slack has not said who we are";
        self.reach.send_modify(|reach| *reach = Err(unknown));
        let mut failures = 0;
        let ours = loop {
            match self.ours().await {
                Ok(ours) => break ours,
                Err(error) => {
                    failures += 1;
                    tracing::error!(
                        %error,
                        "Slack auth.test failed; Keylend retries, and takes no requests until then"
                    );
                    let wait = backoff(failures, RETRY.0, RETRY.1, self.entropy.byte());
                    self.clock.until(self.clock.now() + wait).await;
                }
            }
        };
        tracing::info!(slack.teams = ?ours.teams, slack.app = ?ours.app.get(), "connected to Slack");
        let app = ours.app.get().cloned();
        let receive: Arc<dyn Receive> = Arc::new(Slack::new(slack::Parts {
            broker: self.broker,
            client: self.client,
            homes: self.homes,
            installation: ours,
            incident_channels: self.settings.incident_channels,
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
        }));
        match self.way {
            SlackTransport::Http { verifier, ingress } => {
                // It is set once: there is one introduction.
                let _ = ingress.routes.set(http::router(verifier, receive));
                self.reach.send_modify(|reach| *reach = Ok(()));
            }
            SlackTransport::Socket { client, shutdown } => {
                let (reach, metrics) = (self.reach, self.metrics);
                socket::run(socket::Parts {
                    client,
                    app,
                    receive,
                    reach,
                    metrics,
                    clock: self.clock,
                    entropy: self.entropy,
                    tasks: self.tasks,
                    shutdown,
                })
                .await;
            }
        }
    }

    async fn ours(&self) -> anyhow::Result<InstallationScope> {
        let identity = self.client.identity().await?;
        if let Some(team) = &self.settings.team_id
            && *team != identity.team
        {
            bail!(
                "the bot token is of the workspace {}, not of slack.team_id",
                identity.team
            );
        }
        let app_id = self.settings.app_id.clone().or(identity.app_id);
        let identity = Identity { app_id, ..identity };
        Ok(InstallationScope::of(&identity))
    }
}
