//! The composition root: builds every part, wires them, runs them, and shuts them down.
//!
//! The sweeper runs first and needs nobody: grants end on time although Slack is away or refuses
//! the token. What Slack sends is answered as soon as the log was read, without which nothing is
//! decided, and Slack has said who we are.

mod address;
mod auth_gate;
mod clocks;
mod files;
mod listen;
mod rebuild;
mod rejection_log;
mod scopes;
mod slack_bootstrap;
mod throttle;

pub use rebuild::rebuild;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use axum::routing::any;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    alerts::Alerts,
    api::{self, Api, Tokens},
    backend::{Backend, Backends},
    broker::{Broker, Parts},
    clock::{Clock, Entropy, SteadyClock, SystemClock, SystemEntropy},
    config::{self, Config, Mode},
    directory::{Directory, Schedules},
    domain::{self, BackendName, Catalogue, Params},
    grants::Grants,
    leavers::Leavers,
    metrics::Metrics,
    reconcile::{self, Inspection, Target},
    routes::{Authentication, Routes},
    signer::{self, Signer},
    slack::{
        client::Client,
        ingress::http,
        messages::{self, DigestSettings, Messenger, homes::Homes, run_as_leader},
        signature::Verifier,
    },
    store::{Clocks, Comparisons, OpenPages, Store, Writable},
    ticket_poll::TicketPoll,
    tickets::Tickets,
    vault::Vault,
    worker::Worker,
};
use address::Proxies;
use auth_gate::AuthGate;
use clocks::ClockWatch;
use listen::Listen;
use rejection_log::RejectionLog;
use slack_bootstrap::{Ingress, SlackBootstrap, SlackTransport};

/// How long what is under way may take when the service stops; the rest is taken up by the next
/// start.
const GRACE: Duration = Duration::from_secs(10);

/// Open requests that are looked at at a time when the service starts.
const PAGE: u32 = 1000;

/// The sources of time and randomness.
pub struct Outside {
    /// Time. It may go back: see [`SteadyClock`].
    pub clock: Arc<dyn Clock>,
    /// The clock that replicas compare their own with. `None` for the clock of the database server.
    pub store_clock: Option<Arc<dyn Clock>>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Outside {
    /// The machine's clock and randomness.
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            store_clock: None,
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// A running service.
pub struct Service {
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    store: Arc<dyn Store>,
}

impl Service {
    /// The address that the service listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: finishes what is under way, for ten seconds at most, and lets go of the store.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("stopped while work was under way; the next start continues it");
        }
        self.store.close().await;
    }
}

