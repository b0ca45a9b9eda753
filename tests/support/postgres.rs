//! A real PostgreSQL server of the test's own: on a free port of 127.0.0.1, in a temporary folder,
//! gone with the process that started it, however that ends.
//!
//! `POSTGRES_BIN` names the folder of another version's programs; otherwise the newest under
//! `/usr/lib/postgresql` is taken.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "included by several tests, each of which uses a part of it"
)]

use std::{
    fs::{self, Permissions},
    io::{self, BufRead, BufReader, Write},
    net::Ipv4Addr,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use keylend::{clock::SystemEntropy, vault::generate_password};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::{net::TcpSocket, sync::OnceCell};

/// How long anything that the server does may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `initdb` is told. The log has small files, so that there is less to copy.
const INITDB: &[&str] = &[
    "--no-sync",
    "--no-locale",
    "--encoding=UTF8",
    "--wal-segsize=1",
    "--username=postgres",
    "--auth=scram-sha-256",
];

/// The file in a template that has the superuser's password.
const PASSWORD: &str = "password";

/// `nobody`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65_534;

/// Runs the server until its standard input says `stop` or ends. When it ends, so does the folder.
const KEEPER: &str = r#"
bin=$1 dir=$2 port=$3
shift 3
"$bin/postgres" -D "$dir/data" -p "$port" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c logging_collector=off -c log_destination=stderr -c lc_messages=C "$@" &
server=$!
read -r word
kill -CONT "$server"
if [ "$word" = stop ]; then
    kill -INT "$server"
    wait "$server"
else
    kill -QUIT "$server"
    wait "$server"
    rm -rf "$dir"
fi
"#;

/// What a server of tests is told: to forget everything when the machine fails, to log every
/// statement, and not to do anything by itself.
const QUICK: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=16MB",
    "max_connections=60",
    "max_prepared_transactions=8",
    "max_wal_senders=0",
    "wal_level=minimal",
    "log_statement=all",
];

/// A running server. Dropping it stops it and removes its folder.
pub struct Postgres {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    /// Keeps the port from everybody else while the server is stopped.
    _held: TcpSocket,
    settings: &'static [&'static str],
    password: SecretString,
    log: Arc<Log>,
    keeper: Mutex<Option<Child>>,
}

impl Postgres {
    /// Makes a server and starts it.
    pub async fn start() -> Self {
        Self::start_with(QUICK).await
    }

