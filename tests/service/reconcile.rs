//! Access that Keylend granted and that no request in the log explains, as after a restored backup.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use keylend::{
    backend::{Backend, BackendError, BoundLayer, InvalidParam, Managed, Marker},
    domain::{
        Actor, BackendName, Command as Decision, Entitlement, Handle, Params, Parties,
        PlannedGrant, PlannedLayer, Request, RevocationMode, RuleId, Span, UserId,
    },
    reconcile::{self, Outcome, Target, Verdict},
    store::{Database, SqliteStore, access_claim},
};
use tempfile::TempDir;

use super::targets::lending_from;
use crate::{
    story::Story,
    support::{
        fixture::{APPROVALS, DAVE, Fixture, Has as _},
        postgres::Postgres,
    },
};

const BACKEND: &str = r#"
[backends.pg.postgres]
url = { file = "DIR/pg_url" }
"#;

const ROLES: &str = "
    CREATE ROLE app_writer;
    CREATE ROLE alice LOGIN;
    CREATE ROLE bob LOGIN;
    CREATE ROLE carol LOGIN;
    GRANT app_writer TO bob;
    CREATE ROLE keylend LOGIN CREATEROLE PASSWORD 'keylends';
    GRANT app_writer TO keylend WITH ADMIN OPTION;
    GRANT pg_signal_backend, pg_read_all_stats TO keylend";

/// What only Keylend's login can do.
const GRANT_TO_CAROL: &str = "SET ROLE keylend; GRANT app_writer TO carol";

const ALERT: &str = "*Alert* `unexplained_access:pg`";

struct World {
    postgres: Arc<Postgres>,
    fixture: Fixture,
    _folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let postgres = Postgres::start().await;
        postgres.execute(ROLES).await;
        let (fixture, folder) = lending_from(&postgres, BACKEND).await;
        Self {
            postgres: Arc::new(postgres),
            fixture,
            _folder: folder,
        }
    }

    /// What `keylend reconcile` prints, and whether it exits with 0.
    fn reconcile(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
            .arg("reconcile")
            .args(arguments)
            .arg("--config")
            .arg(self.fixture.config_file())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    /// How often the login is in the role.
    async fn memberships(&self, login: &str) -> usize {
        let rows = format!(
            "SELECT 1 FROM pg_auth_members m JOIN pg_roles l ON l.oid = m.member
             JOIN pg_roles r ON r.oid = m.roleid
             WHERE r.rolname = 'app_writer' AND l.rolname = '{login}'"
        );
        self.postgres.query(&rows).await.len()
    }

    /// How many logins there are whose names begin like this.
    async fn logins(&self, prefix: &str) -> usize {
        let rows = format!(
            "SELECT 1 FROM pg_roles WHERE rolcanlogin AND starts_with(rolname, '{prefix}')"
        );
        self.postgres.query(&rows).await.len()
    }

    /// What marks the logins of this Keylend.
    async fn instance(&self) -> String {
        self.fixture.log().await[0].hash[..32].to_owned()
    }

    /// A login that looks as if Keylend had made it, made by this role.
    async fn makes(&self, by: &str, login: &str, comment: &str) {
        self.postgres
            .execute(&format!(
                "SET ROLE {by}; CREATE ROLE {login} LOGIN; GRANT app_writer TO {login};
                 GRANT {login} TO keylend; COMMENT ON ROLE {login} IS '{comment}'"
            ))
            .await;
    }

    /// The target alone, without a service.
    fn target(&self) -> Target {
        let name = BackendName::new("pg");
        let backends = self.fixture.config().backends;
        let backend = backends[&name].build(&name, self.fixture.clock.clone());
        Target {
            backend: backend.unwrap(),
            name,
            layers: Vec::new(),
        }
    }

    /// The store alone, without a service.
    async fn story(&self) -> Story {
        let store = SqliteStore::open(
            &self.fixture.database(),
            &keylend::store::StoreKey::derive(&[0x5e; 32]),
        )
        .await
        .unwrap();
        Story {
            store: Arc::new(store),
            clock: self.fixture.clock.clone(),
        }
    }
}

