-- The identities of those who have open requests: `id:U0ALICE`, `address:alice@example.com`,
-- `person:alice`. Two requests that share one are one human's.
CREATE TABLE identities (
    request_id TEXT NOT NULL,
    key        TEXT NOT NULL,
    PRIMARY KEY (key, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_request ON identities (request_id, key);

-- The version of what is held under each identity.
DROP TABLE holders;
CREATE TABLE holders (
    key     TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is known of each person: for each identity of theirs, all of them.
CREATE TABLE humans (
    key   TEXT PRIMARY KEY,
    human TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- To whom each name in the targets belongs: an array of people, each an array of identities. Nobody
-- is granted anything under a name that several people have used.
CREATE TABLE names (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    owners  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

UPDATE requests SET snapshot = json_set(
    snapshot, '$.human', json_array('id:' || requester, 'address:' || lower(snapshot ->> 'email')));

CREATE TABLE known AS
SELECT requests.id, item.value AS key, open, snapshot ->> 'expires_at' IS NOT NULL AS approved
FROM requests, json_each(snapshot, '$.human') AS item;

INSERT INTO identities (request_id, key) SELECT id, key FROM known WHERE open = 1;

INSERT INTO humans (key, human)
SELECT key, json_group_array(other)
FROM (SELECT DISTINCT one.key AS key, two.key AS other
      FROM known AS one JOIN known AS two ON two.id = one.id
      ORDER BY one.key, two.key LIKE 'id:%' DESC, two.key)
GROUP BY key;

INSERT INTO holders (key, version) SELECT key, count(*) FROM known WHERE approved GROUP BY key;

DROP TABLE known;

-- Every approval before this one has bound its requester's name.
INSERT INTO names (name, version, owners)
SELECT name, 1, json_group_array(json(human))
FROM (SELECT DISTINCT lower(snapshot ->> 'username') AS name, snapshot -> 'human' AS human
      FROM requests WHERE snapshot ->> 'expires_at' IS NOT NULL)
GROUP BY name;

-- Locks and names: the few entries that tell of no request.
CREATE INDEX events_of_no_request ON events (seq) WHERE request_id IS NULL;
