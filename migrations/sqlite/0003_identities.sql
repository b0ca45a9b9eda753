-- The identities of those who have open requests: `id:U0ALICE`, `address:alice@example.com`,
-- `person:alice`. Two requests that share one are one human's.
CREATE TABLE identities (
    request_id TEXT NOT NULL REFERENCES requests (id),
    key        TEXT NOT NULL,
    PRIMARY KEY (key, request_id)
) STRICT;

CREATE INDEX identities_by_request ON identities (request_id, key);

-- The version of what is held under each identity.
DROP TABLE holders;
CREATE TABLE holders (
    key     TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT;

-- To whom each name in the targets belongs: an array of people, each an array of identities. Nobody
-- is granted anything under a name that several people have used.
CREATE TABLE names (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    owners  TEXT NOT NULL
) STRICT;

UPDATE requests SET snapshot = json_set(
    snapshot, '$.human', json_array('id:' || requester, 'address:' || lower(snapshot ->> 'email')));

INSERT INTO identities (request_id, key)
SELECT requests.id, item.value FROM requests, json_each(snapshot, '$.human') AS item WHERE open = 1;

-- Every approval before this one has bound its requester's name.
INSERT INTO names (name, version, owners)
SELECT name, 1, json_group_array(json(human))
FROM (SELECT DISTINCT lower(snapshot ->> 'username') AS name, snapshot -> 'human' AS human
      FROM requests WHERE snapshot ->> 'expires_at' IS NOT NULL)
GROUP BY name;
