-- What replicas tell each other of people: facts that are not true any more, as JSON. A notification
-- only says that there is something to look at here, since every user of the database can send one.
CREATE TABLE outdated (
    fact    TEXT COLLATE "C" PRIMARY KEY,
    told_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX outdated_by_time ON outdated (told_at);
