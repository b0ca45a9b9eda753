-- Times are milliseconds since 1970 in UTC, JSON is text, truth is 0 or 1.

-- The log. Its columns hold exactly the text that was hashed: `at` is RFC 3339, `body` and `rules`
-- are canonical JSON. How to check it is told in src/store/chain.rs.
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    request_id TEXT,
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    rules      TEXT NOT NULL,
    body       TEXT NOT NULL,
    prev_hash  TEXT NOT NULL,
    hash       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    texts      TEXT NOT NULL, -- personal data in the place of digests, canonical JSON that is not hashed
    mac        TEXT NOT NULL -- by what Keylend knows that it wrote the entry: see src/store/key.rs
) STRICT;

CREATE INDEX events_by_request ON events (request_id, seq);
CREATE INDEX events_of_no_request ON events (seq) WHERE request_id IS NULL;
CREATE INDEX approvals ON events (request_id) WHERE kind = 'approved';
CREATE UNIQUE INDEX asked ON events (body ->> 'ask_key')
    WHERE kind = 'requested';

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

-- Also keeps INSERT OR REPLACE out, which deletes without asking the trigger above.
CREATE TRIGGER events_follow_each_other BEFORE INSERT ON events
WHEN NEW.seq <> 1 + (SELECT coalesce(max(seq), 0) FROM events)
BEGIN SELECT RAISE(ABORT, 'the log has no gaps and is append-only'); END;

-- The requests as the log tells them.
CREATE TABLE requests (
    -- As `RequestId` writes it, so that every row can be read.
    id        TEXT PRIMARY KEY CHECK (length(id) = 12 AND id NOT GLOB '*[^0-9a-hjkmnp-tv-z]*'),
    version   INTEGER NOT NULL,
    requester TEXT NOT NULL,
    scope     TEXT NOT NULL,
    state     TEXT NOT NULL,
    open      INTEGER NOT NULL,
    asked_at  INTEGER NOT NULL,
    failures  INTEGER NOT NULL, -- in a row, of the worst layer while it is ending
    last_seq  INTEGER NOT NULL, -- its last entry in the log
    snapshot  TEXT NOT NULL,
    awaits    INTEGER NOT NULL -- whether it waits for a decision: the first one, or one on more time
) STRICT;

CREATE INDEX open_requests ON requests (asked_at, id) WHERE open = 1;
CREATE INDEX open_requests_by_requester ON requests (requester, asked_at, id) WHERE open = 1;
CREATE INDEX open_requests_by_scope ON requests (scope, asked_at, id) WHERE open = 1;
CREATE INDEX past_requests_by_requester ON requests (requester, last_seq) WHERE open = 0;
CREATE INDEX stuck_requests ON requests (failures) WHERE failures > 0;
CREATE INDEX awaiting_requests ON requests (asked_at, id) WHERE awaits = 1;

-- When each lane has to look at a request next.
CREATE TABLE due (
    request_id TEXT NOT NULL REFERENCES requests (id),
    lane       TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    PRIMARY KEY (request_id, lane)
) STRICT;

CREATE INDEX due_by_lane ON due (lane, due_at, request_id);

-- The layers that may stand in their targets: inspected and not revoked.
CREATE TABLE layers (
    request_id  TEXT NOT NULL REFERENCES requests (id),
    layer       INTEGER NOT NULL,
    entitlement TEXT NOT NULL,
    managed     INTEGER NOT NULL,
    goes_on     INTEGER NOT NULL,
    PRIMARY KEY (request_id, layer)
) STRICT;

CREATE INDEX layers_by_entitlement ON layers (entitlement);

-- The locks in force.
CREATE TABLE locks (
    target TEXT PRIMARY KEY,
    set_at INTEGER NOT NULL,
    lock   TEXT NOT NULL
) STRICT;

-- Encrypted, and erased when their request is over.
CREATE TABLE credentials (
    request_id TEXT NOT NULL REFERENCES requests (id),
    layer      INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (request_id, layer)
) STRICT;

-- One row, which is written from time to time to find out whether the store can be.
CREATE TABLE write_probe (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO write_probe (one, number) VALUES (1, 0);

-- The deliveries that something was committed for, so that nothing is when they come again. They are
-- remembered for ten minutes.
CREATE TABLE deliveries (
    key      TEXT PRIMARY KEY,
    noted_at INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_by_time ON deliveries (noted_at);

-- What a replica knew of people by some entry of the log, encrypted under `secrets.key`, so that the
-- next start reads on from there. Without it, or if it was changed, the whole log is read.
CREATE TABLE kept_people (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB NOT NULL
) STRICT;

-- The greatest time that a replica has acted on, to ten seconds: a clock that is behind it is not
-- believed. No row before the first start.
CREATE TABLE high_water (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
) STRICT;

-- How far each of those who follow the log has come.
CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL,
    mac  TEXT NOT NULL -- see src/store/key.rs
) STRICT;

-- What those who follow the log keep, such as what is shown to whom. Nothing here follows from the
-- log alone, and no decision rests on it.
CREATE TABLE documents (
    collection TEXT NOT NULL,
    key        TEXT NOT NULL,
    version    INTEGER NOT NULL, -- moves with every write and every touch
    due_at     INTEGER,          -- when it has its turn
    is_urgent  INTEGER NOT NULL, -- whether it does not wait behind others
    body       TEXT NOT NULL,
    mac        TEXT NOT NULL,   -- see src/store/key.rs
    PRIMARY KEY (collection, key)
) STRICT;

CREATE INDEX due_documents ON documents (collection, is_urgent DESC, due_at, key)
    WHERE due_at IS NOT NULL;

-- By what documents are found, and touched together.
CREATE TABLE document_refs (
    collection TEXT NOT NULL,
    key        TEXT NOT NULL,
    refers_to  TEXT NOT NULL,
    PRIMARY KEY (collection, refers_to, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX document_refs_by_key ON document_refs (collection, key);