/// The files of a SQLite store.
fn files(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        name.into()
    })
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
        _ => {}
    }
}

fn comment(instance: &str, login: &str) -> String {
    let request = &login["jit_".len()..login.len() - "_0".len()];
    format!(
        "Lent by Keylend: role \"app_writer\" (16384), to dave for pg:login, instance {instance}, \
         request {request}"
    )
}

#[tokio::test]
async fn access_from_after_the_backup_is_reported_at_the_start_and_revoked_on_command() {
    let mut world = World::start().await;
    world.fixture.granted("request pg:login 30m").await;
    let backup = tempfile::tempdir().unwrap();
    world.fixture.stop().await;
    let database = world.fixture.database();
    for file in files(&database).iter().filter(|file| file.exists()) {
        fs::copy(file, backup.path().join(file.file_name().unwrap())).unwrap();
    }
    world.fixture.boot().await;
    world.fixture.granted("request pg:write 30m").await;
    let fixture = &world.fixture;
    let before = fixture.sim.messages(APPROVALS).len();
    fixture.jit(DAVE, "request pg:login 30m").await;
    let card = fixture
        .in_time(|sim| {
            let mut cards = sim.messages(APPROVALS).into_iter().skip(before);
            cards.find(|card| card.has("approve"))
        })
        .await;
    fixture.bob().click(&card, "approve").await;
    fixture
        .in_time(|_| fixture.grants(DAVE).into_iter().next())
        .await;
    assert_eq!(world.logins("jit_").await, 2);
    let (well, listed) = world.reconcile(&["pg"]);
    assert!(well, "{listed}");

    world.fixture.stop().await;
    files(&database).iter().for_each(|file| remove(file));
    for file in fs::read_dir(backup.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), database.with_file_name(file.file_name())).unwrap();
    }
    world.fixture.boot().await;
    let alert = world.fixture.audited(ALERT).await;
    for words in ["keylend reconcile pg", "alice (role app_writer)", "jit_"] {
        assert!(alert.says(words), "{alert:?}");
    }
    let (_, page) = world.fixture.page("/readyz").await;
    assert!(page.contains("\"unexplained_access:pg\""), "{page}");
    // Nothing is revoked by itself, and a look changes nothing.
    let (well, listed) = world.reconcile(&["pg"]);
    assert!(!well, "{listed}");
    let why = "granted by Keylend, but no request explains it";
    assert!(
        listed.contains(&format!("alice, role app_writer: {why}")),
        "{listed}"
    );
    assert_eq!(listed.matches(why).count(), 2, "{listed}");
    assert_eq!(world.memberships("alice").await, 1);
    // The store belongs to the service.
    let (well, refused) = world.reconcile(&["--apply", "pg"]);
    assert!(!well && refused.contains("in use"), "{refused}");

    world.fixture.stop().await;
    let (well, applied) = world.reconcile(&["--apply", "pg"]);
    assert!(well, "{applied}");
    assert_eq!(
        applied.matches("revoked: removal confirmed").count(),
        2,
        "{applied}"
    );
    assert_eq!(world.memberships("alice").await, 0);
    // The one that the backup knows of stays.
    assert_eq!(world.logins("jit_").await, 1);
    let kinds = world.fixture.kinds().await;
    let once = ["unexplained_revocation_started", "unexplained_revoked"];
    assert_eq!(kinds[kinds.len() - 4..], [once, once].concat());
    let log = serde_json::to_value(world.fixture.log().await).unwrap();
    let started = log.as_array().unwrap().iter().rev().nth(3).unwrap();
    let operator = started["body"]["operator"].as_str().unwrap();
    assert!(operator.contains("uid "), "{started}");
    let (well, listed) = world.reconcile(&["--apply", "pg"]);
    assert!(well, "{listed}");
    let all = "pg: requests explain all access that Keylend granted";
    assert!(listed.contains(all), "{listed}");
    world.fixture.boot().await;
    world.fixture.audited("is being revoked by").await;
}

