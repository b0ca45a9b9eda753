//! The rights that there are in a database.

use sqlx::PgConnection;

use super::{
    super::error::Error,
    database::{Database, MOST_ROWS},
    parties::Parties,
    right::Right,
    since::{Since, since},
};

/// The rights in one database, apart from those that PostgreSQL gives by itself: all of them, or those
/// on what was changed `since`.
pub(super) async fn list(
    parties: &Parties,
    connection: &mut PgConnection,
    database: &Database,
    since: Option<Since>,
) -> Result<Vec<Right>, Error> {
    let rows: Vec<Right> = sqlx::query_as(concat!(
        "WITH a(class, objid, subid, word, schema, acl, owner, kind, has_default, xid) AS ( \
           SELECT 1259, c.oid, 0, \
                  CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                       THEN 'sequence' ELSE 'table' END, \
                  NULL::pg_catalog.text, c.relacl, c.relowner, \
                  CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                       THEN 's' ELSE 'r' END, true, c.xmin \
           FROM pg_catalog.pg_class c WHERE c.relacl IS NOT NULL \
           UNION ALL \
           SELECT 1259, t.attrelid, t.attnum, 'table', NULL, t.attacl, c.relowner, 'c', true, t.xmin \
           FROM pg_catalog.pg_attribute t \
           JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.attrelid \
           WHERE t.attacl IS NOT NULL AND NOT t.attisdropped \
           UNION ALL \
           SELECT 1255, p.oid, 0, 'routine', NULL, p.proacl, p.proowner, 'f', true, p.xmin \
           FROM pg_catalog.pg_proc p WHERE p.proacl IS NOT NULL \
           UNION ALL \
           SELECT 2615, n.oid, 0, 'schema', NULL, n.nspacl, n.nspowner, 'n', true, n.xmin \
           FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL \
           UNION ALL \
           SELECT 1247, t.oid, 0, 'type', NULL, t.typacl, t.typowner, 'T', true, t.xmin \
           FROM pg_catalog.pg_type t WHERE t.typacl IS NOT NULL \
           UNION ALL \
           SELECT 2613, l.oid, 0, 'large object', NULL, l.lomacl, l.lomowner, 'L', true, l.xmin \
           FROM pg_catalog.pg_largeobject_metadata l WHERE l.lomacl IS NOT NULL \
           UNION ALL \
           SELECT 1417, s.oid, 0, 'foreign server', NULL, s.srvacl, s.srvowner, 'S', true, s.xmin \
           FROM pg_catalog.pg_foreign_server s WHERE s.srvacl IS NOT NULL \
           UNION ALL \
           SELECT 1262, d.oid, 0, 'database', NULL, d.datacl, d.datdba, 'd', true, d.xmin \
           FROM pg_catalog.pg_database d \
           WHERE d.datacl IS NOT NULL \
             AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() \
           UNION ALL \
           SELECT 826, f.oid, 0, \
                  CASE WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'r'::pg_catalog.\"char\" \
                       THEN 'tables' \
                       WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                       THEN 'sequences' \
                       WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'f'::pg_catalog.\"char\" \
                       THEN 'routines' \
                       WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'T'::pg_catalog.\"char\" \
                       THEN 'types' \
                       WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'n'::pg_catalog.\"char\" \
                       THEN 'schemas' ELSE 'large objects' END, \
                  pg_catalog.quote_ident(n.nspname::pg_catalog.text), f.defaclacl, f.defaclrole, \
                  CASE WHEN f.defaclobjtype OPERATOR(pg_catalog.=) 'S'::pg_catalog.\"char\" \
                       THEN 's' ELSE f.defaclobjtype::pg_catalog.text END, \
                  f.defaclnamespace OPERATOR(pg_catalog.=) 0::pg_catalog.oid, f.xmin \
           FROM pg_catalog.pg_default_acl f \
           LEFT JOIN pg_catalog.pg_namespace n \
             ON n.oid OPERATOR(pg_catalog.=) f.defaclnamespace), \
         g AS ( \
           SELECT a.class, a.objid, a.subid, a.word, a.schema, e.grantor, e.grantee, \
                  pg_catalog.array_agg(e.privilege_type) AS privileges, \
                  pg_catalog.bool_or(e.is_grantable) AS is_grantable \
           FROM a CROSS JOIN LATERAL pg_catalog.aclexplode(a.acl) e \
           WHERE e.grantor OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) \
             AND e.grantee OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.oid[]) \
             AND e.grantee OPERATOR(pg_catalog.<>) a.owner \
             AND ($3::pg_catalog.int8 IS NULL OR ",
        since!("a.xid", "$3", "$4"),
        ") AND NOT (a.has_default AND EXISTS ( \
                    SELECT FROM pg_catalog.aclexplode( \
                        pg_catalog.acldefault(a.kind::pg_catalog.\"char\", a.owner)) d \
                    WHERE d.grantee OPERATOR(pg_catalog.=) e.grantee \
                      AND d.privilege_type OPERATOR(pg_catalog.=) e.privilege_type)) \
           GROUP BY a.class, a.objid, a.subid, a.word, a.schema, e.grantor, e.grantee \
           LIMIT $5::pg_catalog.int8) \
         SELECT g.class::pg_catalog.int8 AS class, g.objid::pg_catalog.int8 AS objid, \
                g.subid::pg_catalog.int4 AS subid, \
                CASE WHEN g.class OPERATOR(pg_catalog.=) 826 THEN g.word \
                     ELSE pg_catalog.concat(g.word, ' ', \
                        (pg_catalog.pg_identify_object(g.class::pg_catalog.oid, g.objid, 0)).identity) \
                     END AS object, \
                pg_catalog.quote_ident(t.attname::pg_catalog.text) AS column_name, \
                g.schema AS schema, \
                g.grantor AS grantor, o.rolname::pg_catalog.text AS grantor_name, \
                g.grantee AS grantee, r.rolname::pg_catalog.text AS grantee_name, \
                g.privileges AS privileges, g.is_grantable AS is_grantable \
         FROM g \
         JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) g.grantor \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) g.grantee \
         LEFT JOIN pg_catalog.pg_attribute t \
           ON g.class OPERATOR(pg_catalog.=) 1259 \
          AND g.subid OPERATOR(pg_catalog.<>) 0 \
          AND t.attrelid OPERATOR(pg_catalog.=) g.objid \
          AND t.attnum OPERATOR(pg_catalog.=) g.subid"
    ))
    .bind(&parties.makers)
    .bind(&parties.receivers)
    .bind(since.map(|since| since.xmin))
    .bind(since.map(|since| since.now))
    .bind(MOST_ROWS + 1)
    .fetch_all(connection)
    .await?;
    match i64::try_from(rows.len()) {
        Ok(count) if count <= MOST_ROWS => Ok(rows),
        _ => Err(Error::Refused(format!(
            "more than {MOST_ROWS} rights in the database `{}`",
            database.name
        ))),
    }
}
