//! A private PostgreSQL server: on a free port of 127.0.0.1, in a temporary folder, gone with the
//! demo.
//!
//! A shell keeps the server. It reads from a pipe that only the demo holds open, so it also ends the
//! server and removes the folder when the demo is killed.
//!
//! `POSTGRES_BIN` names the folder of the server's programs. Without it, the newest version is taken
//! that is on the `PATH` or where Debian, Red Hat or Homebrew install it.

use std::{
    env, fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use keylend::{clock::SystemEntropy, vault::generate_password};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::Mutex,
    time::timeout,
};

use crate::{company, database::Member};

/// The oldest version that Keylend works with.
const OLDEST: u32 = 15;

/// How long starting and stopping may take, each.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often another port is tried if somebody takes the one that was free.
const ATTEMPTS: usize = 3;

/// `nobody`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65_534;

/// Where packages put the programs, besides the `PATH`.
const FOLDERS: [&str; 4] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
];

/// Runs the server until standard input ends, then removes its folder.
const KEEPER: &str = r#"
bin=$1 dir=$2 port=$3
"$bin/postgres" -D "$dir/data" -p "$port" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=16MB \
    -c logging_collector=off -c log_destination=stderr -c lc_messages=C &
server=$!
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$dir"
"#;

/// The roles that Keylend grants, and its login, as the page of this target says to make it.
const ROLES: &str = "
    CREATE ROLE app_writer;
    CREATE ROLE app_reader;
    GRANT pg_signal_backend, pg_read_all_stats TO keylend;
    GRANT app_writer, app_reader TO keylend WITH ADMIN OPTION;
";

const TABLES: &str = "
    REVOKE TEMP ON DATABASE app FROM PUBLIC;
    CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, status text NOT NULL);
    INSERT INTO orders
    SELECT id, 'customer ' || id, CASE WHEN id % 3 = 0 THEN 'stuck' ELSE 'sent' END
    FROM generate_series(1, 30) AS id;
    GRANT SELECT, UPDATE ON orders TO app_writer;
    GRANT SELECT ON orders TO app_reader;
";

const MEMBERS: &str = "
    SELECT member.rolname::text, role.rolname::text
    FROM pg_auth_members
    JOIN pg_roles AS role ON role.oid = roleid
    JOIN pg_roles AS member ON member.oid = pg_auth_members.member
    WHERE role.rolname IN ('app_writer', 'app_reader') AND member.rolname <> 'keylend'
    ORDER BY 1, 2
";

const SESSIONS: &str = "
    SELECT usename::text, application_name, coalesce(state, '')
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND usename NOT IN ('postgres', 'keylend')
    ORDER BY backend_start
";

/// A running server. Dropping it ends it, a moment later.
pub struct Postgres {
    bin: PathBuf,
    version: u32,
    port: u16,
    /// The passwords of Keylend's login and of Alice's.
    keylend: SecretString,
    person: SecretString,
    superuser: PgPool,
    keeper: Mutex<Child>,
}

/// Somebody who is connected.
#[derive(Serialize)]
pub struct Session {
    login: String,
    program: String,
    state: String,
}

impl Postgres {
    /// Makes a server and starts it.
    ///
    /// # Errors
    ///
    /// If no program is found, or it does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let (version, bin) = find().await.context("Found no PostgreSQL 15 or later")?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Self::start_in(&bin, version).await {
                Err(error) if attempts == ATTEMPTS => {
                    return Err(error.context(format!("PostgreSQL {version} did not start")));
                }
                Err(_) => {}
                Ok(server) => return Ok(server),
            }
        }
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    /// The command with which Alice connects.
    pub fn psql(&self) -> String {
        let url = self.url(company::DATABASE_USER, &self.person);
        let installed = self.bin.join("psql");
        let is_on_path = search_path().any(|folder| folder.join("psql").exists());
        match installed.exists() && !is_on_path {
            true => format!("{} '{url}'", installed.display()),
            false => format!("psql '{url}'"),
        }
    }

    /// The URL with which Keylend connects.
    pub fn keylend_url(&self) -> String {
        format!("{}?sslmode=disable", self.url("keylend", &self.keylend))
    }

    /// Who has a role, and who is connected.
    pub async fn look(&self) -> sqlx::Result<(Vec<Member>, Vec<Session>)> {
        let members: Vec<(String, String)> =
            sqlx::query_as(MEMBERS).fetch_all(&self.superuser).await?;
        let sessions: Vec<(String, String, String)> =
            sqlx::query_as(SESSIONS).fetch_all(&self.superuser).await?;
        let members = members.into_iter();
        let sessions = sessions.into_iter();
        Ok((
            members
                .map(|(login, role)| Member { login, role })
                .collect(),
            sessions
                .map(|(login, program, state)| Session {
                    login,
                    program,
                    state,
                })
                .collect(),
        ))
    }

    /// Stops the server, and waits until its folder is gone.
    pub async fn stop(&self) {
        self.superuser.close().await;
        let mut keeper = self.keeper.lock().await;
        drop(keeper.stdin.take());
        // What does not end in time is left to the keeper.
        let _ = timeout(PATIENCE, keeper.wait()).await;
    }

    fn url(&self, login: &str, password: &SecretString) -> String {
        let (port, password) = (self.port, password.expose_secret());
        format!("postgres://{login}:{password}@127.0.0.1:{port}/app")
    }

    async fn start_in(bin: &Path, version: u32) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("keylend-demo-postgres-")
            .tempdir()?;
        let [superuser, keylend, person] = [(); 3].map(|()| generate_password(&SystemEntropy));
        initialise(bin, folder.path(), &superuser).await?;
        let port = free_port().await?;
        let mut keeper = unprivileged(Path::new("sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(bin)
            .arg(folder.path())
            .arg(port.to_string())
            .current_dir("/")
            // Ctrl-C is for the demo; the keeper ends after it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        // From here on, the keeper removes it.
        let _ = folder.keep();
        timeout(PATIENCE, ready(&mut keeper))
            .await
            .context("the server took too long")??;
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(port)
            .username("postgres")
            .password(superuser.expose_secret())
            .ssl_mode(PgSslMode::Disable);
        set_up(&options, &keylend, &person).await?;
        let superuser = PgPoolOptions::new()
            .max_connections(2)
            .connect_with(options.database("app"))
            .await?;
        Ok(Self {
            bin: bin.to_owned(),
            version,
            port,
            keylend,
            person,
            superuser,
            keeper: Mutex::new(keeper),
        })
    }
}

