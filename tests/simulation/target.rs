//! The targets: they know who holds what, and they fail, hang, lose answers, act late, or say that
//! they are still at work.
//!
//! One thing is taken for granted: an order that was sent is carried out, if ever, before a later
//! order for the same piece of access. A database's locks and a queue in front of an API give that;
//! against a target without it no broker could say "ended". Tokens are the exception: an order for one
//! that was not answered may act after later ones, but no later than the target says.
//!
//! What ends by itself is a certificate, which nothing else ends.
//!
//! Roles are given to people's own logins, which a target numbers: the receipt of an inspection has the
//! number, and whose grant Keylend's would be. A login that was renamed is found by its number alone.
//! What others give is theirs: an order says by its receipt that it is about Keylend's own, and one that
//! does not is about everybody's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    backend::{
        Backend, BackendError, BoundLayer, Granted, Inspection, InvalidParam, LayerRequest,
        Presence,
    },
    clock::Clock as _,
    domain::{Entitlement, Handle, Params, Receipt, RevocationMode, Span, Time},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Notify, time::sleep};

use crate::{
    clocks::APART,
    referee::Referee,
    seed::{Rng, VirtualClock},
    story::{Story, promised},
};

/// The role that comes with a receipt, and of which an order may be late.
pub(crate) const TOKEN: &str = "token";

/// The role that only a time limit ends.
pub(crate) const CERTIFICATE: &str = "certificate";

/// What a receipt has before the number of a login.
pub(crate) const LOGIN: &str = "login:";

/// What a receipt has if only what Keylend gave is meant.
pub(crate) const OWN: &str = "given-by-keylend";

/// Who carries out what waited in a queue.
const LATELY: &str = "late";

/// How long an order for a token may be late.
const LATE: Span = Span::seconds(60);

/// What the target says of that. Keylend counts it by clocks that may differ: from when one replica noted
/// the order to when another says that the access is gone. So the target says as much more.
const SAID_LATE: Span = Span::seconds(LATE.as_seconds() + APART.as_seconds());

/// How a target is, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Mostly well.
    Well,
    /// It cannot be reached.
    Away,
    /// It says no for good.
    Refusing,
    /// It does not answer.
    Hanging,
    /// It acts, and its answers are lost, or it acts late.
    Forgetful,
    /// It takes orders, and says that they are pending until it has acted.
    Busy,
}

/// One target, whoever asks it.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    clock: VirtualClock,
    rng: Arc<Rng>,
    story: Arc<Story>,
    inside: Mutex<Inside>,
    /// Tells what hangs that it is cut off, since the target is started anew. A `watch` would tell them in an
    /// order that differs from run to run.
    restarts: Notify,
}

struct Inside {
    mood: Mood,
    holders: BTreeSet<Entitlement>,
    /// What others have given. Whether it can be used makes no difference: it counts for nothing.
    given: BTreeSet<Entitlement>,
    /// The logins that have another name now, by the one that they had.
    renamed: BTreeSet<String>,
    /// What is still on its way, by the access that it is for.
    late: BTreeMap<Entitlement, Vec<Late>>,
    passwords: BTreeSet<String>,
    /// When certificates end.
    ends: BTreeMap<Entitlement, Time>,
    /// What the last order to grant was answered with, by handle; nothing if no answer was heard.
    answered: BTreeMap<Handle, Receipt>,
}

type Late = (bool, LayerRequest);

/// A target as one replica reaches it.
#[derive(Clone)]
pub(crate) struct Reached {
    pub(crate) target: Arc<Target>,
    pub(crate) referee: Arc<Referee>,
    pub(crate) replica: &'static str,
}

impl Inside {
    fn is_valid(&self, held: &Entitlement, now: Time) -> bool {
        self.ends.get(held).is_none_or(|end| now < *end)
    }
}

impl Target {
    pub(crate) fn new(
        name: &'static str,
        clock: VirtualClock,
        rng: Arc<Rng>,
        story: Arc<Story>,
    ) -> Arc<Self> {
        let inside = Inside {
            mood: Mood::Well,
            holders: BTreeSet::new(),
            given: BTreeSet::new(),
            renamed: BTreeSet::new(),
            late: BTreeMap::new(),
            passwords: BTreeSet::new(),
            ends: BTreeMap::new(),
            answered: BTreeMap::new(),
        };
        Arc::new(Self {
            name,
            clock,
            rng,
            story,
            inside: Mutex::new(inside),
            restarts: Notify::new(),
        })
    }

    /// Access to this target, and to no other.
    pub(crate) fn entitlement(&self, role: &str, whose: &str) -> Entitlement {
        Entitlement::new(format!("{}/{role}/{whose}", self.name))
    }

