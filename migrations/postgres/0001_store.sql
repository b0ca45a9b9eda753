-- Times are milliseconds since 1970 in UTC, JSON is text, truth is 0 or 1. Text is compared by its
-- bytes, so that order does not depend on the server's language.

-- The log. Its columns hold exactly the text that was hashed: `at` is RFC 3339, `body` and `rules`
-- are canonical JSON. How to check it is told in src/store/chain.rs.
CREATE TABLE events (
    seq        BIGINT PRIMARY KEY,
    at         TEXT NOT NULL,
    request_id TEXT COLLATE "C",
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    rules      TEXT NOT NULL,
    body       TEXT NOT NULL,
    prev_hash  TEXT NOT NULL,
    hash       TEXT NOT NULL,
    version    BIGINT NOT NULL,
    texts      TEXT NOT NULL, -- personal data in the place of digests, canonical JSON that is not hashed
    mac        TEXT NOT NULL -- by what Keylend knows that it wrote the entry: see src/store/key.rs
);

CREATE INDEX events_by_request ON events (request_id, seq);
CREATE INDEX events_of_no_request ON events (seq) WHERE request_id IS NULL;
CREATE INDEX approvals ON events (request_id) WHERE kind = 'approved';
CREATE UNIQUE INDEX asked ON events ((body::jsonb ->> 'ask_key'))
    WHERE kind = 'requested';

CREATE FUNCTION the_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only';
END $$;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION the_log_is_append_only();

CREATE FUNCTION the_log_has_no_gaps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- By its full name: whoever inserts may have a temporary table `events`.
    IF NEW.seq <> 1 + (SELECT coalesce(max(seq), 0) FROM keylend.events) THEN
        RAISE EXCEPTION 'the log has no gaps and is append-only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER events_follow_each_other BEFORE INSERT ON events
FOR EACH ROW EXECUTE FUNCTION the_log_has_no_gaps();

-- The requests as the log tells them.
CREATE TABLE requests (
    -- As `RequestId` writes it, so that every row can be read.
    id        TEXT COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9a-hjkmnp-tv-z]{12}$'),
    version   BIGINT NOT NULL,
    requester TEXT COLLATE "C" NOT NULL,
    scope     TEXT COLLATE "C" NOT NULL,
    state     TEXT NOT NULL,
    open      BIGINT NOT NULL,
    asked_at  BIGINT NOT NULL,
    failures  BIGINT NOT NULL, -- in a row, of the worst layer while it is ending
    last_seq  BIGINT NOT NULL, -- its last entry in the log
    snapshot  TEXT NOT NULL,
    awaits    BIGINT NOT NULL -- whether it waits for a decision: the first one, or one on more time
);

CREATE INDEX open_requests ON requests (asked_at, id) WHERE open = 1;
CREATE INDEX open_requests_by_requester ON requests (requester, asked_at, id) WHERE open = 1;
CREATE INDEX open_requests_by_scope ON requests (scope, asked_at, id) WHERE open = 1;
CREATE INDEX past_requests_by_requester ON requests (requester, last_seq) WHERE open = 0;
CREATE INDEX stuck_requests ON requests (failures) WHERE failures > 0;
CREATE INDEX awaiting_requests ON requests (asked_at, id) WHERE awaits = 1;

-- When each lane has to look at a request next.
CREATE TABLE due (
    request_id TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    lane       TEXT COLLATE "C" NOT NULL,
    due_at     BIGINT NOT NULL,
    PRIMARY KEY (request_id, lane)
);

CREATE INDEX due_by_lane ON due (lane, due_at, request_id);

-- The layers that may stand in their targets: inspected and not revoked.
CREATE TABLE layers (
    request_id  TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    layer       BIGINT NOT NULL,
    entitlement TEXT COLLATE "C" NOT NULL,
    managed     BIGINT NOT NULL,
    goes_on     BIGINT NOT NULL,
    PRIMARY KEY (request_id, layer)
);

CREATE INDEX layers_by_entitlement ON layers (entitlement);

-- The locks in force.
CREATE TABLE locks (
    target TEXT COLLATE "C" PRIMARY KEY,
    set_at BIGINT NOT NULL,
    lock   TEXT NOT NULL
);

-- Encrypted, and erased when their request is over.
CREATE TABLE credentials (
    request_id TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    layer      BIGINT NOT NULL,
    sealed     BYTEA NOT NULL,
    PRIMARY KEY (request_id, layer)
);

-- One row, which is written from time to time to find out whether the store can be.
CREATE TABLE write_probe (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL
);

INSERT INTO write_probe (one, number) VALUES (1, 0);

-- The deliveries that something was committed for, so that nothing is when they come again. They are
-- remembered for ten minutes.
CREATE TABLE deliveries (
    key      TEXT COLLATE "C" PRIMARY KEY,
    noted_at BIGINT NOT NULL
);

CREATE INDEX deliveries_by_time ON deliveries (noted_at);

-- What a replica knew of people by some entry of the log, encrypted under `secrets.key`, so that the
-- next start reads on from there. Without it, or if it was changed, the whole log is read.
CREATE TABLE kept_people (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BYTEA NOT NULL
);

-- The greatest time that a replica has acted on, to ten seconds: a clock that is behind it is not
-- believed. No row before the first start.
CREATE TABLE high_water (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  BIGINT NOT NULL
);

-- How far each of those who follow the log has come.
CREATE TABLE cursors (
    name TEXT COLLATE "C" PRIMARY KEY,
    seq  BIGINT NOT NULL,
    mac  TEXT NOT NULL -- see src/store/key.rs
);

-- What those who follow the log keep, such as what is shown to whom. Nothing here follows from the
-- log alone, and no decision rests on it.
CREATE TABLE documents (
    collection TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL, -- moves with every write and every touch
    due_at     BIGINT,          -- when it has its turn
    is_urgent  BIGINT NOT NULL, -- whether it does not wait behind others
    body       TEXT NOT NULL,
    mac        TEXT NOT NULL,   -- see src/store/key.rs
    PRIMARY KEY (collection, key)
);

CREATE INDEX due_documents ON documents (collection, is_urgent DESC, due_at, key)
    WHERE due_at IS NOT NULL;

-- By what documents are found, and touched together.
CREATE TABLE document_refs (
    collection TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    refers_to  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (collection, refers_to, key)
);

CREATE INDEX document_refs_by_key ON document_refs (collection, key);

-- From here on: what only a store of several replicas has.

-- One row. Whoever writes holds it, so writers follow each other and the log has no gaps. It names
-- the configuration that is in force: replicas with another one stay out of the work.
CREATE TABLE service (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    configuration TEXT NOT NULL
);

INSERT INTO service (one, configuration) VALUES (1, '');

-- The replicas, and when each was heard of last, by this server's clock.
CREATE TABLE replicas (
    id            TEXT COLLATE "C" PRIMARY KEY,
    configuration TEXT NOT NULL,
    in_step       BOOLEAN NOT NULL, -- whether its clock is right, by this server's
    seen          TIMESTAMPTZ NOT NULL
);

-- What a replica alone works on, as long as it is heard of.
CREATE TABLE claims (
    name    TEXT COLLATE "C" PRIMARY KEY,
    replica TEXT COLLATE "C" NOT NULL
);

-- What replicas tell each other of people: facts that are not true any more, as JSON. A notification
-- only says that there is something to look at here, since every user of the database can send one.
CREATE TABLE outdated (
    fact    TEXT COLLATE "C" PRIMARY KEY,
    told_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX outdated_by_time ON outdated (told_at);
