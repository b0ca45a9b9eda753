//! What a grantee leaves behind to go on with after the end: rights, functions that run with the rights of
//! their owner, default privileges, prepared transactions.

use keylend::{backend::BackendError, domain::Leftovers};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::{PASSWORD, does};
use crate::part::{Part, run};
use crate::subject::{Calls as _, Order};

/// What was left, each marked if it was dropped.
fn told(leftovers: &Leftovers) -> Vec<String> {
    let items = leftovers.items().iter();
    items
        .map(|item| match item.dropped {
            true => format!("{} (dropped)", item.what),
            false => item.what.clone(),
        })
        .collect()
}

/// Everything that was left after a complete search.
async fn left(part: &Part, order: &Order) -> Vec<String> {
    let leftovers = part.backend.leftovers(order).await.expect("searched");
    assert_eq!(leftovers.unsearched(), None);
    assert_eq!(leftovers.count(), leftovers.items().len());
    told(&leftovers)
}

/// The same order, for a layer that says what becomes of leftovers.
fn dropping(mut order: Order) -> Order {
    order.params.insert("leftovers".to_owned(), json!("drop"));
    order
}

/// Leaves a right, a function, default privileges and two prepared transactions behind.
async fn plant(part: &Part, session: &mut PgConnection, login: &str) {
    let (name, role) = (&part.name, part.role());
    does(session, &format!("SET ROLE {role}")).await;
    for statement in [
        format!("CREATE TABLE {name}.orders (line text, note text)"),
        format!("GRANT INSERT, SELECT ON {name}.orders TO \"{login}\""),
        format!("GRANT UPDATE (note) ON {name}.orders TO PUBLIC"),
        definer(part, "f"),
        format!("ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT SELECT ON TABLES TO \"{login}\""),
    ] {
        does(session, &statement).await;
    }
    does(
        session,
        "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'as the role'",
    )
    .await;
    does(session, "RESET ROLE").await;
    does(
        session,
        "BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'as myself'",
    )
    .await;
}

/// A function that writes with the rights of its owner, for everybody.
fn definer(part: &Part, function: &str) -> String {
    let name = &part.name;
    format!(
        "CREATE OR REPLACE FUNCTION {name}.{function}() RETURNS void LANGUAGE plpgsql SECURITY DEFINER \
         AS 'BEGIN {}; END'",
        part.write().replace('\'', "''")
    )
}

async fn owner_of_function(part: &Part, function: &str) -> Option<String> {
    let owner = format!(
        "SELECT pg_get_userbyid(proowner)::text FROM pg_proc \
         WHERE pronamespace = '{}'::regnamespace AND proname = '{function}'",
        part.name
    );
    let rows = part.postgres().query(&owner).await;
    rows.first().map(|row| row.get(0))
}

fn keeper(part: &Part) -> String {
    format!("{}_keylend_leftovers", part.name)
}

#[tokio::test]
async fn what_a_holder_leaves_behind_is_listed_and_stays() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    plant(&part, &mut session, &alice).await;
    part.end(&order).await;
    assert_eq!(
        left(&part, &order).await,
        [
            format!("SECURITY DEFINER function {name}.f() of {role}"),
            format!("SELECT, INSERT on table {name}.orders to {alice}, granted by {role}"),
            format!("UPDATE on table {name}.orders column note to everybody, granted by {role}"),
            format!("default privileges of {role} in schema {name}: SELECT on tables to {alice}"),
            format!("prepared transaction \"as myself\" of {alice} in the database postgres"),
            format!("prepared transaction \"as the role\" of {role} in the database postgres"),
        ]
    );
    assert_eq!(
        left(&part, &order).await.len(),
        6,
        "asked again, it says the same"
    );
}

#[tokio::test]
async fn what_was_there_before_a_grant_is_not_the_grantees() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    part.administers(&format!(
        "SET ROLE {role};
         CREATE TABLE {name}.old (line text); GRANT SELECT ON {name}.old TO {alice};
         GRANT USAGE ON SCHEMA {name} TO PUBLIC;
         {}; {};
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {alice}",
        definer(&part, "old_f"),
        definer(&part, "changed_f"),
    ))
    .await;
    let mut order = dropping(part.named(&alice));
    part.lend(&mut order).await;
    // What an administrator changes meanwhile makes no old right a new one.
    part.administers(&format!("ALTER TABLE {name}.old ADD COLUMN more int"))
        .await;
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(
        &mut session,
        &format!("GRANT INSERT ON {name}.old TO {alice}"),
    )
    .await;
    does(&mut session, &definer(&part, "changed_f")).await;
    part.end(&order).await;
    assert_eq!(
        left(&part, &order).await,
        [
            format!("INSERT on table {name}.old to {alice}, granted by {role} (dropped)"),
            format!(
                "SECURITY DEFINER function {name}.changed_f() of {role} (may have been there before)"
            ),
        ]
    );
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SELECT FROM {name}.old")).await;
    let insert = format!("INSERT INTO {name}.old VALUES ('a line')");
    assert!(run(&mut session, &insert).await.is_err(), "it was revoked");
    assert_eq!(owner_of_function(&part, "old_f").await, Some(role));
}