    /// What the last order to grant this was answered with, if the answer was heard.
    pub(crate) fn answered(&self, handle: &Handle) -> Option<Receipt> {
        self.inside.lock().unwrap().answered.get(handle).cloned()
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.story
            .tell(format_args!("~~ {} is {mood:?}", self.name));
        self.inside.lock().unwrap().mood = mood;
    }

    pub(crate) fn restart(&self) {
        self.story
            .tell(format_args!("~~ {} is started anew", self.name));
        self.restarts.notify_waiters();
    }

    /// Access that somebody has without Keylend.
    pub(crate) fn admit(&self, entitlement: Entitlement) {
        self.inside.lock().unwrap().holders.insert(entitlement);
    }

    pub(crate) fn holders(&self) -> BTreeSet<Entitlement> {
        let (now, inside) = (self.clock.now(), self.inside.lock().unwrap());
        let is_valid = |held: &&Entitlement| inside.is_valid(held, now);
        inside.holders.iter().filter(is_valid).cloned().collect()
    }

    /// Somebody else gives access, or takes back what others gave.
    pub(crate) fn others_give(&self, access: Entitlement, is_given: bool) {
        let give = if is_given { "give" } else { "take back" };
        self.story.tell(format_args!("~~ others {give} {access}"));
        let mut inside = self.inside.lock().unwrap();
        match is_given {
            true => inside.given.insert(access),
            false => inside.given.remove(&access),
        };
    }

    /// Somebody renames a login, or gives it its name back.
    pub(crate) fn renames(&self, login: &str, is_renamed: bool) {
        let to = if is_renamed { "another" } else { "its own" };
        self.story
            .tell(format_args!("~~ {login} has {to} name in {}", self.name));
        let mut inside = self.inside.lock().unwrap();
        match is_renamed {
            true => inside.renamed.insert(login.to_owned()),
            false => inside.renamed.remove(login),
        };
    }

    /// Whether the access is there, of Keylend or, if so, of anybody.
    fn shows(&self, access: &Entitlement, of_anybody: bool) -> Presence {
        let is_given = || self.inside.lock().unwrap().given.contains(access);
        match self.holders().contains(access) || of_anybody && is_given() {
            true => Presence::Present,
            false => Presence::Absent,
        }
    }

    /// Whether `text` gives a password away.
    pub(crate) fn gives_away(&self, text: &str) -> bool {
        let inside = self.inside.lock().unwrap();
        inside
            .passwords
            .iter()
            .any(|password| text.contains(password))
    }

    fn carry_out(
        &self,
        referee: &Referee,
        who: &str,
        make: bool,
        entitlement: &Entitlement,
        order: &LayerRequest,
    ) {
        let of_anybody = is_of_anybody(order);
        let was_given = {
            let mut inside = self.inside.lock().unwrap();
            match make {
                true => inside.holders.insert(entitlement.clone()),
                false => inside.holders.remove(entitlement),
            };
            let was_given = !make && of_anybody && inside.given.remove(entitlement);
            if make && role_of(entitlement) == CERTIFICATE {
                // Now and then it is not given for as long as it was asked for, if that can be answered.
                let sooner = match who != LATELY && self.rng.once_in(4) {
                    true => Span::seconds(20).before(order.expires_at),
                    false => order.expires_at,
                };
                inside.ends.insert(entitlement.clone(), sooner);
            }
            was_given
        };
        let did = if make { "makes" } else { "takes back" };
        self.story.tell(format_args!(
            "   {} {did} {entitlement} for {} ({who})",
            self.name, order.request
        ));
        self.story.check(promised(9, !was_given, || {
            format!(
                "{} takes back what others gave of {entitlement}",
                order.request
            )
        }));
        if make {
            self.story.check(referee.made(order));
        }
    }

    fn catch_up(&self, referee: &Referee, entitlement: &Entitlement) {
        let late = self.inside.lock().unwrap().late.remove(entitlement);
        for (make, order) in late.into_iter().flatten() {
            self.carry_out(referee, LATELY, make, entitlement, &order);
        }
    }
}

/// One layer in it.
struct RoleLayer {
    reached: Reached,
    role: String,
}

impl Backend for Reached {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        Ok(Box::new(RoleLayer {
            reached: self.clone(),
            role: params["role"].as_str().expect("a role").to_owned(),
        }))
    }
}

