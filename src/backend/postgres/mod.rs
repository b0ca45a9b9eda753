//! A PostgreSQL server (15 and later): a role lent to a person's own login, or a login of its own
//! for each grant.
//!
//! A layer names the `role` that it lends, and how:
//!
//! - `login = "named"`, the default: the role is granted to the requester's own login and revoked
//!   at the end, when all sessions of that login end too. PostgreSQL knows no end for a membership,
//!   so it is Keylend that takes it back. Only the membership that Keylend gave is counted
//!   and revoked: somebody who is in the role by another's grant, or by way of a third role, stays in
//!   it. Nothing is lent to superusers, to logins that
//!   have CREATEROLE, REPLICATION or BYPASSRLS, that own a database, or that have members, to those in
//!   `never_lend`, or outside `people_role`, if there is one.
//! - `login = "generated"`: a login is made, with a password that the requester alone sees and
//!   `VALID UNTIL` the end of the grant. At the end it loses the role, is shut, and its sessions
//!   and prepared transactions end. It is dropped once what it owns has gone to the role, and its
//!   functions to a role without rights, which others can delay but which delays nothing. `VALID UNTIL` bounds logins by password:
//!   `pg_hba.conf` should let these in by `scram-sha-256` alone.
//!
//! A role that reaches more than data is lent only where the scope says that it is dangerous: one that has, by
//! itself or by way of another role, CREATEROLE, REPLICATION, BYPASSRLS, ADMIN OPTION on another role, ALTER
//! SYSTEM, or a role of PostgreSQL's own that reaches the server's files, programs or sessions.
//!
//! Keylend's own login need not be a superuser. It needs
//! `CREATE ROLE keylend LOGIN CREATEROLE`, `GRANT … TO keylend WITH ADMIN OPTION` for each role
//! that is lent, `GRANT pg_signal_backend, pg_read_all_stats TO keylend`, and sessions of its own,
//! so no pooler in transaction mode between. From PostgreSQL 16 on,
//! `GRANT pg_use_reserved_connections TO keylend` and `reserved_connections = 5` in the server's
//! configuration keep places for it when others have taken all the rest; in any case one connection
//! is kept open to revoke over. The URL should name a database that an administrator owns: a role
//! that owns it is not lent.
//!
//! Anybody who may create a table can ask for locks on the catalogues of roles that hold up every
//! later REVOKE and login of the whole server. Keylend ends sessions that wait for such a lock.
//! `REVOKE TEMP ON DATABASE … FROM PUBLIC`, and no CREATE for others on any schema, prevent them.
//!
//! # What is recognised as Keylend's
//!
//! The log keeps the numbers (OIDs) of the role, the login and the membership, and of the cluster that
//! they belong to. A role or login that was renamed is found by its number. One that was dropped and
//! made again under its name is another, and is neither granted anything nor touched; sessions of a
//! login that was dropped still end. If the answer to a grant was lost, Keylend's is what was not there
//! at the inspection and has the grantor that Keylend's own grant has. That also holds after an upgrade
//! with `pg_upgrade` or a restored dump, which give other numbers.
//!
//! - From PostgreSQL 16 on, each grantor's membership stands by itself. One that somebody else gave,
//!   before or during Keylend's, is never counted or revoked.
//! - PostgreSQL 15 has one membership for a login and a role. If it was there before, the access is
//!   not Keylend's. If somebody else grants it during Keylend's, PostgreSQL records nothing, so it ends
//!   with Keylend's. If they add ADMIN OPTION, it becomes theirs and stays.
//! - If Keylend's login is a superuser without ADMIN OPTION of its own on the role, PostgreSQL 16 and
//!   later record the first superuser as the grantor, as for every other superuser. A membership that a
//!   superuser gave before is then not Keylend's, and one that a superuser gives during Keylend's ends
//!   with it. Do not make Keylend's login a superuser.
//! - If somebody revokes what Keylend gave, Keylend does not give it again for the same grant.
//!
//! Without any log, Keylend's is a membership that its own login gave, and a login that its own login gave
//! to itself. The comment on such a login says which Keylend made it.
//!
//! # What remains
//!
//! PostgreSQL takes a role back, not what was done with it. What a grantee leaves behind (direct grants,
//! functions with `SECURITY DEFINER`, default privileges, prepared transactions, objects that they made their
//! own) is listed when the grant has ended, and most of it dropped with `leftovers = "drop"`: see
//! `docs/targets/postgres.md`. What a third role owns is not searched, nor are views, triggers and rules.
//!
//! Where Keylend grants a role by way of a third role that has ADMIN OPTION on it, and an administrator
//! revokes Keylend's membership while two grants share it, the membership that the second grant makes
//! can stay after its end. Give Keylend's own login ADMIN OPTION on each role that it lends.