/// A transaction that began before the grant can still take the role later.
#[tokio::test]
async fn what_an_older_transaction_leaves_behind_is_found() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    let mut session = part.enter(&alice).await;
    does(&mut session, "BEGIN; SELECT pg_current_xact_id()").await;
    let mut order = dropping(part.named(&alice));
    part.lend(&mut order).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(&mut session, &definer(&part, "f")).await;
    does(&mut session, "COMMIT").await;
    part.end(&order).await;
    // It is not certain, so it stays.
    assert_eq!(
        left(&part, &order).await,
        [format!(
            "SECURITY DEFINER function {name}.f() of {role} (may have been there before)"
        )]
    );
}

#[tokio::test]
async fn what_a_holder_leaves_behind_is_dropped_where_the_layer_says_so() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    let mut order = dropping(part.named(&alice));
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    plant(&part, &mut session, &alice).await;
    part.end(&order).await;
    let told = left(&part, &order).await;
    for (what, dropped) in [
        (
            format!("SELECT, INSERT on table {name}.orders to {alice}"),
            true,
        ),
        (
            format!("SECURITY DEFINER function {name}.f() of {role}"),
            true,
        ),
        (format!("UPDATE on table {name}.orders column note"), true),
        (
            format!("default privileges of {role} in schema {name}"),
            true,
        ),
        ("prepared transaction \"as the role\"".to_owned(), false),
        ("prepared transaction \"as myself\"".to_owned(), false),
    ] {
        let found = told.iter().find(|item| item.starts_with(&what));
        let found = found.unwrap_or_else(|| panic!("{what}: {told:?}"));
        // Only their owner or a superuser may roll back what a person prepared.
        let is_persons = what.contains("as myself");
        assert!(
            is_persons || found.ends_with("(dropped)") == dropped,
            "{found}"
        );
    }
    assert_eq!(owner_of_function(&part, "f").await, None);
    part.administers(&format!("GRANT USAGE ON SCHEMA {name} TO PUBLIC"))
        .await;
    let mut session = part.enter(&alice).await;
    let read = run(&mut session, &format!("SELECT FROM {name}.orders")).await;
    assert!(read.is_err(), "the right is gone");
}

/// Who had it before, PostgreSQL does not say.
#[tokio::test]
async fn what_a_holder_makes_their_own_is_listed_and_stays() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    part.administers(&format!(
        "CREATE SCHEMA {alice} AUTHORIZATION {alice};
         SET ROLE {role};
         CREATE TABLE {name}.orders (id serial, line text); CREATE TABLE {name}.moved (line text);
         CREATE TABLE {name}.other (line text);
         CREATE FUNCTION {name}.plain() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    ))
    .await;
    let mut order = dropping(part.named(&alice));
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    for statement in [
        format!("ALTER TABLE {name}.orders OWNER TO {alice}"),
        format!("ALTER FUNCTION {name}.plain() OWNER TO {alice}"),
        format!("ALTER TABLE {name}.moved SET SCHEMA {alice}"),
        format!("ALTER TABLE {alice}.moved OWNER TO {alice}"),
        "CREATE TEMP TABLE scratch ()".to_owned(),
    ] {
        does(&mut session, &statement).await;
    }
    part.end(&order).await;
    assert_eq!(
        left(&part, &order).await,
        [
            format!("function {name}.plain() now belongs to {alice}"),
            format!("table {name}.orders now belongs to {alice}"),
            format!("table {alice}.moved now belongs to {alice}"),
        ]
    );
}