/// Starts the service. It runs until [`Service::stop`], on the Tokio runtime of the caller.
///
/// # Errors
///
/// If a secret is missing, the store cannot be opened, the address is taken, the store holds grants on a
/// backend that the configuration no longer has, or Keylend was at work more than a day after what the
/// clock shows.
pub async fn start(config: Config, outside: Outside) -> anyhow::Result<Service> {
    // One TLS provider for the whole process; a second start finds it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Outside {
        clock,
        store_clock,
        entropy,
    } = outside;
    let steady = Arc::new(SteadyClock::new(clock));
    let clock: Arc<dyn Clock> = steady.clone();

    let address = config.store.address().context("failed to find the store")?;
    let clocks = Clocks {
        own: steady.clone(),
        store: store_clock,
    };
    let key = config.secrets.store_key();
    let key = key.context("failed to read secrets.key")?;
    let opened = address.open_in_step(&config.digest, &key, clocks).await;
    let store = opened.with_context(|| format!("failed to open the store `{address}`"))?;
    clocks::go_on(&*store, &steady).await?;
    let backends = Arc::new(build_backends(&config, &clock)?);
    refuse_orphans(&*store, &backends).await?;
    let vault = Vault::new(&config.secrets.key.read()?).context("failed to read secrets.key")?;
    let token = config
        .slack
        .bot_token
        .read()
        .context("failed to read slack.bot_token")?;
    let client = Client::new(&config.slack.api_url, token, clock.clone())?
        .with_reduced_channels(config.slack.shared_channels.clone());
    let metrics = Arc::new(Metrics::default());
    let alerts = Arc::new(Alerts::default());
    let shutdown = CancellationToken::new();
    let (way, slack_routes) = way(&config.slack, &clock, &metrics, &shutdown)?;
    let groups = config.groups.iter();
    let schedules = groups.filter_map(|(name, source)| Some((name, source.schedule()?)));
    let schedules = Schedules::new(schedules).context("failed to read [groups]")?;
    let directory = Directory::new(
        Arc::new(client.clone()),
        clock.clone(),
        config.groups.clone(),
        config.identities(),
    );
    let directory = Arc::new(directory.with_schedules(schedules));
    let log: Arc<dyn Store> = store.clone();
    let comparisons = Arc::new(Comparisons::default());
    let tickets = config.tickets.as_ref();
    let tickets = tickets.map(|settings| Tickets::new(settings, clock.clone()));
    let tickets = tickets.transpose().context("failed to read [tickets]")?;
    let broker = Broker::new(Parts {
        ledger: store.clone(),
        claims: store.clone(),
        comparisons: comparisons.clone(),
        policy: config.policy.clone(),
        directory: directory.clone(),
        backends: backends.clone(),
        catalogue: config.catalogue.clone(),
        limits: config.limits.clone(),
        administrators: config.administrators.clone(),
        vault,
        alerts: alerts.clone(),
        metrics: metrics.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    });
    let broker = Arc::new(broker.with_tickets(tickets));

    let tasks = TaskTracker::new();
    let inspection = Inspection::new(reconcile::Parts {
        targets: targets(&backends, &config.catalogue),
        store: log.clone(),
        claims: store.clone(),
        alerts: alerts.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    });
    let worker = Worker::new(broker.clone(), backends, clock.clone(), entropy.clone());
    let worker = Arc::new(worker);
    tasks.spawn(worker.clone().look_for_missing_work(shutdown.clone()));
    tasks.spawn(worker.run(shutdown.clone()));
    tasks.spawn(inspection.run(shutdown.clone()));
    let grants = Arc::new(
        Grants::load(log.clone(), comparisons)
            .await
            .context("failed to read the grants")?,
    );
    let reading = (broker.clone(), shutdown.clone());
    tasks.spawn(async move { reading.0.follow_people(reading.1).await });
    let asking = (broker.clone(), shutdown.clone());
    tasks.spawn(async move { asking.0.watch_groups(asking.1).await });
    let watching = (broker.clone(), shutdown.clone());
    tasks.spawn(async move { watching.0.watch_approvers(watching.1).await });
    let watching = (broker.clone(), shutdown.clone());
    tasks.spawn(async move { watching.0.watch_approver_groups(watching.1).await });
    let writing = (broker.clone(), shutdown.clone());
    tasks.spawn(async move { writing.0.write_attempts(writing.1).await });
    let hearing = (broker.clone(), shutdown.clone());
    tasks.spawn(async move { hearing.0.hear_outdated(hearing.1).await });
    let following = (grants.clone(), shutdown.clone());
    tasks.spawn(async move { following.0.follow(following.1).await });
    let watching = (grants.clone(), alerts.clone(), shutdown.clone());
    tasks.spawn(async move { watching.0.watch_revocations(&watching.1, watching.2).await });
    let watching = (store.writable(), alerts.clone(), shutdown.clone());
    tasks.spawn(async move { watch_writes(watching.0, &watching.1, watching.2).await });
    let watching = (store.is_changed(), alerts.clone(), shutdown.clone());
    tasks.spawn(async move { watch_followers(watching.0, &watching.1, watching.2).await });
    let files = files::watch(alerts.clone());
    let watching = shutdown.clone();
    tasks.spawn(async move { watching.run_until_cancelled(files).await });
    let watch = ClockWatch::new(store.clone(), steady, alerts.clone());
    tasks.spawn(watch.run(shutdown.clone()));
    let leavers = Leavers::new(
        broker.clone(),
        alerts.clone(),
        metrics.clone(),
        clock.clone(),
        entropy.clone(),
    );
    tasks.spawn(leavers.run(shutdown.clone()));
    let poll = TicketPoll::new(
        broker.clone(),
        alerts.clone(),
        clock.clone(),
        entropy.clone(),
    );
    tasks.spawn(poll.run(shutdown.clone()));
    let (showing, lending) = (broker.clone(), broker.clone());
    let messenger = Arc::new(Messenger::new(messages::Parts {
        store: log.clone(),
        claims: store.clone(),
        documents: store.clone(),
        client: client.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        other_channels: config
            .catalogue
            .values()
            .map(|scope| scope.approval_channel.clone())
            .collect(),
        audit_channel: config.slack.audit_channel.clone(),
        has_credentials: Arc::new(move |request| showing.has_credentials(request)),
        logins: Arc::new(move |request| lending.logins(request)),
        notifications: config.notifications.clone(),
        digest: config.weekly_digest.map(|schedule| DigestSettings {
            schedule,
            maxima: domain::maxima(&config.catalogue),
        }),
        directory,
        alerts: alerts.clone(),
    }));
    let homes = Arc::new(Homes::new(
        broker.clone(),
        store.clone(),
        client.clone(),
        clock.clone(),
        entropy.clone(),
    ));
    tasks.spawn(run_as_leader(messenger, homes.clone(), shutdown.clone()));
    match &config.log {
        Some(settings) => {
            let key = settings.key().context("failed to read log.signing_key")?;
            tracing::info!(key = %key.verifier(), "the log is signed");
            let signer = Signer::new(signer::Parts {
                store: log.clone(),
                claims: store.clone(),
                documents: store.clone(),
                key,
                file: settings.checkpoint_file.clone(),
                client: client.clone(),
                audit_channel: config.slack.audit_channel.clone(),
                alerts: alerts.clone(),
                clock: clock.clone(),
                entropy: entropy.clone(),
            });
            tasks.spawn(signer.run(shutdown.clone()));
        }
        None => tracing::info!("the log is not signed; to sign it, set log.signing_key"),
    }

    let tokens = config
        .api
        .tokens
        .iter()
        .map(|entry| Ok((entry.name.clone(), entry.token.read()?)))
        .collect::<anyhow::Result<Vec<_>>>()
        .context("failed to read api.tokens")?;
    let proxies = Arc::new(Proxies::new(config.server.trusted_proxies.clone()));
    let rejections = Arc::new(RejectionLog::new(metrics.clone()));
    let (telling, reach) = watch::channel(Err("the log is still being read"));
    let api = Api {
        grants,
        store: log,
        clock: clock.clone(),
        metrics: metrics.clone(),
        alerts: alerts.clone(),
        tokens: Tokens::new(tokens),
        reach,
    };
    let scopes = scopes::watch(client.clone(), alerts.clone(), clock.clone());
    let asking = shutdown.clone();
    tasks.spawn(async move { asking.run_until_cancelled(scopes).await });
    let bootstrap = SlackBootstrap {
        client,
        settings: config.slack,
        way,
        broker,
        homes,
        clock: clock.clone(),
        entropy,
        tasks: tasks.clone(),
        metrics,
        reach: telling,
    };
    let meeting = shutdown.clone();
    tasks.spawn(async move { meeting.run_until_cancelled(bootstrap.meet_slack()).await });
    let routes = slack_routes.merge(api::routes(api));
    let gate = AuthGate::new(routes, proxies.clone(), rejections.clone(), clock);
    let listener = listen::bind(config.server.listen)
        .with_context(|| format!("failed to listen on {}", config.server.listen))?;
    let address = listener.local_addr()?;
    let listen = Listen::new(listener, gate, &config.server, proxies, rejections);
    tasks.spawn(listen.run(tasks.clone(), shutdown.clone()));
    tracing::info!(%address, "listening");
    Ok(Service {
        address,
        shutdown,
        tasks,
        store,
    })
}

