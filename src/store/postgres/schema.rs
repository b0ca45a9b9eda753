//! Keylend's schema: everything of the store is in `keylend`, and nobody else can create anything
//! there.
//!
//! Every session searches this schema, so whoever can create a function or an operator in it can
//! have it run with Keylend's rights.

use sqlx::PgConnection;

use super::version::known;
use crate::store::OpenError;

/// Searches Keylend's schema, as every session does that [`check`] has let through.
const TRUST: &str = "SET search_path = keylend, pg_temp";

/// Who has to own the schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The role that this session belongs to.
    Us,
    /// Any one role.
    Anybody,
}

/// Who owns the schema, who else may create in it, and what in it belongs to somebody else. What
/// superusers own is not counted: they can run what they like in any case.
const QUESTION: &str = "
    WITH schema AS (
        SELECT oid, nspowner, nspacl FROM pg_namespace WHERE nspname = 'keylend'
    ), found (kind, name, owner) AS (
        SELECT 'relation', relname, relowner FROM pg_class, schema
            WHERE relnamespace = schema.oid
        UNION ALL SELECT 'function', proname, proowner FROM pg_proc, schema
            WHERE pronamespace = schema.oid
        UNION ALL SELECT 'operator', oprname, oprowner FROM pg_operator, schema
            WHERE oprnamespace = schema.oid
        UNION ALL SELECT 'type', typname, typowner FROM pg_type, schema
            WHERE typnamespace = schema.oid
        UNION ALL SELECT 'trigger', tgname, proowner FROM pg_trigger
            JOIN pg_class ON pg_class.oid = tgrelid
            JOIN pg_proc ON pg_proc.oid = tgfoid, schema
            WHERE relnamespace = schema.oid AND NOT tgisinternal
    )
    SELECT pg_get_userbyid(nspowner)::text,
        nspowner = (SELECT oid FROM pg_roles WHERE rolname = current_user),
        (SELECT string_agg(
                CASE WHEN grantee = 0::pg_catalog.oid THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                ', ')
            FROM aclexplode(nspacl)
            WHERE privilege_type = 'CREATE' AND grantee <> nspowner),
        (SELECT string_agg(
                kind || ' ' || quote_ident(name) || ' of ' || quote_ident(pg_get_userbyid(owner)),
                ', ')
            FROM (SELECT * FROM found WHERE owner <> nspowner AND owner NOT IN (
                SELECT oid FROM pg_roles WHERE rolsuper) LIMIT 5) AS others)
    FROM schema";

/// Searches nothing but the catalogue from now on: what is in the schema may be anybody's.
pub(super) async fn distrust(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SET search_path = pg_catalog, pg_temp")
        .execute(connection)
        .await
        .map(drop)
}

/// Refuses a schema that others can plant something in, or have. Until it has passed, the session
/// searches nothing but the catalogue.
pub(super) async fn check(connection: &mut PgConnection, owner: Owner) -> Result<(), OpenError> {
    distrust(connection).await?;
    let found: Option<(String, bool, Option<String>, Option<String>)> = sqlx::query_as(QUESTION)
        .fetch_optional(&mut *connection)
        .await?;
    let trouble = match found {
        None => {
            let (found, known) = (0, known());
            return Err(OpenError::NotMigrated { found, known });
        }
        Some((role, false, ..)) if owner == Owner::Us => format!(
            "the schema `keylend` belongs to `{role}`: it must belong to the role that Keylend \
             connects as; run `ALTER SCHEMA keylend OWNER TO ROLE`, where ROLE is that role"
        ),
        Some((_, _, Some(others), _)) => format!(
            "other roles can create objects in the schema `keylend`, and Keylend would use them: run \
             `REVOKE CREATE ON SCHEMA keylend FROM {others}`"
        ),
        Some((_, _, None, Some(others))) => format!(
            "the schema `keylend` contains objects that other roles own ({others}): drop them, or \
             make the schema's owner their owner"
        ),
        Some((_, _, None, None)) => {
            sqlx::query(TRUST).execute(connection).await?;
            return Ok(());
        }
    };
    Err(OpenError::Schema(trouble))
}