/// Others who have the role make things as the same role.
#[tokio::test]
async fn what_may_be_somebody_elses_is_not_dropped() {
    let part = Part::start_alone("10s").await;
    let (name, role) = (&part.name, part.role());
    let (alice, bob) = (part.person("alice", "").await, part.person("bob", "").await);
    part.grant_by_hand(&bob).await;
    let mut order = dropping(part.named(&alice));
    part.lend(&mut order).await;
    let mut session = part.enter(&bob).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(&mut session, &definer(&part, "bobs")).await;
    does(&mut session, &format!("CREATE TABLE {name}.t ()")).await;
    does(
        &mut session,
        &format!("GRANT SELECT ON {name}.t TO {alice}"),
    )
    .await;
    part.end(&order).await;
    assert_eq!(
        left(&part, &order).await,
        [
            format!("SECURITY DEFINER function {name}.bobs() of {role} (may be somebody else's)"),
            format!("SELECT on table {name}.t to {alice}, granted by {role} (dropped)"),
        ]
    );
    assert_eq!(owner_of_function(&part, "bobs").await, Some(role));
}

/// What the first of two grants leaves behind is there when the second one begins.
#[tokio::test]
async fn a_second_grant_hides_nothing_that_the_first_has_left() {
    let part = Part::start_alone("10s").await;
    let (role, alice) = (part.role(), part.person("alice", "").await);
    let (mut first, mut second) = (part.named(&alice), part.named(&alice));
    part.lend(&mut first).await;
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(&mut session, &definer(&part, "f")).await;
    second.receipt = part.backend.inspect(&second).await.expect("seen").receipt;
    // The access goes on, and the target is asked all the same.
    assert_eq!(left(&part, &first).await.len(), 1);
    part.end(&second).await;
    assert!(left(&part, &second).await.is_empty());
}

#[tokio::test]
async fn a_function_of_a_generated_login_never_runs_with_the_rights_of_the_role() {
    let part = Part::start_alone("10s").await;
    let (name, role, mallory) = (&part.name, part.role(), part.person("mallory", "").await);
    part.administers(&format!("GRANT USAGE ON SCHEMA {name} TO PUBLIC"))
        .await;
    let mut order = part.generated();
    part.lend(&mut order).await;
    let login = order.handle.as_str().to_owned();
    let mut session = part.enter_as(&order).await;
    for statement in [
        definer(&part, "f"),
        format!("CREATE FUNCTION {name}.plain() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        format!("CREATE TABLE {name}.mine (line text)"),
        // By which a function of the login would go on.
        format!("SET ROLE {role}"),
        format!("CREATE TABLE {name}.roles (line text); GRANT ALL ON {name}.roles TO \"{login}\""),
        format!("GRANT SELECT ON {name}.roles TO PUBLIC"),
    ] {
        does(&mut session, &statement).await;
    }
    part.end(&order).await;
    assert_eq!(
        left(&part, &order).await,
        [
            format!(
                "SECURITY DEFINER function {name}.f() of {login}, which goes to a role without rights"
            ),
            format!("SELECT on table {name}.roles to everybody, granted by {role}"),
        ]
    );
    let rights = format!("SELECT has_table_privilege('{login}', '{name}.roles', 'INSERT')");
    let rights = part.postgres().query(&rights).await;
    assert!(
        !rights[0].get::<bool, _>(0),
        "revoked before anything is handed over"
    );

    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(&login).await);
    for function in ["f", "plain"] {
        let owner = owner_of_function(&part, function).await;
        assert_eq!(owner, Some(keeper(&part)), "{function}");
    }
    let mut session = part.enter(&mallory).await;
    let call = run(&mut session, &format!("SELECT {name}.f()")).await;
    let refused = call.expect_err("refused").to_string();
    assert!(refused.contains("permission denied for table"), "{refused}");
    let rights = format!(
        "SELECT has_schema_privilege('{}', '{name}', 'CREATE')",
        keeper(&part)
    );
    assert!(!part.postgres().query(&rights).await[0].get::<bool, _>(0));
}

#[tokio::test]
async fn functions_of_a_generated_login_are_dropped_but_not_what_others_stand_on() {
    let part = Part::start_alone("10s").await;
    let (name, role) = (&part.name, part.role());
    let mut order = dropping(part.generated());
    part.lend(&mut order).await;
    let login = order.handle.as_str().to_owned();
    let mut session = part.enter_as(&order).await;
    for statement in [
        definer(&part, "f"),
        format!("CREATE FUNCTION {name}.one() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        format!(
            "CREATE FUNCTION {name}.used() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"
        ),
        format!("SET ROLE {role}; CREATE VIEW {name}.v AS SELECT {name}.used() AS one"),
    ] {
        does(&mut session, &statement).await;
    }
    part.end(&order).await;
    assert_eq!(
        left(&part, &order).await,
        [
            format!("SECURITY DEFINER function {name}.f() of {login} (dropped)"),
            format!(
                "SECURITY DEFINER function {name}.used() of {login}, which goes to a role without rights"
            ),
            format!("function {name}.one() of {login} (dropped)"),
        ]
    );
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(&login).await);
    assert_eq!(owner_of_function(&part, "used").await, Some(keeper(&part)));
    part.postgres()
        .query(&format!("SELECT FROM {name}.v"))
        .await;
}

