//! `keylend target`: checks the targets, and lists who has access in them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Display,
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use futures_util::future::join_all;

use super::address::configuration;
use crate::{
    backend::{Backend, BackendError, Diagnosis, Holder},
    clock::SystemClock,
    config::{Config, Secrets},
    domain::{BackendName, Catalogue, Entitlement, Params, Request, Scope, ScopeId},
    sanitize::{escaped, excerpt},
    store::{Store, logged},
};

/// The subcommands of `keylend target`.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Check whether the targets are reachable, and what Keylend's account may do in them.
    ///
    /// Prints each target's version, and what Keylend's account has, lacks, and does not need there.
    /// Changes nothing. Exits with 1 if a target is not reachable or the account lacks something.
    Diagnose(Which),
    /// List who has access in the targets, including access that Keylend did not grant.
    ///
    /// Lists the access that the scopes of the configuration give, with the request that explains it.
    /// Changes nothing. Exits with 1 if a target does not answer, or has access that Keylend granted and
    /// that no open request explains.
    Inventory(Which),
}

/// The targets that a subcommand works on.
#[derive(Debug, Args)]
pub struct Which {
    /// One target, as `[backends]` names it. Default: all targets.
    #[arg(value_name = "BACKEND")]
    backend: Option<String>,
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "keylend.toml")]
    config: PathBuf,
}

/// A target of the configuration, with the layers that the catalogue has in it.
pub(super) struct Configured {
    pub(super) name: BackendName,
    pub(super) backend: Arc<dyn Backend>,
    /// The scopes by the parameters of their layers.
    pub(super) layers: Vec<(Params, Vec<ScopeId>)>,
}

