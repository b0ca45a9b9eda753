-- Whether a request waits for somebody's decision: the first one, or one on more time.
ALTER TABLE requests ADD COLUMN awaits BIGINT NOT NULL DEFAULT 0;

UPDATE requests SET awaits = 1
WHERE open = 1 AND (state = 'pending' OR snapshot::json ->> 'extension' IS NOT NULL);

CREATE INDEX awaiting_requests ON requests (asked_at, id) WHERE awaits = 1;

-- The App Homes of those who have opened theirs.
CREATE TABLE homes (
    person   TEXT COLLATE "C" PRIMARY KEY,
    shown    TEXT,             -- a digest of what Slack shows; nothing where that is not known
    touched  BIGINT NOT NULL,  -- moves whenever what it shows may have changed
    failures BIGINT NOT NULL,
    due_at   BIGINT
);

CREATE INDEX due_homes ON homes (due_at) WHERE due_at IS NOT NULL;

-- What each Home asks its person to decide: it has to lose the question when that is answered.
CREATE TABLE home_questions (
    request_id TEXT COLLATE "C" NOT NULL REFERENCES requests (id),
    person     TEXT COLLATE "C" NOT NULL REFERENCES homes (person),
    PRIMARY KEY (request_id, person)
);

CREATE INDEX home_questions_by_person ON home_questions (person);

-- Nobody has opened a Home yet, so nothing that has happened so far concerns any.
INSERT INTO cursors (feed, seq) SELECT 'homes', max(seq) FROM events HAVING max(seq) IS NOT NULL;
