-- The identities of those who have open requests: `id:U0ALICE`, `address:alice@example.com`,
-- `person:alice`. Two requests that share one are one human's.
CREATE TABLE identities (
    request_id TEXT COLLATE "C" NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (key, request_id)
);

CREATE INDEX identities_by_request ON identities (request_id, key);

-- The version of what is held under each identity.
DROP TABLE holders;
CREATE TABLE holders (
    key     TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);

-- What is known of each person: for each identity of theirs, all of them.
CREATE TABLE humans (
    key   TEXT COLLATE "C" PRIMARY KEY,
    human TEXT NOT NULL
);

-- To whom each name in the targets belongs: an array of people, each an array of identities. Nobody
-- is granted anything under a name that several people have used.
CREATE TABLE names (
    name    TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL,
    owners  TEXT NOT NULL
);

UPDATE requests SET snapshot = (snapshot::jsonb || jsonb_build_object('human', jsonb_build_array(
    'id:' || requester, 'address:' || lower((snapshot::json ->> 'email') COLLATE "C"))))::text;

CREATE TABLE known AS
SELECT requests.id, item.value AS key, open,
       snapshot::json ->> 'expires_at' IS NOT NULL AS approved
FROM requests, json_array_elements_text(snapshot::json -> 'human') AS item;

INSERT INTO identities (request_id, key) SELECT id, key FROM known WHERE open = 1;

INSERT INTO humans (key, human)
SELECT key, json_agg(other ORDER BY other LIKE 'id:%' DESC, other)::text
FROM (SELECT DISTINCT one.key AS key, two.key AS other
      FROM known AS one JOIN known AS two ON two.id = one.id) AS together
GROUP BY key;

INSERT INTO holders (key, version) SELECT key, count(*) FROM known WHERE approved GROUP BY key;

DROP TABLE known;

-- Every approval before this one has bound its requester's name.
INSERT INTO names (name, version, owners)
SELECT name, 1, jsonb_agg(human)::text
FROM (SELECT DISTINCT lower((snapshot::json ->> 'username') COLLATE "C") AS name,
             snapshot::jsonb -> 'human' AS human
      FROM requests WHERE snapshot::json ->> 'expires_at' IS NOT NULL) AS used
GROUP BY name;

-- Locks and names: the few entries that tell of no request.
CREATE INDEX events_of_no_request ON events (seq) WHERE request_id IS NULL;