#[tokio::test]
async fn reconcile_leaves_access_that_somebody_else_granted() {
    let mut world = World::start().await;
    world.fixture.granted("request pg:write 30m").await;
    let own = world.instance().await;
    let (theirs, forged, bare) = ("jit_1ng1zfb8mk0v_0", "jit_1ng1zfb8mk0w_0", "jit_bare_0");
    let other = "0123456789abcdef0123456789abcdef";
    world
        .makes("keylend", theirs, &comment(other, theirs))
        .await;
    // Whoever may create roles can write the same beside their own.
    world
        .makes("postgres", forged, &comment(&own, forged))
        .await;
    let (well, listed) = world.reconcile(&["pg"]);
    assert!(well, "{listed}");
    assert!(
        listed.contains(&format!("left alone: granted by another Keylend ({other})")),
        "{listed}"
    );
    for name in ["bob", "alice", forged] {
        assert!(!listed.contains(name), "{listed}");
    }
    world.makes("keylend", bare, "an experiment").await;
    world.fixture.stop().await;
    let (well, listed) = world.reconcile(&["--apply", "pg"]);
    assert!(!well, "{listed}");
    assert!(
        listed.contains("its comment does not say which Keylend. Revoke it by hand"),
        "{listed}"
    );
    for login in [theirs, forged, bare, "alice", "bob"] {
        assert_eq!(world.logins(login).await, 1, "{login}");
        assert_eq!(world.memberships(login).await, 1, "{login}");
    }
    assert!(
        !world
            .fixture
            .kinds()
            .await
            .iter()
            .any(|kind| kind.starts_with("unexplained"))
    );
}

#[tokio::test]
async fn access_under_another_name_than_the_log_has_is_explained_by_its_number() {
    let world = World::start().await;
    world.fixture.granted("request pg:write 30m").await;
    world.fixture.granted("request pg:login 30m").await;
    world
        .postgres
        .execute(
            "ALTER ROLE alice RENAME TO alicia; ALTER ROLE app_writer RENAME TO writer;
             DO $$ BEGIN EXECUTE (SELECT format('ALTER ROLE %I RENAME TO jit_renamed', rolname)
                 FROM pg_roles WHERE starts_with(rolname, 'jit_')); END $$",
        )
        .await;
    let (well, listed) = world.reconcile(&["pg"]);
    assert!(well, "{listed}");
}

#[tokio::test]
async fn the_alert_comes_when_the_target_is_back_and_clears_when_the_access_is_gone() {
    let world = World::start().await;
    let fixture = &world.fixture;
    world.postgres.stop().await;
    for _ in 0..20 {
        fixture.clock.advance(Duration::from_secs(6));
        fixture.page("/healthz").await;
    }
    world.postgres.start_again().await;
    world.postgres.execute(GRANT_TO_CAROL).await;
    fixture.audited(ALERT).await;
    world
        .postgres
        .execute("SET ROLE keylend; REVOKE app_writer FROM carol")
        .await;
    fixture.audited("*Cleared* `unexplained_access:pg`").await;
}