impl Target {
    /// Runs the subcommand, and writes its answer to `out`.
    ///
    /// # Errors
    ///
    /// If the configuration is invalid or has no such target, if a secret of a target is missing, or if
    /// `out` cannot be written to.
    pub async fn run(self, out: &mut (dyn Write + Send)) -> anyhow::Result<ExitCode> {
        let is_well = match self {
            Self::Diagnose(which) => {
                let (config, targets) = which.read()?;
                diagnose(&targets, &config.catalogue, out).await?
            }
            Self::Inventory(which) => {
                let (config, targets) = which.read()?;
                let address = config.store.address()?;
                let store = address
                    .open_read_only(config.secrets.store_key().as_ref().ok())
                    .await;
                let store =
                    store.with_context(|| format!("failed to open the store `{address}`"))?;
                let listed = inventory(&targets, &*store, out).await;
                store.close().await;
                listed?
            }
        };
        Ok(match is_well {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

impl Which {
    /// Reads the configuration, and builds these targets.
    pub(super) fn read(self) -> anyhow::Result<(Config, Vec<Configured>)> {
        // Only the secrets of these targets are needed.
        let config = configuration(&self.config, Secrets::Unchecked)?;
        let asked = self.backend.map(BackendName::new);
        if let Some(name) = &asked
            && !config.backends.contains_key(name)
        {
            let names: Vec<&str> = config.backends.keys().map(BackendName::as_str).collect();
            bail!(
                "there is no target `{name}` in `[backends]`. Use one of: {}",
                names.join(", ")
            );
        }
        let mut targets = Vec::new();
        for (name, backend) in &config.backends {
            if asked.as_ref().is_some_and(|asked| asked != name) {
                continue;
            }
            targets.push(Configured {
                name: name.clone(),
                backend: backend
                    .build(name, Arc::new(SystemClock))
                    .with_context(|| format!("failed to prepare the target `{name}`"))?,
                layers: layers(&config, name),
            });
        }
        Ok((config, targets))
    }
}

/// The layers that the catalogue has in a target, with their scopes grouped by parameters.
fn layers(config: &Config, name: &BackendName) -> Vec<(Params, Vec<ScopeId>)> {
    let mut layers: Vec<(Params, Vec<ScopeId>)> = Vec::new();
    for scope in config.catalogue.values() {
        for layer in scope.layers.iter().filter(|layer| layer.backend == *name) {
            match layers
                .iter_mut()
                .find(|(params, _)| *params == layer.params)
            {
                Some((_, scopes)) => scopes.push(scope.id.clone()),
                None => layers.push((layer.params.clone(), vec![scope.id.clone()])),
            }
        }
    }
    layers
}

async fn diagnose(
    targets: &[Configured],
    catalogue: &Catalogue,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let diagnoses = targets.iter().map(|target| async {
        let params: Vec<Params> = target
            .layers
            .iter()
            .map(|(params, _)| params.clone())
            .collect();
        target.backend.diagnose(&params).await
    });
    let mut diagnoses = join_all(diagnoses).await;
    for scope in catalogue.values() {
        compare_reach(scope, targets, &mut diagnoses);
    }
    let mut is_well = true;
    for (target, diagnosis) in targets.iter().zip(diagnoses) {
        match diagnosis {
            Ok(diagnosis) => {
                is_well &= diagnosis.missing.is_empty();
                write_diagnosis(&target.name, &diagnosis, out)?;
            }
            Err(error) => {
                is_well = false;
                write_error(&target.name, &error, out)?;
            }
        }
    }
    Ok(is_well)
}

/// Adds to the diagnoses whether the scope lacks `dangerous = true`, or has it and does not need it. A scope
/// needs it if a target was not asked or cannot tell.
fn compare_reach(
    scope: &Scope,
    targets: &[Configured],
    diagnoses: &mut [Result<Diagnosis, BackendError>],
) {
    let key = format!("`dangerous = true` in the scope `{}`", scope.id);
    let mut harmless = None;
    let mut is_harmless = true;
    for layer in &scope.layers {
        let asked = targets
            .iter()
            .position(|target| target.name == layer.backend);
        let told = asked.and_then(|target| {
            let layers = &targets[target].layers;
            let index = layers
                .iter()
                .position(|(params, _)| *params == layer.params)?;
            let diagnosis = diagnoses[target].as_ref().ok()?;
            Some((target, diagnosis.reach.get(index)?.clone()))
        });
        match told {
            Some((target, None)) => harmless = Some(target),
            Some((target, Some(reach))) => {
                is_harmless = false;
                if let (false, Ok(diagnosis)) = (scope.dangerous, &mut diagnoses[target]) {
                    diagnosis.missing.push(format!("{key}: {reach}"));
                }
            }
            None => is_harmless = false,
        }
    }
    if let (true, true, Some(target)) = (scope.dangerous, is_harmless, harmless)
        && let Ok(diagnosis) = &mut diagnoses[target]
    {
        let unneeded = format!("{key}, which gives access only to data");
        diagnosis.unneeded.push(unneeded);
    }
}

fn write_diagnosis(
    name: &BackendName,
    diagnosis: &Diagnosis,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let Diagnosis {
        version,
        present,
        missing,
        unneeded,
        reach: _,
    } = diagnosis;
    let version = version
        .as_deref()
        .unwrap_or("reachable, version not stated");
    writeln!(out, "{name}: {}", excerpt(version))?;
    for (kind, found) in [
        ("has", present),
        ("lacks", missing),
        ("does not need", unneeded),
    ] {
        for one in found {
            writeln!(out, "  {kind:<14} {}", excerpt(one))?;
        }
    }
    Ok(())
}

fn write_error(
    name: &impl Display,
    error: &BackendError,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "{name}: failed: {}", excerpt(&error.to_string()))
}

async fn inventory(
    targets: &[Configured],
    store: &dyn Store,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let held = targets.iter().map(|target| async {
        // One after the other, so as not to flood the target. Its calls may also exclude each other.
        let mut held = Vec::new();
        for (params, _) in &target.layers {
            held.push(match target.backend.bind(params) {
                Ok(layer) => layer.holders().await,
                Err(invalid) => Err(BackendError::Fail(invalid.to_string().into())),
            });
        }
        held
    });
    let mut is_well = true;
    for (target, held) in targets.iter().zip(join_all(held).await) {
        for ((_, scopes), held) in target.layers.iter().zip(held) {
            let scopes: Vec<&str> = scopes.iter().map(ScopeId::as_str).collect();
            let layer = format!("{}: {}", target.name, scopes.join(", "));
            match held {
                Ok(holders) => {
                    writeln!(out, "{layer}")?;
                    is_well &= write_holders(&target.name, &holders, store, out).await?;
                }
                Err(error) => {
                    is_well = false;
                    write_error(&layer, &error, out)?;
                }
            }
        }
    }
    Ok(is_well)
}

/// Prints who has access. Returns whether requests explain all access that Keylend granted.
async fn write_holders(
    target: &BackendName,
    holders: &[Holder],
    store: &dyn Store,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<bool> {
    let mut is_well = true;
    if holders.is_empty() {
        writeln!(out, "  nobody")?;
    }
    // One person often has access more than once.
    let mut known: BTreeMap<&Entitlement, Vec<Request>> = BTreeMap::new();
    for holder in holders {
        let requests = match &holder.entitlement {
            Some(entitlement) => match known.entry(entitlement) {
                Entry::Occupied(requests) => requests.into_mut().as_slice(),
                Entry::Vacant(unknown) => unknown
                    .insert(requests(target, entitlement, store).await?)
                    .as_slice(),
            },
            None => &[],
        };
        let why = match (holder.is_managed, requests) {
            (true, []) => {
                is_well = false;
                "granted by Keylend, but no open request explains it".to_owned()
            }
            (true, requests) => format!("granted by Keylend: {}", listed(requests)),
            (false, []) => "not granted by Keylend".to_owned(),
            (false, requests) => format!(
                "Keylend did not grant this, but a request gives the same access: {}",
                listed(requests)
            ),
        };
        let by = match &holder.granted_by {
            Some(by) => format!(" ({})", escaped(by)),
            None => String::new(),
        };
        writeln!(out, "  {}{by}: {why}", escaped(&holder.name))?;
    }
    Ok(is_well)
}

/// The open requests in the log that give this access in this target.
async fn requests(
    target: &BackendName,
    entitlement: &Entitlement,
    store: &dyn Store,
) -> anyhow::Result<Vec<Request>> {
    let entitlement = &entitlement.in_target(target);
    let ids = store.approved_for(entitlement).await?;
    let logged = logged(store, &ids).await?.into_values();
    let mut requests: Vec<Request> = logged.map(|(request, _)| request).collect();
    requests.retain(|request| {
        request.is_open()
            && request.layers.iter().any(|layer| {
                layer.plan.backend == *target && layer.plan.entitlement == *entitlement
            })
    });
    requests.sort_by_key(|request| request.id);
    Ok(requests)
}

fn listed(requests: &[Request]) -> String {
    let one = |request: &Request| match request.expires_at {
        Some(until) => format!("request {} until {}", request.id, until.to_rfc3339()),
        None => format!("request {}", request.id),
    };
    requests.iter().map(one).collect::<Vec<_>>().join(", ")
}