mod asked;
mod catalogue;
mod cleanup;
mod diagnose;
mod error;
mod generated;
mod holders;
mod leftovers;
mod leftovers_role;
mod managed;
mod name;
mod named;
mod purpose;
mod queue;
mod receipt;
mod server;
mod session;
mod sessions;
mod terminate;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use self::{
    asked::{Asked, LoginKind, OnLeftovers},
    error::Error,
    name::RoleName,
    named::Eligible,
    server::{InvalidUrl, Purpose, Server},
    session::Session,
};
use super::{
    Backend, BackendError, BoundLayer, BuildError, Diagnosis, Granted, Holder, Inspection,
    InvalidParam, LayerRequest, Managed, Presence, kind::BackendKind, params, timeout::Timeout,
};
use crate::{
    clock::Clock,
    domain::{BackendName, Entitlement, Leftovers, LoginName, Params, Receipt, RevocationMode},
    secret::Secret,
    transport::postgres_warnings,
};

/// `[backends.NAME.postgres]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where Keylend's own login connects. The URL is
    /// `postgres://keylend:PASSWORD@db.example.com/app?sslmode=verify-full`. The URL of a server on another
    /// machine says how the connection is encrypted.
    #[schemars(example = json!({ "env": "PG_PROD_ADMIN_URL" }))]
    pub url: Secret,
    /// How long connecting may take.
    #[serde(default = "default_connect_timeout")]
    #[schemars(example = &"10s")]
    #[schemars(extend("default" = "5s"))]
    pub connect_timeout: Timeout,
    /// How long one call may take in all, including connecting. The server ends statements and idle sessions
    /// of Keylend after the same time. No call takes longer than 60 s, whatever you set.
    #[serde(default = "default_timeout")]
    #[schemars(example = &"30s")]
    #[schemars(extend("default" = "15s"))]
    pub timeout: Timeout,
    /// With `login = "named"`: logins to which Keylend never grants anything. Superusers, group roles,
    /// Keylend's own login, logins with CREATEROLE, REPLICATION or BYPASSRLS, logins with members, and
    /// database owners are always refused.
    #[serde(default)]
    #[schemars(title = "list of logins", example = json!(["app", "batch"]))]
    pub never_lend: BTreeSet<String>,
    /// With `login = "named"`: grant only to direct or indirect members of this role.
    #[serde(default)]
    #[schemars(title = "role", length(min = 1), example = &"people")]
    #[schemars(extend("x-default" = "any login"))]
    people_role: Option<RoleName>,
}

const fn default_connect_timeout() -> Timeout {
    Timeout::seconds(5)
}

const fn default_timeout() -> Timeout {
    Timeout::seconds(15)
}

/// The URL is a secret, so its text is not told.
fn not_usable(secret: &Secret, why: InvalidUrl) -> BuildError {
    let message = match why {
        InvalidUrl::NotAServer => format!(
            "the {secret} does not hold the URL of a PostgreSQL server: it must start with \
             `postgres://`, such as \
             `postgres://keylend:PASSWORD@db.example.com/app?sslmode=verify-full`"
        ),
        InvalidUrl::EncryptionOpen => format!(
            "the URL in the {secret} doesn't say whether the connection is encrypted: add \
             `?sslmode=verify-full`, or `?sslmode=disable` if nobody else can read or change what goes \
             over this network"
        ),
    };
    BuildError::from(message).of("url")
}

impl BackendKind for Config {
    fn check_layer(&self, params: &Params) -> Result<(), InvalidParam> {
        params::parse::<Asked>(params).map(drop)
    }