impl Reached {
    /// Takes an order through everything that can go wrong with it.
    /// The answer is how it was when the target looked.
    async fn ask(
        &self,
        entitlement: Entitlement,
        order: &LayerRequest,
        make: Option<bool>,
    ) -> Result<Presence, BackendError> {
        let Target { rng, inside, .. } = &*self.target;
        let act = || {
            self.target.catch_up(&self.referee, &entitlement);
            if let Some(make) = make {
                self.target
                    .carry_out(&self.referee, self.replica, make, &entitlement, order);
            }
            self.target.shows(&entitlement, is_of_anybody(order))
        };
        let retry = |why: &str| Err(BackendError::Retry(why.into()));
        let restarted = self.target.restarts.notified();
        sleep(rng.millis(1..400)).await;
        let is_token_granted = make == Some(true) && role_of(&entitlement) == TOKEN;
        let mood = match inside.lock().unwrap().mood {
            Mood::Well if is_token_granted && rng.once_in(3) => Mood::Forgetful,
            Mood::Well if rng.once_in(12) => {
                rng.pick(&[Mood::Away, Mood::Hanging, Mood::Forgetful, Mood::Busy])
            }
            mood => mood,
        };
        match mood {
            Mood::Well => {
                // Before or after the answer is on its way: a crash may fall in between.
                if rng.once_in(2) {
                    sleep(rng.millis(1..3_000)).await;
                }
                if rng.once_in(10) {
                    sleep(rng.millis(1..30_000)).await;
                }
                let seen = act();
                sleep(rng.millis(1..400)).await;
                Ok(seen)
            }
            Mood::Away => retry("no connection"),
            Mood::Refusing => Err(BackendError::Fail("no such role".into())),
            Mood::Hanging => {
                if rng.once_in(2) {
                    act();
                }
                let hangs = sleep(rng.millis(5_000..90_000));
                tokio::select! {
                    biased;
                    () = restarted => retry("the connection was cut off"),
                    () = hangs => retry("the connection broke"),
                }
            }
            Mood::Forgetful => {
                let is_late = rng.once_in(2);
                if is_token_granted {
                    self.stray(entitlement, order);
                } else if let (true, Some(make)) = (is_late, make) {
                    self.postpone(entitlement, make, order, rng.millis(1..20_000));
                } else {
                    act();
                }
                sleep(Duration::from_millis(50)).await;
                retry("the answer was lost")
            }
            Mood::Busy => {
                let retry_after = rng.once_in(2).then(|| rng.millis(1..20_000));
                if let Some(make) = make {
                    // Longer than the worker has patience, now and then.
                    let most = if rng.once_in(4) { 400_000 } else { 60_000 };
                    self.postpone(entitlement, make, order, rng.millis(1..most));
                } else if !inside.lock().unwrap().late.contains_key(&entitlement) {
                    return Ok(act());
                }
                Err(BackendError::Pending { retry_after })
            }
        }
    }

    /// Carries an order for a token out later, whatever comes in between.
    fn stray(&self, entitlement: Entitlement, order: &LayerRequest) {
        let late = self
            .target
            .rng
            .millis(1..u64::from(LATE.as_seconds()) * 1_000);
        let (reached, order) = (self.clone(), order.clone());
        tokio::spawn(async move {
            sleep(late).await;
            let Self {
                target, referee, ..
            } = &reached;
            target.carry_out(referee, "astray", true, &entitlement, &order);
        });
    }

    /// Carries the order out after so long, or right before the next one for the same access.
    fn postpone(
        &self,
        entitlement: Entitlement,
        make: bool,
        order: &LayerRequest,
        lateness: Duration,
    ) {
        self.target.catch_up(&self.referee, &entitlement);
        let mut inside = self.target.inside.lock().unwrap();
        let late = inside.late.entry(entitlement.clone()).or_default();
        late.push((make, order.clone()));
        drop(inside);
        let (target, referee) = (self.target.clone(), self.referee.clone());
        tokio::spawn(async move {
            sleep(lateness).await;
            target.catch_up(&referee, &entitlement);
        });
    }
}

#[async_trait]
impl BoundLayer for RoleLayer {
    fn revocation_mode(&self) -> RevocationMode {
        revocation_mode(&self.role)
    }

    /// Other targets call theirs the same.
    fn entitlement(&self, order: &LayerRequest) -> Entitlement {
        Entitlement::new(format!("{}/{}", self.role, self.whose(order)))
    }

    fn late_effects(&self) -> Span {
        match self.role == TOKEN {
            true => SAID_LATE,
            false => Span::default(),
        }
    }

    fn connection(&self, _: &LayerRequest) -> Option<Vec<(String, String)>> {
        let comes_with_one = self.role == "owner";
        comes_with_one.then(|| vec![("Host".to_owned(), "db.example.com".to_owned())])
    }

