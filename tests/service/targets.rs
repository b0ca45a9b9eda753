//! `keylend target`: what the targets say of themselves, and who has access in them.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use sqlx::Row as _;
use tempfile::TempDir;

use crate::support::{
    fixture::{ALICE, Fixture, scope},
    postgres::Postgres,
    skip::skip,
};

const BACKEND: &str = r#"
[backends.pg.postgres]
url = { file = "DIR/pg_url" }
people_role = "people"
"#;

const PEOPLE: &str = "
    CREATE ROLE people;
    CREATE ROLE app_writer;
    CREATE ROLE team;
    GRANT app_writer TO team;
    CREATE ROLE alice LOGIN IN ROLE people;
    CREATE ROLE bob LOGIN IN ROLE people;
    CREATE ROLE carol LOGIN IN ROLE team;
    GRANT app_writer TO bob";

/// A service that lends the role `app_writer` of this server, to people's own logins and to generated ones.
/// The folder holds the URL, in the place of `DIR/pg_url` in `backend`.
pub(super) async fn lending_from(postgres: &Postgres, backend: &str) -> (Fixture, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("pg_url");
    fs::write(&url, postgres.url_for("keylend", "keylends")).unwrap();
    let scopes = [
        backend.replace("DIR/pg_url", &url.display().to_string()),
        scope(
            "pg:write",
            "PostgreSQL, write",
            r#"backend = "pg", role = "app_writer""#,
        ),
        scope(
            "pg:login",
            "PostgreSQL, a login of one's own",
            r#"backend = "pg", role = "app_writer", login = "generated""#,
        ),
    ]
    .concat();
    let fixture = Fixture::with(|config| format!("{config}{scopes}"), "").await;
    (fixture, folder)
}

struct World {
    postgres: Postgres,
    fixture: Fixture,
    _folder: TempDir,
}

impl World {
    /// Keylend's login has these attributes and what these statements give it.
    async fn start(attributes: &str, statements: &str) -> Self {
        let postgres = Postgres::start().await;
        postgres.execute(PEOPLE).await;
        postgres
            .execute(&format!(
                "CREATE ROLE keylend LOGIN {attributes} PASSWORD 'keylends'"
            ))
            .await;
        postgres.execute(statements).await;
        let (fixture, folder) = lending_from(&postgres, BACKEND).await;
        Self {
            postgres,
            fixture,
            _folder: folder,
        }
    }

    async fn as_documented() -> Self {
        Self::start(
            "CREATEROLE",
            "GRANT app_writer TO keylend WITH ADMIN OPTION;
             GRANT pg_signal_backend, pg_read_all_stats TO keylend",
        )
        .await
    }

