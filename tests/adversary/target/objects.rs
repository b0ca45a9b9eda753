//! What a generated login leaves behind, and who is in the way of cleaning it up.

use keylend::backend::Presence;
use sqlx::{Connection, PgConnection, Row};

use super::does;
use crate::part::{Part, is_dead, run};

#[tokio::test]
async fn a_reader_of_its_table_delays_only_the_clean_up_and_is_not_blocked() {
    let part = Part::start_alone("10s").await;
    let reader = part.person("reader", "").await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let (name, role) = (&part.name, part.role());
    let mut owner = part.enter_as(&order).await;
    does(
        &mut owner,
        &format!(
            "CREATE TABLE {name}.mine (line text); CREATE TABLE {name}.free (id serial);
             GRANT SELECT ON {name}.mine TO PUBLIC"
        ),
    )
    .await;
    part.postgres()
        .execute(&format!("GRANT USAGE ON SCHEMA {name} TO PUBLIC"))
        .await;
    let mut reading = part.enter(&reader).await;
    does(&mut reading, &format!("BEGIN; SELECT FROM {name}.mine")).await;

    part.end(&order).await;
    assert!(is_dead(&mut owner).await);
    assert!(
        part.log_in(order.handle.as_str(), super::GENERATED)
            .await
            .is_err()
    );

    part.backend.tend().await.expect("tended");
    // Whoever comes to read waits behind Keylend, so it gives up after a moment.
    let log = part.postgres().log().await;
    assert!(log.contains("canceling statement due to lock timeout"));
    assert!(!log.contains("canceling statement due to statement timeout"));
    let mut another = part.enter(&reader).await;
    does(&mut another, &format!("SELECT FROM {name}.mine")).await;
    assert!(part.has_role(order.handle.as_str()).await, "not yet");
    assert!(!is_dead(&mut reading).await);
    assert_eq!(owner_of(&part, "free").await, role);

    does(&mut reading, "COMMIT").await;
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(order.handle.as_str()).await);
    assert_eq!(owner_of(&part, "mine").await, role);
}

async fn owner_of(part: &Part, table: &str) -> String {
    let name = &part.name;
    let owner = format!(
        "SELECT tableowner::text FROM pg_tables \
         WHERE schemaname = '{name}' AND tablename = '{table}'"
    );
    part.postgres().query(&owner).await[0].get(0)
}