    async fn inspect(&self, order: &LayerRequest) -> Result<Inspection, BackendError> {
        let login = self.login(order).ok_or_else(no_such_login)?;
        let receipt = self.is_of_login().then(|| {
            let receipt = format!("{LOGIN}{login} {OWN}");
            Receipt::try_from(receipt).expect("a receipt")
        });
        let presence = self.ask(order, None).await?;
        Ok(Inspection { presence, receipt })
    }

    async fn grant(
        &self,
        order: &LayerRequest,
        password: Option<&SecretString>,
    ) -> Result<Granted, BackendError> {
        if let Some(password) = password {
            let mut inside = self.reached.target.inside.lock().unwrap();
            inside.passwords.insert(password.expose_secret().to_owned());
        }
        let target = &self.reached.target;
        let answered = || target.inside.lock().unwrap();
        answered().answered.remove(&order.handle);
        self.ask(order, Some(true)).await?;
        let mut granted = Granted::default();
        if self.role == TOKEN {
            let receipt = format!("{} as of {}", order.handle, order.generation);
            let receipt = Receipt::try_from(receipt).expect("a receipt");
            answered()
                .answered
                .insert(order.handle.clone(), receipt.clone());
            granted.receipt = Some(receipt);
        }
        if self.role == CERTIFICATE {
            let access = self.access(order).expect("a certificate needs no login");
            granted.ends_at = answered().ends.get(&access).copied();
        }
        Ok(granted)
    }

    async fn revoke(&self, order: &LayerRequest) -> Result<(), BackendError> {
        let is_ended = self.role != CERTIFICATE;
        self.reached.target.story.check(promised(4, is_ended, || {
            format!("{} revokes a certificate", order.request)
        }));
        self.ask(order, Some(false)).await.map(drop)
    }

    async fn status(&self, order: &LayerRequest) -> Result<Presence, BackendError> {
        self.ask(order, None).await
    }
}

impl RoleLayer {
    async fn ask(
        &self,
        order: &LayerRequest,
        make: Option<bool>,
    ) -> Result<Presence, BackendError> {
        let Reached {
            target, referee, ..
        } = &self.reached;
        if !self.is_of_login() {
            target.story.check(referee.carries(order));
        }
        match (self.access(order), make) {
            (Some(access), _) => self.reached.ask(access, order, make).await,
            (None, Some(true)) => Err(no_such_login()),
            (None, _) => Ok(Presence::Absent),
        }
    }

    /// What the order is about; nothing if there is no such login.
    fn access(&self, order: &LayerRequest) -> Option<Entitlement> {
        let login = self.login(order)?;
        Some(self.reached.target.entitlement(&self.role, &login))
    }

    /// Whose access it is: a login by its number or, where that is not known, by its name.
    fn login(&self, order: &LayerRequest) -> Option<String> {
        if !self.is_of_login() {
            return Some(self.whose(order).to_owned());
        }
        let receipt = order.receipt.as_ref().map_or("", Receipt::as_str);
        let number = receipt.split(' ').find_map(|it| it.strip_prefix(LOGIN));
        let name = || {
            let inside = self.reached.target.inside.lock().unwrap();
            let name = self.whose(order);
            (!inside.renamed.contains(name)).then_some(name)
        };
        number.or_else(name).map(str::to_owned)
    }

    /// A token or certificate is one grant's own.
    fn whose<'a>(&self, order: &'a LayerRequest) -> &'a str {
        match self.is_of_login() {
            true => order.username.as_str(),
            false => order.handle.as_str(),
        }
    }

    fn is_of_login(&self) -> bool {
        is_of_login(&self.role)
    }
}

/// Whether access of this role is given to a person's own login.
pub(crate) fn is_of_login(role: &str) -> bool {
    ![TOKEN, CERTIFICATE].contains(&role)
}

/// Whether an order is about what others gave, too.
fn is_of_anybody(order: &LayerRequest) -> bool {
    let receipt = order.receipt.as_ref().map(Receipt::as_str);
    receipt.is_some_and(|it| it.starts_with(LOGIN) && !it.ends_with(OWN))
}

fn no_such_login() -> BackendError {
    BackendError::Fail("there is no such login".into())
}

/// How access of this role ends.
pub(crate) fn revocation_mode(role: &str) -> RevocationMode {
    match role {
        CERTIFICATE => RevocationMode::TimeLimit,
        _ => RevocationMode::Call,
    }
}

fn role_of(entitlement: &Entitlement) -> &str {
    entitlement.as_str().split('/').nth(1).unwrap_or_default()
}