/// Makes the server's files in `folder`.
async fn initialise(bin: &Path, folder: &Path, password: &SecretString) -> anyhow::Result<()> {
    let password_file = folder.join("password");
    fs::write(&password_file, password.expose_secret())?;
    if rustix::process::geteuid().is_root() {
        for path in [folder, &password_file] {
            chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
    }
    let output = unprivileged(&bin.join("initdb"))
        .args(["--no-sync", "--no-locale", "--encoding=UTF8"])
        .args(["--username=postgres", "--auth=scram-sha-256", "--pwfile"])
        .arg(password_file)
        .arg("--pgdata")
        .arg(folder.join("data"))
        .current_dir("/")
        .kill_on_drop(true)
        .output()
        .await
        .context("initdb cannot be run")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.lines().last().unwrap_or("initdb failed"));
    }
    Ok(())
}

/// Waits until the server takes connections, and reads what it says from then on.
async fn ready(keeper: &mut Child) -> anyhow::Result<()> {
    let stderr = keeper.stderr.take().context("standard error is piped")?;
    let mut lines = BufReader::new(stderr).lines();
    loop {
        let line = lines.next_line().await?.context("the server ended")?;
        if line.contains("FATAL") {
            bail!("{line}");
        }
        if line.contains("database system is ready to accept connections") {
            // A pipe that nobody reads would stop the server.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(());
        }
    }
}

/// Makes the logins, the roles and the tables.
async fn set_up(
    options: &PgConnectOptions,
    keylend: &SecretString,
    person: &SecretString,
) -> sqlx::Result<()> {
    let pool = PgPoolOptions::new().max_connections(1);
    let server = pool.clone().connect_with(options.clone()).await?;
    let mut logins = String::new();
    for login in company::logins() {
        // Nobody is told the others.
        let password = match login == company::DATABASE_USER {
            true => person.clone(),
            false => generate_password(&SystemEntropy),
        };
        let password = password.expose_secret();
        logins.push_str(&format!("CREATE ROLE {login} LOGIN PASSWORD '{password}';"));
    }
    let keylend = keylend.expose_secret();
    let roles =
        format!("CREATE ROLE keylend LOGIN CREATEROLE PASSWORD '{keylend}'; {logins} {ROLES}");
    sqlx::raw_sql(AssertSqlSafe(roles)).execute(&server).await?;
    sqlx::raw_sql("CREATE DATABASE app")
        .execute(&server)
        .await?;
    server.close().await;
    let database = pool.connect_with(options.clone().database("app")).await?;
    sqlx::raw_sql(TABLES).execute(&database).await?;
    database.close().await;
    Ok(())
}

/// The newest version that Keylend works with, and the folder of its programs.
async fn find() -> Option<(u32, PathBuf)> {
    let folders = match env::var_os("POSTGRES_BIN") {
        Some(folder) => vec![folder.into()],
        None => {
            let installed = FOLDERS
                .iter()
                .filter_map(|pattern| glob::glob(pattern).ok());
            search_path().chain(installed.flatten().flatten()).collect()
        }
    };
    let mut newest = None;
    for folder in folders {
        if let Some(version) = version(&folder).await
            && version >= OLDEST
        {
            newest = newest.max(Some((version, folder)));
        }
    }
    newest
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// The version of the server in this folder, if there is one with all that it needs.
async fn version(bin: &Path) -> Option<u32> {
    if !bin.join("initdb").exists() {
        return None;
    }
    let asked = Command::new(bin.join("postgres")).arg("--version").output();
    let answer = asked.await.ok()?.stdout;
    // `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`
    let answer = String::from_utf8(answer).ok()?;
    let number = answer.split_once("(PostgreSQL) ")?.1;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    major.parse().ok()
}

async fn free_port() -> std::io::Result<u16> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?.port())
}

fn unprivileged(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={UNPRIVILEGED}"))
        .arg(format!("--regid={UNPRIVILEGED}"))
        .args(["--clear-groups", "--"])
        .arg(program);
    command
}