#[tokio::test]
async fn every_kind_of_object_but_functions_goes_to_the_role() {
    let part = Part::start_alone("10s").await;
    let order = part.generated();
    part.postgres()
        .execute(&format!(
            "GRANT CREATE ON DATABASE postgres TO {}",
            part.role()
        ))
        .await;
    part.grant(&order).await.expect("granted");
    let mut owner = part.enter_as(&order).await;
    does(
        &mut owner,
        r#"
        CREATE SCHEMA "Odd ""one"; SET search_path = "Odd ""one";
        CREATE TABLE "t;--" (id serial PRIMARY KEY, g int GENERATED ALWAYS AS IDENTITY);
        CREATE TABLE parts (n int) PARTITION BY RANGE (n);
        CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (9);
        CREATE VIEW v AS SELECT 1 AS one; CREATE MATERIALIZED VIEW m AS SELECT 1 AS one;
        CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN d AS int;
        CREATE TYPE pair AS (a int, b int); CREATE TYPE span AS RANGE (subtype = int4);
        CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
        CREATE AGGREGATE a (int) (SFUNC = int4pl, STYPE = int);
        CREATE AGGREGATE counted (*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
        CREATE FUNCTION twice(int, int) RETURNS int LANGUAGE sql AS 'SELECT 2';
        CREATE OPERATOR <+> (LEFTARG = int, RIGHTARG = int, FUNCTION = twice);
        CREATE STATISTICS stats (dependencies) ON id, g FROM "t;--";
        CREATE COLLATION c FROM "C";
        CREATE TEXT SEARCH CONFIGURATION ts (COPY = pg_catalog.simple);
        CREATE POLICY mine ON "t;--" TO CURRENT_USER USING (true);
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
        SELECT lo_create(0); CREATE PUBLICATION pub FOR TABLE "t;--";
        "#,
    )
    .await;
    part.end(&order).await;
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(order.handle.as_str()).await);
    let rows = part
        .postgres()
        .query(r#"SELECT count(*) FROM pg_class WHERE relnamespace = '"Odd ""one"'::regnamespace"#)
        .await;
    assert_eq!(rows[0].get::<i64, _>(0), 10, "nothing was dropped");
    let owners = "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class \
                  WHERE relnamespace = '\"Odd \"\"one\"'::regnamespace";
    let owners = part.postgres().query(owners).await;
    let owners: Vec<String> = owners.iter().map(|row| row.get(0)).collect();
    assert_eq!(owners, [part.role()]);
    let owners = "SELECT pg_get_userbyid(proowner)::text, count(*) FROM pg_proc \
                  WHERE pronamespace = '\"Odd \"\"one\"'::regnamespace GROUP BY 1";
    let owners = part.postgres().query(owners).await;
    let owners: Vec<(String, i64)> = owners.iter().map(|row| (row.get(0), row.get(1))).collect();
    let keeper = format!("{}_keylend_leftovers", part.name);
    // Those that come with a range type belong to the first superuser.
    assert!(owners.contains(&(keeper, 5)), "{owners:?}");
    assert!(owners.iter().all(|(owner, _)| *owner != part.role()));
}

/// A prepared transaction keeps its locks without a session, and can be committed later.
#[tokio::test]
async fn a_prepared_transaction_is_rolled_back() {
    let part = Part::start_alone("10s").await;
    let order = part.generated();
    let name = &part.name;
    part.postgres()
        .execute(&format!("CREATE DATABASE {name}_other"))
        .await;
    part.grant(&order).await.expect("granted");
    let mut session = part.enter_as(&order).await;
    // It keeps the login locked, too.
    does(
        &mut session,
        &format!(
            "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'; {};
             PREPARE TRANSACTION 'odd '' \\ one'",
            part.write()
        ),
    )
    .await;
    let elsewhere = part
        .postgres()
        .url_for(order.handle.as_str(), super::GENERATED)
        .replace("/postgres?", &format!("/{name}_other?"));
    let mut elsewhere = PgConnection::connect(&elsewhere).await.expect("in");
    does(
        &mut elsewhere,
        "BEGIN; CREATE TEMP TABLE t (); DROP TABLE t; SELECT 1; ROLLBACK;
         BEGIN; SELECT txid_current(); PREPARE TRANSACTION 'another'",
    )
    .await;
    assert_eq!(part.status(&order).await, Presence::Present);

    part.end(&order).await;
    let left = part.postgres().query("SELECT FROM pg_prepared_xacts").await;
    assert!(left.is_empty());
    assert!(!part.has_role(order.handle.as_str()).await);
}

/// The owner of a prepared transaction is the role that the session was in at that moment.
#[tokio::test]
async fn a_transaction_that_was_prepared_as_the_role_does_not_keep_the_login_locked() {
    let part = Part::start_alone("10s").await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut session = part.enter_as(&order).await;
    does(
        &mut session,
        &format!(
            "BEGIN; ALTER ROLE CURRENT_USER PASSWORD 'another'; SET ROLE {};
             PREPARE TRANSACTION 'mine'",
            part.role()
        ),
    )
    .await;
    part.end(&order).await;
    assert!(!part.has_role(order.handle.as_str()).await);
}

#[tokio::test]
async fn a_stranger_who_gives_it_rights_delays_only_the_clean_up() {
    let part = Part::start_alone("10s").await;
    let stranger = part.person("stranger", "").await;
    let name = &part.name;
    part.postgres()
        .execute(&format!(
            "CREATE TABLE {name}_theirs (); ALTER TABLE {name}_theirs OWNER TO {stranger}"
        ))
        .await;
    let order = part.generated();
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&stranger).await;
    does(
        &mut session,
        &format!(
            "BEGIN; GRANT SELECT ON {name}_theirs TO \"{}\"",
            order.handle
        ),
    )
    .await;
    part.end(&order).await;
    assert!(part.has_role(order.handle.as_str()).await, "not yet");
    assert!(
        run(&mut session, "ROLLBACK").await.is_ok(),
        "their session goes on"
    );
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(order.handle.as_str()).await);
}

/// Whoever may create roles can write any comment, and give Keylend any role of theirs.
#[tokio::test]
async fn a_role_that_only_looks_like_a_generated_login_is_not_dropped() {
    let part = Part::start_alone("10s").await;
    let creator = part.person("creator", "CREATEROLE").await;
    let keylend = format!("{}_keylend", part.name);
    let role = part.role();
    let (fitting, planted) = (part.generated(), part.generated());
    let other = format!("{}_team", part.name);
    let create = |login: &str, request: &str| {
        format!(
            "CREATE ROLE \"{login}\" NOLOGIN VALID UNTIL '-infinity';
             COMMENT ON ROLE \"{login}\" IS
                'Lent by Keylend: role \"{role}\" (16384), to alice for db-prod:write, request {request}'"
        )
    };
    let mut own = part.log_in(&keylend, "keylends").await.expect("in");
    for login in [fitting.handle.as_str(), &other] {
        does(&mut own, &create(login, &fitting.request.to_string())).await;
        does(&mut own, &format!("GRANT \"{login}\" TO {keylend}")).await;
    }
    let mut creator = part.enter(&creator).await;
    let login = planted.handle.as_str();
    does(&mut creator, &create(login, &planted.request.to_string())).await;
    let give = format!("GRANT \"{login}\" TO {keylend} WITH ADMIN OPTION");
    does(&mut creator, &give).await;

    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(fitting.handle.as_str()).await);
    assert!(part.has_role(&other).await, "its name is another");
    assert!(part.has_role(login).await, "somebody else made it");
}