/// Whoever gives rights to the role that keeps functions gives them to every function that it keeps.
#[tokio::test]
async fn no_function_goes_to_a_role_that_somebody_gave_rights() {
    let part = Part::start_alone("10s").await;
    let (name, role) = (&part.name, part.role());
    let leave = async |function: &str, more: String| {
        let mut order = part.generated();
        part.lend(&mut order).await;
        let mut session = part.enter_as(&order).await;
        does(&mut session, &definer(&part, function)).await;
        does(&mut session, &more).await;
        part.end(&order).await;
        order
    };
    leave("first", "SELECT 1".to_owned()).await;
    part.backend.tend().await.expect("tended");
    assert_eq!(owner_of_function(&part, "first").await, Some(keeper(&part)));

    let plant = format!(
        "SET ROLE {role}; CREATE TABLE {name}.t (); GRANT ALL ON {name}.t TO {}",
        keeper(&part)
    );
    let order = leave("second", plant).await;
    let told = left(&part, &order).await;
    let to = format!("on table {name}.t to {}", keeper(&part));
    assert!(told.iter().any(|item| item.contains(&to)), "{told:?}");
    part.backend.tend().await.expect("tended");
    let login = order.handle.as_str().to_owned();
    assert_eq!(
        owner_of_function(&part, "second").await,
        Some(login.clone())
    );
    assert!(part.has_role(&login).await);

    part.administers(&format!("REVOKE ALL ON {name}.t FROM {}", keeper(&part)))
        .await;
    part.backend.tend().await.expect("tended");
    assert_eq!(
        owner_of_function(&part, "second").await,
        Some(keeper(&part))
    );
    assert!(!part.has_role(&login).await);
}

#[tokio::test]
async fn a_role_that_only_has_the_name_receives_nothing() {
    let part = Part::start_alone("10s").await;
    part.administers(&format!(
        "CREATE ROLE {keeper}; GRANT {role} TO {keeper}",
        keeper = keeper(&part),
        role = part.role()
    ))
    .await;
    let mut order = part.generated();
    part.lend(&mut order).await;
    let mut session = part.enter_as(&order).await;
    does(&mut session, &definer(&part, "f")).await;
    part.end(&order).await;
    part.backend.tend().await.expect("tended");
    let login = order.handle.as_str().to_owned();
    assert_eq!(owner_of_function(&part, "f").await, Some(login));
}

/// Keylend may not let another role own something in every schema.
#[tokio::test]
async fn a_function_that_cannot_be_handed_over_stays_with_a_login_without_rights() {
    let part = Part::start_alone("10s").await;
    let (name, role, mallory) = (&part.name, part.role(), part.person("mallory", "").await);
    part.administers(&format!(
        "CREATE SCHEMA {name}_admins; GRANT CREATE ON SCHEMA {name}_admins TO {role};
         GRANT USAGE ON SCHEMA {name}_admins TO PUBLIC"
    ))
    .await;
    let mut order = part.generated();
    part.lend(&mut order).await;
    let login = order.handle.as_str().to_owned();
    let mut session = part.enter_as(&order).await;
    let function = definer(&part, "f").replace(&format!("{name}.f"), &format!("{name}_admins.f"));
    does(&mut session, &function).await;
    part.end(&order).await;
    assert_eq!(left(&part, &order).await.len(), 1);
    part.backend.tend().await.expect("tended");
    let owner = "SELECT pg_get_userbyid(proowner)::text FROM pg_proc WHERE proname = 'f'";
    let owner: String = part.postgres().query(owner).await[0].get(0);
    assert_eq!(owner, login);
    let mut session = part.enter(&mallory).await;
    let call = run(&mut session, &format!("SELECT {name}_admins.f()")).await;
    assert!(call.is_err(), "the login is in no role");
}