    /// Makes a server that keeps what it has committed, as PostgreSQL does by default.
    pub async fn start_durable() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &'static [&'static str]) -> Self {
        let server = tokio::task::spawn_blocking(|| Self::make(settings))
            .await
            .expect("the server starts");
        let verifier = verifier(server.password.expose_secret());
        server
            .execute(&format!("ALTER ROLE postgres PASSWORD '{verifier}'"))
            .await;
        server
    }

    /// The server that the tests of one process share. Nobody stops it, and everybody works under
    /// names of their own.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The URL of the superuser.
    pub fn admin_url(&self) -> String {
        self.url_for("postgres", self.password.expose_secret())
    }

    /// The URL of a login, both parts plain letters and digits.
    pub fn url_for(&self, login: &str, password: &str) -> String {
        let port = self.port;
        format!("postgres://{login}:{password}@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements as the superuser.
    pub async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.superuser().await)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Asks as the superuser.
    pub async fn query(&self, sql: &str) -> Vec<PgRow> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.superuser().await)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Everything that the server has logged up to now: every statement and every error.
    pub async fn log(&self) -> String {
        let marker = format!("end of the log at {}", self.log.text().len());
        self.execute(&format!("SELECT '{marker}'")).await;
        let log = Arc::clone(&self.log);
        let found = tokio::task::spawn_blocking(move || log.wait_for(0, &[&marker]).is_some());
        assert!(found.await.expect("waiting"), "the log stays behind");
        self.log.text()
    }

    /// Stops the server; what it stores stays.
    pub async fn stop(&self) {
        let mut keeper = self.keeper().take().expect("the server runs");
        tokio::task::spawn_blocking(move || {
            let stdin = keeper.stdin.as_mut().expect("the keeper listens");
            stdin.write_all(b"stop\n").expect("the keeper reads");
            keeper.wait().expect("the server stops");
        })
        .await
        .expect("waiting");
    }

    /// Starts the server again, where it was.
    pub async fn start_again(&self) {
        let (bin, dir, port) = (self.bin.clone(), self.dir.clone(), self.port);
        let (settings, log) = (self.settings, Arc::clone(&self.log));
        let keeper = tokio::task::spawn_blocking(move || keep(&bin, &dir, port, settings, &log))
            .await
            .expect("waiting");
        *self.keeper() = Some(keeper.expect("the port is held for it"));
    }

    /// Stops the server in its tracks: connections are taken by the system, and nobody answers.
    pub fn pause(&self) {
        assert!(send("STOP", &self.postmaster()));
    }

    /// Stops the sessions in their tracks as well: nothing that was asked is answered any more.
    pub fn hang(&self) {
        // First whoever could make another session.
        self.pause();
        for session in self.sessions() {
            // It may end by itself meanwhile.
            send("STOP", &session);
        }
    }

    /// Stops one session in its tracks, or lets it go on.
    pub fn freeze(&self, pid: i32, frozen: bool) {
        let signal = if frozen { "STOP" } else { "CONT" };
        assert!(send(signal, &pid.to_string()));
    }

    /// Lets a server that was paused or hangs go on.
    pub fn resume(&self) {
        for session in self.sessions() {
            send("CONT", &session);
        }
        assert!(send("CONT", &self.postmaster()));
    }

    /// The numbers of the server's other processes.
    fn sessions(&self) -> Vec<String> {
        let postmaster = self.postmaster();
        // The parent stands behind the name, which may hold anything, and the state: proc(5).
        let is_child = |pid: &String| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
            rest.split_whitespace().nth(1) == Some(&postmaster)
        };
        let all = fs::read_dir("/proc").expect("Linux lists its processes");
        all.flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(is_child)
            .collect()
    }

    /// The number of the process that makes the sessions.
    fn postmaster(&self) -> String {
        let file = fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("a server runs");
        let pid = file.lines().next().expect("the first line is its number");
        pid.to_owned()
    }

    pub async fn superuser(&self) -> PgConnection {
        // Tests look at the tables of a store by their plain names.
        let options: PgConnectOptions = self.admin_url().parse().expect("a URL");
        let options = options.options([("search_path", "public, keylend")]);
        PgConnection::connect_with(&options)
            .await
            .expect("the superuser gets in")
    }

    fn keeper(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(settings: &'static [&'static str]) -> Self {
        let bin = programs();
        let dir = tempfile::Builder::new()
            .prefix("keylend-postgres-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let template = template(&bin);
        let password = fs::read_to_string(template.join(PASSWORD)).expect("a template has one");
        let password = SecretString::from(password);
        if rustix::process::geteuid().is_root() {
            chown(&dir, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root gives files away");
        }
        copy(&template.join("data"), &dir.join("data"));

        let log = Arc::new(Log::default());
        let (held, port) = hold_port().expect("a free port");
        let keeper = keep(&bin, &dir, port, settings, &log).expect("the port is held for it");
        Self {
            bin,
            dir,
            port,
            _held: held,
            settings,
            password,
            log,
            keeper: Mutex::new(Some(keeper)),
        }
    }
}

/// A port that the system gives to nobody else while the socket is there. It does not listen, so the server
/// can: both allow the other to use the address.
fn hold_port() -> io::Result<(TcpSocket, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

/// A folder that `initdb` has made for this version, and the superuser's password beside it. Making
/// one takes longer than many a test; a copy of it is as good.
fn template(bin: &Path) -> PathBuf {
    let version = Command::new(bin.join("initdb")).arg("--version").output();
    let version = version.expect("initdb runs").stdout;
    let version = hex::encode(Sha256::digest([version, INITDB.concat().into()].concat()));
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let user = rustix::process::geteuid().as_raw();
    let template = all.join(format!("postgres-{}-{user}", &version[..16]));
    if template.exists() {
        return template;
    }
    // PostgreSQL's user may not get into the folder of the build.
    let made = tempfile::Builder::new()
        .prefix("keylend-postgres-template-")
        .tempdir()
        .expect("a temporary folder");
    // Others on this machine can reach a server's port too.
    let password = generate_password(&SystemEntropy);
    let file = made.path().join(PASSWORD);
    fs::write(&file, password.expose_secret()).expect("a file in a folder of ours");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
    if rustix::process::geteuid().is_root() {
        for path in [made.path(), &file] {
            chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root gives files away");
        }
    }
    let ran = unprivileged(&bin.join("initdb"))
        .args(INITDB)
        .arg("--pwfile")
        .arg(&file)
        .arg("--pgdata")
        .arg(made.path().join("data"))
        .output()
        .expect("initdb runs");
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "initdb: {complaint}");
    // It appears whole or not at all. Where another test was first, its template is taken.
    let whole = all.join(made.path().file_name().expect("it has a name"));
    copy(made.path(), &whole);
    if fs::rename(&whole, &template).is_err() {
        fs::remove_dir_all(&whole).expect("it is ours");
    }
    template
}

/// Copies a folder, with its owner and its rights.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).output();
    let copied = copied.expect("cp runs");
    let complaint = String::from_utf8_lossy(&copied.stderr);
    assert!(copied.status.success(), "cp: {complaint}");
}