#[tokio::test]
async fn a_log_whose_chain_is_broken_revokes_nothing() {
    let mut world = World::start().await;
    world.fixture.granted("request pg:write 30m").await;
    world.postgres.execute(GRANT_TO_CAROL).await;
    world.fixture.stop().await;
    let url = format!("sqlite://{}", world.fixture.database().display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    for statement in [
        "DROP TRIGGER events_are_not_updated",
        "UPDATE events SET actor = 'keylend' WHERE seq = 1",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::Connection::close(connection).await.unwrap();
    let (well, refused) = world.reconcile(&["--apply", "pg"]);
    assert!(!well && refused.contains("is broken"), "{refused}");
    assert_eq!(world.memberships("carol").await, 1);
}

/// Approves what somebody asked for: from here on the access may appear at any moment.
async fn approve(story: &Story, request: &mut Request) {
    let login = request.username.clone();
    let layer = PlannedLayer {
        backend: BackendName::new("pg"),
        params: Params::new(),
        handle: Handle::new(format!("jit_{}_0", request.id)),
        revocation: RevocationMode::Call,
        late_effects: Span::default(),
        title: None,
        entitlement: Entitlement::new(format!("pg/member:\"{login}\":\"app_writer\"")),
    };
    let approve = Decision::Approve {
        by: Actor::Person(UserId::new("U0BOB")),
        rules: vec![RuleId::new("approver-group")],
        revision: request.revision,
        parties: Parties::default(),
        grant: PlannedGrant {
            layers: vec![layer],
            ..PlannedGrant::default()
        },
    };
    story.tell(request, approve).await;
}

#[tokio::test]
async fn access_that_is_being_granted_is_neither_reported_nor_revoked() {
    let mut world = World::start().await;
    world.fixture.stop().await;
    let (story, target) = (world.story().await, world.target());
    let store: &dyn Database = &*story.store;
    world.postgres.execute(GRANT_TO_CAROL).await;
    let found = reconcile::find(&target, store).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].verdict, Verdict::Unexplained);
    let access = &found[0].access;
    assert_eq!(
        (access.holder.as_str(), &access.marker),
        ("carol", &Marker::Account)
    );

    let revoke = async || {
        let clock = &*world.fixture.clock;
        reconcile::revoke(&target, store, clock, access, "test")
            .await
            .unwrap()
    };
    // A replica grants or revokes it at this moment.
    let name = access_claim(&access.entitlement.in_target(&target.name));
    let claim = store.claim(&name).await.unwrap();
    assert_eq!(revoke().await, Outcome::Busy);
    drop(claim);
    // The intent is in the log, and nothing else of it yet.
    let mut request = story.ask("carol", "pg:write", 30, "writes fail").await;
    approve(&story, &mut request).await;
    assert_eq!(revoke().await, Outcome::Explained);
    assert_eq!(reconcile::find(&target, store).await.unwrap(), []);
    assert_eq!(world.memberships("carol").await, 1);
    let kinds = world.fixture.kinds().await;
    assert_eq!(kinds, ["requested", "approved"]);
}

/// A target in which something happens between the first look at it and the look at the log.
struct Meanwhile {
    target: Arc<dyn Backend>,
    postgres: Arc<Postgres>,
    happens: Mutex<Option<&'static str>>,
}

#[async_trait]
impl Backend for Meanwhile {
    fn bind(&self, params: &Params) -> Result<Box<dyn BoundLayer>, InvalidParam> {
        self.target.bind(params)
    }

    async fn managed(&self, layers: &[Params]) -> Result<Vec<Managed>, BackendError> {
        let managed = self.target.managed(layers).await;
        let happens = self.happens.lock().unwrap().take();
        if let Some(statements) = happens {
            self.postgres.execute(statements).await;
        }
        managed
    }
}

#[tokio::test]
async fn access_that_is_revoked_while_somebody_looks_is_not_reported() {
    let mut world = World::start().await;
    world.fixture.stop().await;
    let story = world.story().await;
    world.postgres.execute(GRANT_TO_CAROL).await;
    let target = Target {
        backend: Arc::new(Meanwhile {
            target: world.target().backend,
            postgres: world.postgres.clone(),
            happens: Mutex::new(Some("SET ROLE keylend; REVOKE app_writer FROM carol")),
        }),
        ..world.target()
    };
    assert_eq!(reconcile::find(&target, &*story.store).await.unwrap(), []);
}