    fn layer_schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<Asked>())
    }

    fn revocation_mode(&self, params: &Params) -> RevocationMode {
        params::parse::<Asked>(params)
            .map_or(RevocationMode::Call, |asked| asked.login.revocation())
    }

    fn takes_username(&self, params: &Params) -> bool {
        params::parse::<Asked>(params).map_or(true, |asked| asked.login == LoginKind::Named)
    }

    fn warnings(&self) -> Vec<(&'static str, String)> {
        let Ok(url) = self.url.read() else {
            return Vec::new();
        };
        let warnings = postgres_warnings(url.expose_secret()).into_iter();
        warnings.map(|warning| ("url", warning)).collect()
    }

    fn build(&self, _: &BackendName, _: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, BuildError> {
        let url = self
            .url
            .read()
            .map_err(|missing| BuildError::from(missing).of("url"))?;
        let server = Server::new(
            &url,
            self.connect_timeout.duration(),
            self.timeout.duration(),
        )
        .map_err(|why| not_usable(&self.url, why))?;
        let eligible = Eligible {
            never: self.never_lend.clone(),
            people: self.people_role.clone(),
        };
        Ok(Arc::new(Postgres(Arc::new(Target { server, eligible }))))
    }
}

/// One server.
struct Postgres(Arc<Target>);

struct Target {
    server: Server,
    eligible: Eligible,
}

#[async_trait]
impl Backend for Postgres {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        let target = self.0.clone();
        let Asked {
            role,
            login,
            leftovers,
        } = params::parse(params)?;
        Ok(Box::new(Lent {
            target,
            role,
            kind: login,
            leftovers,
        }))
    }

    async fn tend(&self) -> Result<(), BackendError> {
        let server = &self.0.server;
        server.in_time(server.keep_spare()).await?;
        cleanup::sweep(server).await.map_err(BackendError::from)
    }

    async fn diagnose(&self, layers: &[Params]) -> Result<Diagnosis, BackendError> {
        let layers: Result<Vec<Asked>, InvalidParam> = layers.iter().map(params::parse).collect();
        let layers = layers.map_err(|invalid| BackendError::Fail(invalid.message.into()))?;
        let Target { server, eligible } = &*self.0;
        let work = async {
            let mut session = Session::open(server, Purpose::Revoke, "diagnose").await?;
            let found = diagnose::diagnose(&mut session, server, eligible, &layers).await;
            session.close(found).await
        };
        server.in_time(work).await
    }

    /// Whatever the catalogue has by now.
    async fn managed(&self, _: &[Params]) -> Result<Vec<Managed>, BackendError> {
        let server = &self.0.server;
        let work = async {
            let mut session = Session::open(server, Purpose::Revoke, MANAGED).await?;
            let managed = managed::list(&mut session).await;
            session.close(managed).await
        };
        server.in_time(work).await
    }

    fn recognises(&self, granted: &Receipt, listed: &Receipt) -> bool {
        receipt::are_of_one_access(granted, listed)
    }

    fn are_distinct(&self, one: &Receipt, other: &Receipt) -> bool {
        receipt::are_distinct(one, other)
    }

    async fn revoke_managed(&self, access: &Managed) -> Result<(), BackendError> {
        let server = &self.0.server;
        server.in_time(managed::revoke(server, access)).await
    }
}

/// What the sessions have in common that list what Keylend granted.
const MANAGED: &str = "managed";

/// A role that is lent.
struct Lent {
    target: Arc<Target>,
    role: RoleName,
    kind: LoginKind,
    leftovers: OnLeftovers,
}

/// One layer of one grant, with names that PostgreSQL takes.
struct Access {
    kind: LoginKind,
    login: RoleName,
    role: RoleName,
    /// Whether the scope says that the role may be one that reaches more than data.
    dangerous: bool,
}

impl Access {
    fn of(lent: &Lent, order: &LayerRequest) -> Result<Self, Error> {
        let login = match lent.kind {
            LoginKind::Named => order.username.as_str(),
            LoginKind::Generated => order.handle.as_str(),
        };
        let login = RoleName::try_from(login.to_owned()).map_err(Error::NoSuchName)?;
        Ok(Self {
            kind: lent.kind,
            login,
            role: lent.role.clone(),
            dangerous: order.dangerous,
        })
    }