/// Keeps an alert for as long as the store cannot be written, or only in part, until `shutdown`.
async fn watch_writes(
    mut writable: watch::Receiver<Writable>,
    alerts: &Alerts,
    shutdown: CancellationToken,
) {
    let watching = async {
        loop {
            let now = *writable.borrow_and_update();
            if now != Writable::Nothing {
                alerts.clear(NOT_WRITABLE);
            }
            if now != Writable::EndsOnly {
                alerts.clear(DISK_FULL);
            }
            match now {
                Writable::Everything => {}
                Writable::EndsOnly => alerts.raise(
                    DISK_FULL,
                    "The store's disk is full, so nobody can request or approve anything. Access still \
                     ends: Keylend writes that to space that it kept free. Free at least 32 MiB.",
                ),
                Writable::Nothing => alerts.raise(
                    NOT_WRITABLE,
                    "Keylend can't write to its store, so nobody can request, approve or lock \
                     anything, and access that expires isn't revoked in its target unless the target \
                     ends it by itself. Checks answer no from its end on. Check the disk's free space, \
                     the store's permissions and the database server.",
                ),
            }
            if writable.changed().await.is_err() {
                return;
            }
        }
    };
    shutdown.run_until_cancelled(watching).await;
}

/// Raises an alert once somebody has changed what Keylend keeps of its messages, until `shutdown`.
async fn watch_followers(
    mut is_changed: watch::Receiver<bool>,
    alerts: &Alerts,
    shutdown: CancellationToken,
) {
    let found = is_changed.wait_for(|is_changed| *is_changed);
    if let Some(Ok(_)) = shutdown.run_until_cancelled(found).await {
        alerts.raise(
            MESSAGES_CHANGED,
            "Somebody changed a row in the tables `documents` or `cursors`, which say what Keylend posted in \
             Slack, or `secrets.key` was replaced. Keylend edits no message by such a row, so a message may \
             stay as it is, and lines in channels may be repeated. Find out who can write to the store.",
        );
    }
}