#[tokio::test]
async fn a_database_that_cannot_be_searched_is_said_and_holds_up_nothing() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    part.administers(&format!("CREATE DATABASE {name}_other OWNER {role}"))
        .await;
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    let elsewhere = part.postgres().url_for(&alice, PASSWORD);
    let elsewhere = elsewhere.replace("/postgres?", &format!("/{name}_other?"));
    let mut elsewhere = PgConnection::connect(&elsewhere).await.expect("in");
    does(
        &mut elsewhere,
        &format!("SET ROLE {role}; CREATE SCHEMA theirs"),
    )
    .await;
    part.administers(&format!(
        "REVOKE CONNECT ON DATABASE {name}_other FROM PUBLIC;
         REVOKE CONNECT ON DATABASE {name}_other FROM {role}"
    ))
    .await;
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(&mut session, &definer(&part, "f")).await;
    part.end(&order).await;
    let leftovers = part.backend.leftovers(&order).await.expect("searched");
    assert_eq!(told(&leftovers).len(), 1);
    let unsearched = leftovers.unsearched().expect("not all of it");
    assert!(
        unsearched.contains(&format!("{name}_other")),
        "{unsearched}"
    );
}

#[tokio::test]
async fn without_a_list_of_what_was_there_before_nothing_is_blamed_on_the_grantee() {
    let part = Part::start_alone("10s").await;
    let (role, alice) = (part.role(), part.person("alice", "").await);
    let order = dropping(part.named(&alice));
    part.grant(&order).await.expect("granted");
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(&mut session, &definer(&part, "f")).await;
    part.end(&order).await;
    let leftovers = part.backend.leftovers(&order).await.expect("an answer");
    assert_eq!(leftovers.count(), 0);
    assert!(leftovers.unsearched().is_some());
    assert_eq!(owner_of_function(&part, "f").await, Some(role));
}

/// A receipt has room for few rights. What there is beyond is never taken for the grantee's.
#[tokio::test]
async fn of_more_rights_than_can_be_kept_none_is_revoked() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    let grant = |table: usize| {
        format!("CREATE TABLE {name}.t{table} (); GRANT SELECT ON {name}.t{table} TO {alice};")
    };
    let tables: String = (0..50).map(grant).collect();
    part.administers(&format!("SET ROLE {role}; {tables}"))
        .await;
    let mut order = dropping(part.named(&alice));
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    does(
        &mut session,
        &format!("GRANT INSERT ON {name}.t7 TO {alice}"),
    )
    .await;
    part.end(&order).await;
    let told = left(&part, &order).await;
    assert_eq!(
        told,
        [format!(
            "SELECT, INSERT on table {name}.t7 to {alice}, granted by {role} (may have been there before)"
        )]
    );
}

/// A name can hold what steers a terminal or looks like more than one thing.
#[tokio::test]
async fn hostile_names_are_listed_as_text() {
    let part = Part::start_alone("10s").await;
    let (name, role, alice) = (&part.name, part.role(), part.person("alice", "").await);
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    let mut session = part.enter(&alice).await;
    does(&mut session, &format!("SET ROLE {role}")).await;
    let table = format!("{name}.\"t\u{1b}[31m;\n\"\"x\"");
    does(&mut session, &format!("CREATE TABLE {table} ()")).await;
    does(&mut session, &format!("GRANT SELECT ON {table} TO {alice}")).await;
    part.end(&order).await;
    let told = left(&part, &order).await;
    assert_eq!(
        told,
        [format!(
            "SELECT on table {name}.\"t\\u{{1b}}[31m;\\u{{a}}\"\"x\" to {alice}, granted by {role}"
        )]
    );
}

/// The search waits for nobody's locks for long, and the end does not wait for the search.
#[tokio::test]
async fn a_lock_on_the_catalogues_delays_the_search_alone() {
    let part = Part::start_alone("10s").await;
    let alice = part.person("alice", "").await;
    let mut order = part.named(&alice);
    part.lend(&mut order).await;
    part.end(&order).await;
    assert!(!part.can_write(&alice, PASSWORD).await);
    let admin = part.postgres().admin_url();
    let mut blocker = PgConnection::connect(&admin).await.expect("in");
    let lock = "BEGIN; LOCK TABLE pg_default_acl IN ACCESS EXCLUSIVE MODE";
    does(&mut blocker, lock).await;
    match part.backend.leftovers(&order).await {
        Ok(leftovers) => assert!(leftovers.unsearched().is_some(), "{leftovers:?}"),
        Err(error) => assert!(matches!(error, BackendError::Retry(_)), "{error:?}"),
    }
    does(&mut blocker, "COMMIT").await;
    assert!(left(&part, &order).await.is_empty());
}