    async fn inspect(
        &self,
        session: &mut Session<'_>,
        eligible: &Eligible,
    ) -> Result<Inspection, Error> {
        let Self {
            kind,
            login,
            role,
            dangerous,
        } = self;
        let (presence, receipt) = match kind {
            LoginKind::Named => {
                let (presence, known) =
                    named::inspect(session, eligible, login, role, *dangerous).await?;
                (presence, receipt::write(&known, session)?)
            }
            LoginKind::Generated => {
                let (presence, known) =
                    generated::inspect(session, login, role, *dangerous).await?;
                (presence, receipt::write(&known, session)?)
            }
        };
        Ok(Inspection {
            presence,
            receipt: Some(receipt),
        })
    }

    async fn grant(
        &self,
        session: &mut Session<'_>,
        eligible: &Eligible,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, Error> {
        let mut caveat = None;
        let receipt = match (self.kind, password) {
            (LoginKind::Named, _) => {
                let lending = self.named(session, order)?;
                let known = named::grant(session, eligible, &lending).await?;
                caveat = named::caveat(session.version);
                receipt::write(&known, session)?
            }
            (LoginKind::Generated, Some(password)) => {
                let lending = self.generated(session, order)?;
                let known = generated::grant(session, order, &lending, password).await?;
                receipt::write(&known, session)?
            }
            (LoginKind::Generated, None) => {
                return Err(Error::Refused(format!(
                    "the login `{}` is not made without a password",
                    self.login
                )));
            }
        };
        Ok(Granted {
            receipt: Some(receipt),
            caveat,
            ..Granted::default()
        })
    }

    async fn revoke(&self, session: &mut Session<'_>, order: &LayerRequest) -> Result<(), Error> {
        match self.kind {
            LoginKind::Named => named::revoke(session, &self.named(session, order)?).await,
            LoginKind::Generated => {
                generated::revoke(session, &self.generated(session, order)?).await
            }
        }
    }

    async fn status(
        &self,
        session: &mut Session<'_>,
        order: &LayerRequest,
    ) -> Result<Presence, Error> {
        match self.kind {
            LoginKind::Named => named::status(session, &self.named(session, order)?).await,
            LoginKind::Generated => {
                generated::status(session, &self.generated(session, order)?).await
            }
        }
    }

    async fn leftovers(
        &self,
        session: &mut Session<'_>,
        order: &LayerRequest,
        on_leftovers: OnLeftovers,
    ) -> Result<Leftovers, Error> {
        let drop = on_leftovers == OnLeftovers::Drop;
        match self.kind {
            LoginKind::Named => match self.named(session, order)?.known {
                Some(known) => leftovers::find(session, &known.search(drop)).await,
                None => Ok(leftovers::unknown_before()),
            },
            LoginKind::Generated => match self.generated(session, order)?.known {
                Some(known) => leftovers::find(session, &known.search(drop)).await,
                None => Ok(leftovers::unknown_before()),
            },
        }
    }

    fn named(
        &self,
        session: &Session<'_>,
        order: &LayerRequest,
    ) -> Result<named::Lending<'_>, Error> {
        Ok(named::Lending {
            login: &self.login,
            role: &self.role,
            dangerous: self.dangerous,
            known: receipt::read(order.receipt.as_ref(), session)?,
        })
    }

    fn generated(
        &self,
        session: &Session<'_>,
        order: &LayerRequest,
    ) -> Result<generated::Lending<'_>, Error> {
        Ok(generated::Lending {
            login: &self.login,
            role: &self.role,
            dangerous: self.dangerous,
            known: receipt::read(order.receipt.as_ref(), session)?,
        })
    }

    /// What two orders share that stand on the same access, and what is worked on by one at a
    /// time. Quoted, so that no two pairs of names read the same.
    fn name(&self) -> String {
        match self.kind {
            LoginKind::Named => named::access(&self.login, &self.role),
            LoginKind::Generated => self.login.to_string(),
        }
    }
}