/// The way that Slack's deliveries come, and the routes for it: Socket Mode has none.
fn way(
    settings: &config::Slack,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
    shutdown: &CancellationToken,
) -> anyhow::Result<(SlackTransport, Routes)> {
    match &settings.mode {
        Mode::Http { signing_secret } => {
            let secret = signing_secret.read();
            let secret = secret.context("failed to read slack.signing_secret")?;
            let verifier = Verifier::new(secret, clock.clone());
            let ingress = Ingress::new(metrics.clone());
            let routes = http::PATHS.iter().fold(Routes::default(), |routes, path| {
                let authentication = Authentication::SlackSignature;
                routes.route(path, authentication, any(Ingress::answer))
            });
            let routes = routes.with_state(ingress.clone());
            Ok((SlackTransport::Http { verifier, ingress }, routes))
        }
        Mode::Socket { app_token } => {
            let token = app_token.read().context("failed to read slack.app_token")?;
            let client = Client::new(&settings.api_url, token, clock.clone())?;
            let shutdown = shutdown.clone();
            Ok((
                SlackTransport::Socket { client, shutdown },
                Routes::default(),
            ))
        }
    }
}

fn build_backends(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Backends> {
    let mut backends = Backends::new();
    for (name, kind) in &config.backends {
        let backend = kind.build(name, clock.clone());
        let backend = backend.with_context(|| format!("failed to make backends.{name} ready"))?;
        backends.insert(name.clone(), backend);
    }
    Ok(backends)
}

/// The targets, with what the catalogue has in them.
fn targets(backends: &Backends, catalogue: &Catalogue) -> Vec<Target> {
    let target = |(name, backend): (&BackendName, &Arc<dyn Backend>)| {
        let mut layers: Vec<Params> = Vec::new();
        for layer in catalogue.values().flat_map(|scope| &scope.layers) {
            if layer.backend == *name && !layers.contains(&layer.params) {
                layers.push(layer.params.clone());
            }
        }
        Target {
            name: name.clone(),
            backend: backend.clone(),
            layers,
        }
    };
    backends.iter().map(target).collect()
}

/// The alert that the store cannot be written.
const NOT_WRITABLE: &str = "store_not_writable";

/// The alert that what is kept of messages was changed.
const MESSAGES_CHANGED: &str = "messages_changed";

/// The alert that the store's disk is full, and that access ends nevertheless.
const DISK_FULL: &str = "store_disk_full";

/// A grant whose target is no longer configured could never be taken back. What has ended keeps no
/// target in the configuration: the worker gives its last inspection up.
async fn refuse_orphans(store: &dyn Store, backends: &Backends) -> anyhow::Result<()> {
    let mut pages = OpenPages::new(store, PAGE);
    loop {
        let page = pages.next().await;
        let Some(page) = page.context("failed to read the open grants")? else {
            return Ok(());
        };
        let layers = page.iter().flat_map(|request| &request.layers);
        for layer in layers.filter(|layer| !layer.progress.is_revoked()) {
            let name = &layer.plan.backend;
            if !backends.contains_key(name) {
                bail!(
                    "the store holds grants on the backend `{name}`, which the configuration no \
                     longer has: keep it until they have ended"
                );
            }
        }
    }
}
