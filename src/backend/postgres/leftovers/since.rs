//! What changed in a range of transactions.

/// The condition that a transaction, by the number that PostgreSQL keeps of it in a row, is not older than one
/// and began before another. Numbers in rows have 32 bits and begin anew; those below 3 are of no transaction.
macro_rules! since {
    ($xid:literal, $from:literal, $now:literal) => {
        concat!(
            "(",
            $xid,
            "::pg_catalog.text::pg_catalog.int8 OPERATOR(pg_catalog.>=) 3::pg_catalog.int8 \
              AND ((",
            $xid,
            "::pg_catalog.text::pg_catalog.int8 OPERATOR(pg_catalog.-) ",
            $from,
            "::pg_catalog.int8) OPERATOR(pg_catalog.&) 4294967295::pg_catalog.int8) \
                OPERATOR(pg_catalog.<) (",
            $now,
            "::pg_catalog.int8 OPERATOR(pg_catalog.-) ",
            $from,
            "::pg_catalog.int8))"
        )
    };
}
pub(super) use since;

/// A range of transactions.
#[derive(Clone, Copy)]
pub(super) struct Since {
    pub(super) xmin: i64,
    pub(super) now: i64,
}
