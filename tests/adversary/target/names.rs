//! Functions, operators, casts and tables that wait for Keylend to find them.

use keylend::backend::Presence;
use sqlx::Row;

use super::{PASSWORD, does};
use crate::part::Part;

/// What anybody may plant where everybody may create objects, as in databases that were made before
/// PostgreSQL 15. Each of them would leave a trace if it ran with rights that mallory has not.
const TRAPS: &str = r#"
    CREATE FUNCTION public.trap() RETURNS bool LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.caught VALUES (current_user);
        RETURN true;
    END $$;
    CREATE FUNCTION public.hashtextextended(text, int) RETURNS bigint LANGUAGE sql
        AS 'SELECT public.trap(); SELECT 0::bigint';
    CREATE FUNCTION public.pg_has_role(oid, oid, text) RETURNS bool LANGUAGE sql
        AS 'SELECT public.trap()';
    CREATE FUNCTION public.pg_terminate_backend(int, bigint) RETURNS bool LANGUAGE sql
        AS 'SELECT public.trap()';
    CREATE FUNCTION public.set_config(text, text, bool) RETURNS text LANGUAGE sql
        AS 'SELECT public.trap()::text';
    CREATE FUNCTION public.same(text, text) RETURNS bool LANGUAGE sql
        AS 'SELECT public.trap()';
    CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
    CREATE FUNCTION public.same(name, name) RETURNS bool LANGUAGE sql
        AS 'SELECT public.trap()';
    CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = public.same);
    CREATE FUNCTION public.same(name, text) RETURNS bool LANGUAGE sql
        AS 'SELECT public.trap()';
    CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.same);
    CREATE FUNCTION public.same(oid, oid) RETURNS bool LANGUAGE sql
        AS 'SELECT public.trap()';
    CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = public.same);
    CREATE DOMAIN public.text AS pg_catalog.text CHECK (public.trap());
    CREATE VIEW public.pg_roles AS SELECT * FROM pg_catalog.pg_roles WHERE public.trap();
    CREATE VIEW public.pg_auth_members AS
        SELECT * FROM pg_catalog.pg_auth_members WHERE public.trap();
    CREATE VIEW public.pg_stat_activity AS
        SELECT * FROM pg_catalog.pg_stat_activity WHERE public.trap();
"#;

#[tokio::test]
async fn nothing_that_was_planted_runs_or_is_read() {
    let part = Part::start_alone("10s").await;
    let (alice, mallory) = (
        part.person("alice", "").await,
        part.person("mallory", "").await,
    );
    let keylend = format!("{}_keylend", part.name);
    let (name, role) = (&part.name, part.role());
    part.postgres()
        .execute(&format!(
            "GRANT CREATE ON SCHEMA public TO PUBLIC;
             CREATE TABLE public.caught (by name);
             GRANT INSERT ON public.caught TO PUBLIC;
             ALTER ROLE {keylend} SET search_path = public, pg_catalog;
             GRANT CREATE ON DATABASE postgres TO {role}"
        ))
        .await;
    // Clean-up goes to other databases.
    part.postgres()
        .execute(&format!("CREATE DATABASE {name}_other OWNER {mallory}"))
        .await;
    let mut session = part.enter(&mallory).await;
    does(&mut session, TRAPS).await;
    let other = part.postgres().url_for(&mallory, PASSWORD);
    let other = other.replace("/postgres?", &format!("/{name}_other?"));
    let mut elsewhere = <sqlx::PgConnection as sqlx::Connection>::connect(&other)
        .await
        .expect("in");
    does(
        &mut elsewhere,
        &format!(
            "CREATE TABLE public.caught (by name);
             GRANT INSERT ON public.caught TO PUBLIC;
             GRANT CREATE ON DATABASE {name}_other TO {role};
             GRANT ALL ON SCHEMA public TO PUBLIC;
             ALTER DATABASE {name}_other SET search_path = public, pg_catalog;
             ALTER DATABASE {name}_other SET role = '{role}'"
        ),
    )
    .await;
    does(&mut elsewhere, TRAPS).await;

    let named = part.named(&alice);
    part.grant(&named).await.expect("granted");
    assert_eq!(part.status(&named).await, Presence::Present);
    part.end(&named).await;
    let generated = part.generated();
    part.grant(&generated).await.expect("granted");
    let mut theirs = part.enter_as(&generated).await;
    does(
        &mut theirs,
        "CREATE SCHEMA theirs; CREATE TABLE theirs.notes (line text)",
    )
    .await;
    let url = part
        .postgres()
        .url_for(generated.handle.as_str(), super::GENERATED)
        .replace("/postgres?", &format!("/{name}_other?"));
    let mut theirs = <sqlx::PgConnection as sqlx::Connection>::connect(&url)
        .await
        .expect("in");
    does(
        &mut theirs,
        "CREATE SCHEMA theirs; CREATE TABLE theirs.notes (line int)",
    )
    .await;
    part.end(&generated).await;
    part.backend.tend().await.expect("tended");
    assert!(!part.has_role(generated.handle.as_str()).await);

    let caught = "SELECT count(*) FROM public.caught WHERE by <> current_user";
    let rows = part.postgres().query(caught).await;
    assert_eq!(rows[0].get::<i64, _>(0), 0, "something ran as Keylend");
    let rows = sqlx::query("SELECT by::pg_catalog.text FROM public.caught")
        .fetch_all(&mut elsewhere)
        .await;
    assert!(
        rows.is_ok_and(|rows| rows.is_empty()),
        "something ran as Keylend"
    );
}