    /// What `keylend target` prints, and whether it exits with 0.
    async fn target(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_keylend"))
            .arg("target")
            .args(arguments)
            .arg("--config")
            .arg(self.fixture.config_file())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    async fn has_reserved_connections(&self) -> bool {
        let query = "SELECT 1 FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'";
        !self.postgres.query(query).await.is_empty()
    }
}

#[tokio::test]
async fn the_inventory_says_who_has_access_and_which_request_explains_it() {
    let world = World::as_documented().await;
    world.fixture.granted("request pg:write 30m").await;
    world.fixture.granted("request pg:login 30m").await;
    let (well, listed) = world.target(&["inventory", "pg"]).await;
    assert!(well, "{listed}");
    let lines: Vec<&str> = listed.lines().collect();
    let line = |start: &str| {
        let found = lines
            .iter()
            .find(|line| line.trim_start().starts_with(start));
        *found.unwrap_or_else(|| panic!("no {start}: {listed}"))
    };
    assert_eq!(line("pg: "), "pg: pg:login");
    assert!(line("alice").contains("(keylend): granted by Keylend: request "));
    assert!(
        line("alice").contains(" until 2099-11-21T02:30:"),
        "{listed}"
    );
    assert!(
        line("jit_").contains("granted by Keylend: request "),
        "{listed}"
    );
    assert_eq!(line("bob"), "  bob (postgres): not granted by Keylend");
    assert_eq!(
        line("carol"),
        "  carol (membership in team): not granted by Keylend"
    );

    // What has Keylend's mark and is in no request was not given by a decision.
    world
        .postgres
        .execute("SET ROLE keylend; GRANT app_writer TO carol")
        .await;
    let (well, listed) = world.target(&["inventory"]).await;
    assert!(!well, "{listed}");
    let unexplained = "carol (keylend): granted by Keylend, but no open request explains it";
    assert!(listed.contains(unexplained), "{listed}");
}

#[tokio::test]
async fn a_preexisting_role_is_reported_at_the_start_and_the_end() {
    let world = World::as_documented().await;
    if world.has_reserved_connections().await {
        skip("needs PostgreSQL 15: from 16 on, Keylend's own grant stands beside it");
        return;
    }
    let by_hand = "GRANT app_writer TO alice";
    world.postgres.execute(by_hand).await;
    let fixture = &world.fixture;
    let grant = fixture.granted("request pg:write 30m").await;
    let before = "You already had `app_writer` on `pg` before. Keylend doesn't revoke that.";
    fixture.shows(&grant, before).await;
    fixture.alice().click(&grant, "done").await;
    let still = "You still have `app_writer` on `pg`: it predates this grant.";
    fixture.shows(&grant, still).await;
    let (_, listed) = world.target(&["inventory", "pg"]).await;
    assert!(listed.contains("alice (postgres)"), "{listed}");
}

/// Two grants of one person, of which the second is to what has the login's name by now.
#[tokio::test]
async fn a_grant_to_a_login_that_was_renamed_ends_although_its_namesake_has_one() {
    let postgres = Postgres::start().await;
    postgres.execute(PEOPLE).await;
    postgres
        .execute(
            "CREATE ROLE keylend LOGIN CREATEROLE PASSWORD 'keylends';
             GRANT app_writer TO keylend WITH ADMIN OPTION;
             GRANT pg_signal_backend, pg_read_all_stats TO keylend",
        )
        .await;
    let again = scope(
        "pg:again",
        "PostgreSQL, write again",
        r#"backend = "pg", role = "app_writer""#,
    );
    let (fixture, _folder) = lending_from(&postgres, &format!("{BACKEND}{again}")).await;
    let members = async || {
        let members = "SELECT pg_get_userbyid(member)::text FROM pg_auth_members \
                       WHERE roleid = 'app_writer'::regrole \
                         AND pg_get_userbyid(grantor) = 'keylend' ORDER BY 1";
        let rows = postgres.query(members).await;
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    fixture.granted("request pg:write 30m").await;
    postgres
        .execute(
            "ALTER ROLE alice RENAME TO alice_smith;
             CREATE ROLE alice LOGIN IN ROLE people",
        )
        .await;
    let second = fixture.granted("request pg:again 1h").await;
    assert_eq!(members().await, ["alice", "alice_smith"]);
    // The card names the login as it was, which the other grant uses too.
    fixture.jit(ALICE, "done pg:write anyway").await;
    fixture.ended(1).await;
    assert_eq!(members().await, ["alice"]);
    fixture.alice().click(&second, "done").await;
    fixture.ended(2).await;
    assert_eq!(members().await, [""; 0]);
}

/// PostgreSQL 15 has one membership for everybody who grants it.
#[tokio::test]
async fn a_grant_by_somebody_else_that_the_server_does_not_record_is_reported_at_the_end() {
    let world = World::as_documented().await;
    let is_recorded = world.has_reserved_connections().await;
    let fixture = &world.fixture;
    let grant = fixture.granted("request pg:write 30m").await;
    world.postgres.execute("GRANT app_writer TO alice").await;
    fixture.alice().click(&grant, "done").await;
    let notice = fixture.told(ALICE, "has ended:").await;
    assert_eq!(notice.says("does not record it"), !is_recorded);
    let (_, listed) = world.target(&["inventory", "pg"]).await;
    assert_eq!(listed.contains("alice (postgres)"), is_recorded, "{listed}");
}

#[tokio::test]
async fn a_target_that_does_not_answer_lists_nobody_and_is_named() {
    let world = World::as_documented().await;
    world.postgres.stop().await;
    for what in ["inventory", "diagnose"] {
        let (well, listed) = world.target(&[what, "pg"]).await;
        assert!(
            !well && listed.contains("failed: ") && listed.contains("pg:"),
            "{listed}"
        );
        assert!(!listed.contains("nobody"), "{listed}");
    }
}

#[tokio::test]
async fn the_documented_login_lacks_nothing_but_reserved_connections() {
    let world = World::as_documented().await;
    let (well, said) = world.target(&["diagnose", "pg"]).await;
    assert!(said.starts_with("pg: PostgreSQL "), "{said}");
    for has in [
        "may grant `app_writer`",
        "CREATEROLE",
        "pg_signal_backend",
        "pg_read_all_stats",
    ] {
        assert!(said.contains(&format!("has            {has}\n")), "{said}");
    }
    let lacks: Vec<&str> = said.lines().filter(|line| line.contains("lacks")).collect();
    match world.has_reserved_connections().await {
        true => assert!(
            !well && lacks.len() == 1 && lacks[0].contains("pg_use_reserved_connections"),
            "{said}"
        ),
        false => assert!(well && lacks.is_empty(), "{said}"),
    }
    // What the server of the test offers to people, as PostgreSQL does by default or as it is set.
    let offers: Vec<&str> = (said.lines())
        .filter_map(|line| line.trim_start().strip_prefix("does not need"))
        .collect();
    assert!(offers.len() == 2, "{said}");
    assert!(
        offers[0].contains("`max_prepared_transactions = 8`"),
        "{said}"
    );
    assert!(
        offers[1].contains("run `REVOKE TEMP ON DATABASE postgres FROM PUBLIC`"),
        "{said}"
    );
    world
        .postgres
        .execute("REVOKE TEMP ON DATABASE postgres FROM PUBLIC")
        .await;
    let (_, said) = world.target(&["diagnose", "pg"]).await;
    assert!(!said.contains("TEMPORARY"), "{said}");
}

#[tokio::test]
async fn diagnose_reports_missing_and_unneeded_privileges() {
    let world = World::start(
        "CREATEDB",
        "CREATE ROLE spare; GRANT spare TO keylend; DROP ROLE people",
    )
    .await;
    let (well, said) = world.target(&["diagnose", "pg"]).await;
    assert!(!well);
    for line in [
        "lacks          ADMIN OPTION on `app_writer`: run `GRANT \"app_writer\" TO \"keylend\" WITH ADMIN OPTION`",
        "lacks          CREATEROLE, to make a login for each grant: run `ALTER ROLE \"keylend\" CREATEROLE`",
        "lacks          pg_signal_backend, to end sessions: run `GRANT pg_signal_backend TO \"keylend\"`",
        "lacks          pg_read_all_stats, to see sessions: run `GRANT pg_read_all_stats TO \"keylend\"`",
        "lacks          the role `people`, which `people_role` names: it does not exist",
        "does not need  CREATEDB",
        "does not need  membership in `spare`, which no scope lends",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[tokio::test]
async fn diagnose_reports_missing_and_unneeded_dangerous() {
    let world = World::as_documented().await;
    world
        .postgres
        .execute(
            "CREATE ROLE app_dumper; GRANT app_dumper TO keylend WITH ADMIN OPTION;
             GRANT pg_read_server_files TO app_dumper",
        )
        .await;
    let told = scope(
        "pg:dump",
        "PostgreSQL, dump",
        r#"backend = "pg", role = "app_dumper""#,
    );
    world.fixture.reconfigure(|config| {
        format!("{config}{told}").replacen(
            "[scopes.\"pg:write\"]",
            "[scopes.\"pg:write\"]\ndangerous = true",
            1,
        )
    });
    let (well, said) = world.target(&["diagnose", "pg"]).await;
    assert!(!well, "{said}");
    for line in [
        "lacks          `dangerous = true` in the scope `pg:dump`: the role `app_dumper` reaches more \
         than data: it is a member of `pg_read_server_files`",
        "does not need  `dangerous = true` in the scope `pg:write`, which gives access only to data",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(!said.contains("`pg:login`"), "{said}");
}

#[tokio::test]
async fn an_unknown_target_lists_the_known_ones() {
    let world = World::as_documented().await;
    let (well, said) = world.target(&["diagnose", "gp"]).await;
    assert!(!well);
    assert!(
        said.contains("there is no target `gp` in `[backends]`. Use one of: bastion, console, pg"),
        "{said}"
    );
}

/// A program of the configuration cannot read what Keylend was started with, nor its memory: as an
/// account other than root, since root may read everything.
#[tokio::test]
async fn a_program_of_a_backend_cannot_read_the_secrets_in_the_environment() {
    const SECRET: &str = "xoxb-in-the-environment";
    const NOBODY: u32 = 65534;
    let is_root = rustix::process::geteuid().is_root();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let script = format!(
        "#!/bin/sh\ncat >/dev/null\ncat /proc/$PPID/environ /proc/$PPID/maps >{0}/read 2>{0}/refused\n",
        folder.path().display()
    );
    fs::write(at("program"), script).unwrap();
    fs::set_permissions(at("program"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let backend = format!(
        "[backends.program.exec]\nprogram = \"{}\"\n",
        at("program").display()
    );
    let fixture = Fixture::with(|config| format!("{config}{backend}"), "").await;
    fixture.reconfigure(|config| {
        let file = config.lines().find(|line| line.starts_with("bot_token"));
        config.replace(file.unwrap(), r#"bot_token = { env = "SLACK_BOT_TOKEN" }"#)
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_keylend"));
    command
        .args(["target", "diagnose", "program", "--config"])
        .arg(fixture.config_file())
        .env("SLACK_BOT_TOKEN", SECRET);
    if is_root {
        give(fixture.config_file().parent().unwrap(), NOBODY);
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let refused = fs::read_to_string(at("refused")).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(refused.matches("Permission denied").count(), 2, "{refused}");
    assert_eq!(fs::read_to_string(at("read")).unwrap(), "");
}

/// Makes a folder and what is in it somebody else's.
fn give(path: &Path, owner: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}