impl Drop for Postgres {
    fn drop(&mut self) {
        match self.keeper().take() {
            Some(mut keeper) => {
                drop(keeper.stdin.take());
                let _ = keeper.wait();
            }
            None => drop(fs::remove_dir_all(&self.dir)),
        }
    }
}

/// Sends a signal; false if there is no such process any more.
fn send(signal: &str, pid: &str) -> bool {
    let status = Command::new("kill").args(["-s", signal, pid]).status();
    status.expect("kill runs").success()
}

/// Starts the server and waits until it takes connections. Nothing if its port is taken.
fn keep(bin: &Path, dir: &Path, port: u16, settings: &[&str], log: &Arc<Log>) -> Option<Child> {
    const READY: &str = "database system is ready to accept connections";
    const TAKEN: &str = "could not create any TCP/IP sockets";

    let from = log.text().len();
    let mut keeper = unprivileged(Path::new("sh"))
        .args(["-c", KEEPER, "keeper"])
        .arg(bin)
        .arg(dir)
        .arg(port.to_string())
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .current_dir("/")
        // Ctrl-C is for the tests; the keeper cleans up after them.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell runs");
    let stderr = keeper.stderr.take().expect("it was asked for");
    let reader = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            reader.append(&line);
        }
    });
    match log.wait_for(from, &[READY, TAKEN]) {
        Some(READY) => Some(keeper),
        Some(_) => {
            writeln!(keeper.stdin.take()?, "stop").ok()?;
            let _ = keeper.wait();
            None
        }
        None => panic!("PostgreSQL does not start:\n{}", log.text()),
    }
}

/// What PostgreSQL keeps of a password (RFC 5803), after one round in place of 4,096: these are most
/// of what a test's connections cost, and a password that was drawn by lot needs none.
fn verifier(password: &str) -> String {
    let salt = [0x5e; 16];
    let first_block = [salt.as_slice(), &[0, 0, 0, 1]].concat();
    let salted = authenticated(password.as_bytes(), &first_block);
    let stored = Sha256::digest(authenticated(&salted, b"Client Key"));
    let server = authenticated(&salted, b"Server Key");
    let [salt, stored, server] =
        [salt.as_slice(), &stored, &server].map(|part| STANDARD.encode(part));
    format!("SCRAM-SHA-256$1:{salt}${stored}:{server}")
}

fn authenticated(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
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

fn programs() -> PathBuf {
    if let Some(bin) = std::env::var_os("POSTGRES_BIN") {
        return bin.into();
    }
    let version =
        |bin: &PathBuf| -> Option<u32> { bin.parent()?.file_name()?.to_str()?.parse().ok() };
    fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .max_by_key(version)
        .expect("PostgreSQL is not installed: run ./test.sh, which installs PostgreSQL")
}

/// What the server writes.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    fn append(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
        self.grown.notify_all();
    }

    fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone()
    }

    /// Waits until one of `texts` stands in the log behind `from`.
    fn wait_for<'a>(&self, from: usize, texts: &[&'a str]) -> Option<&'a str> {
        let found = |log: &str| {
            texts
                .iter()
                .copied()
                .find(|text| log[from..].contains(text))
        };
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let (text, _) = self
            .grown
            .wait_timeout_while(text, PATIENCE, |log| found(log).is_none())
            .unwrap_or_else(PoisonError::into_inner);
        found(&text)
    }
}