#[async_trait]
impl BoundLayer for Lent {
    fn revocation_mode(&self) -> RevocationMode {
        self.kind.revocation()
    }

    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        match Access::of(self, order) {
            Ok(access) => Entitlement::new(access.name()),
            // Nothing is ever made for it, and it shares that with nobody.
            Err(_) => Entitlement::new(order.handle.as_str()),
        }
    }

    fn title(&self) -> Option<String> {
        Some(self.role.to_string())
    }

    fn login(&self, order: &LayerRequest) -> LoginName {
        match Access::of(self, order) {
            Ok(access) if access.kind == LoginKind::Generated => LoginName::New,
            _ => LoginName::Named(order.username.to_string()),
        }
    }

    /// PostgreSQL does not say which session has taken a role with `SET ROLE` and would keep it, so
    /// all sessions of a person's own login end.
    fn interrupts(&self, order: &LayerRequest) -> Option<String> {
        let access = Access::of(self, order).ok()?;
        (access.kind == LoginKind::Named).then(|| access.login.to_string())
    }

    fn connection(&self, order: &LayerRequest) -> Option<Vec<(String, String)>> {
        let access = Access::of(self, order).ok()?;
        if access.kind == LoginKind::Named {
            return None;
        }
        let (host, port, database) = self.target.server.address();
        let lines = [
            ("Host", host.to_owned()),
            ("Port", port.to_string()),
            ("Database", database.to_owned()),
            ("Login", access.login.to_string()),
        ];
        Some(lines.map(|(label, text)| (label.to_owned(), text)).into())
    }

    async fn inspect(&self, order: &LayerRequest) -> Result<Inspection, BackendError> {
        let work = async {
            let access = Access::of(self, order)?;
            let mut session =
                Session::open(&self.target.server, Purpose::Revoke, &access.name()).await?;
            let seen = access.inspect(&mut session, &self.target.eligible).await;
            session.close(seen).await
        };
        self.target.server.in_time(work).await
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        let work = async {
            let access = Access::of(self, order)?;
            let mut session =
                Session::open(&self.target.server, Purpose::Grant, &access.name()).await?;
            let eligible = &self.target.eligible;
            let granted = access.grant(&mut session, eligible, order, password).await;
            session.close(granted).await
        };
        self.target.server.in_time(work).await
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        let work = async {
            let access = match Access::of(self, order) {
                Err(Error::NoSuchName(_)) => return Ok(()),
                access => access?,
            };
            let mut session =
                Session::open(&self.target.server, Purpose::Revoke, &access.name()).await?;
            let revoked = loop {
                match access.revoke(&mut session, order).await {
                    Err(error) if session.tries_again(&error).await => {}
                    done => break done,
                }
            };
            session.close(revoked).await
        };
        self.target.server.in_time(work).await
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        let work = async {
            let access = match Access::of(self, order) {
                Err(Error::NoSuchName(_)) => return Ok(Presence::Absent),
                access => access?,
            };
            let mut session =
                Session::open(&self.target.server, Purpose::Revoke, &access.name()).await?;
            let seen = loop {
                match access.status(&mut session, order).await {
                    Err(error) if session.tries_again(&error).await => {}
                    done => break done,
                }
            };
            session.close(seen).await
        };
        self.target.server.in_time(work).await
    }

    /// Not by the sessions that revoke: nothing that ends waits for this.
    async fn leftovers(&self, order: &LayerRequest) -> Result<Leftovers, BackendError> {
        let server = &self.target.server;
        let work = async {
            let access = match Access::of(self, order) {
                Err(Error::NoSuchName(_)) => return Ok(Leftovers::default()),
                access => access?,
            };
            let name = format!("leftovers:{}", access.name());
            let mut session = Session::open(server, Purpose::Grant, &name).await?;
            let found = access.leftovers(&mut session, order, self.leftovers).await;
            session.close(found).await
        };
        match timeout(leftovers::LIMIT, server.in_time(work)).await {
            Ok(found) => found,
            Err(_) => Err(BackendError::Retry(
                "the search in PostgreSQL took too long".into(),
            )),
        }
    }

    async fn holders(&self) -> Result<Vec<Holder>, BackendError> {
        let server = &self.target.server;
        let work = async {
            let access = format!("holders:{}", self.role.quoted());
            let mut session = Session::open(server, Purpose::Revoke, &access).await?;
            let holders = holders::list(&mut session.connection, &self.role).await;
            session.close(holders).await
        };
        server.in_time(work).await
    }
}
