import hashlib, json, sys

last = {"seq": 0, "hash": "0" * 64}
for line in open(sys.argv[1], encoding="utf-8"):
    entry = json.loads(line)
    prev_hash, claimed = entry.pop("prev_hash"), entry.pop("hash")
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    found = hashlib.sha256((prev_hash + text).encode("utf-8")).hexdigest()
    follows = entry["seq"] == last["seq"] + 1 and prev_hash == last["hash"]
    if found != claimed or not follows:
        sys.exit(f"entry {last['seq'] + 1} is not what it was")
    last = {"seq": entry["seq"], "hash": found}
print(f"{last['seq']} entries, {last['hash']}")
