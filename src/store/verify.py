"""Verifies an export of Keylend's log: python3 verify.py FILE [--head SEQ:HASH] [--after SEQ:HASH]

Exit codes: 0 all is well, 1 refused or found wrong, 2 usage.
"""
import argparse, decimal, hashlib, json, re, sys

KEYS = ["actor", "at", "body", "hash", "kind", "prev_hash", "request_id", "rules", "seq", "texts",
        "version"]
PERSONAL = ["email", "reason", "ticket"]
DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LONGEST, DEEPEST = 1024 * 1024, 100
AGAIN = "If the file is damaged, export the log again. Pass the head that you saved with --head"


def canonical(value, deepest=DEEPEST):
    """The value as RFC 8785 writes it."""
    if isinstance(value, (dict, list)) and not deepest:
        raise ValueError("it is nested too deep")
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        members = (canonical(key) + ":" + canonical(value[key], deepest - 1) for key in keys)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, deepest - 1) for item in value) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(float(value))
    return json.dumps(value, ensure_ascii=False)


def shown(text):
    """JSON without characters that steer a terminal or turn the direction of text."""
    unsafe = "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    return re.sub(unsafe, lambda found: f"\\u{ord(found[0]):04x}", text)


def number(value):
    """The number as JavaScript writes it."""
    if value == 0:
        return "0"
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("it holds what is not a number")
    _, digits, exponent = decimal.Decimal(repr(abs(value))).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if len(text) <= point <= 21:
        text += "0" * (point - len(text))
    elif 0 < point <= 21:
        text = text[:point] + "." + text[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + text
    else:
        fraction = "." + text[1:] if text[1:] else ""
        text = f"{text[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return "-" + text if value < 0 else text


def entry_in(line):
    """The entry, if the line is written as Keylend writes it, byte for byte."""
    text = line.decode("utf-8")
    entry = json.loads(text)
    of = lambda kind, *keys: all(type(entry[key]) is kind for key in keys)
    if not isinstance(entry, dict) or sorted(entry) != KEYS or shown(canonical(entry)) != text:
        raise ValueError("it is not in canonical form")
    if not of(str, "actor", "at", "hash", "kind", "prev_hash") or not of(int, "seq", "version"):
        raise ValueError("it is not an entry")
    if not (entry["request_id"] is None or of(str, "request_id")):
        raise ValueError("it is not an entry")
    if not 0 <= entry["seq"] < 2**64 or not 0 <= entry["version"] < 2**32:
        raise ValueError("it is not an entry")
    if not of(dict, "texts") or not all(map(is_text, entry["texts"].values())):
        raise ValueError("it is not an entry")
    return entry


def is_text(value):
    """Whether it is a salt and a text."""
    return type(value) is list and len(value) == 2 and all(type(item) is str for item in value)


def digests(value, place=""):
    """The digests in the place of personal data, and where each stands."""
    if isinstance(value, dict):
        for name, member in value.items():
            at = place + "/" + name.replace("~", "~0").replace("/", "~1")
            if name in PERSONAL and isinstance(member, str):
                yield at, member
            else:
                yield from digests(member, at)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, str) and item.startswith("address:"):
                yield f"{place}/{number}", item[len("address:"):]
            else:
                yield from digests(item, f"{place}/{number}")


def missing_texts(entry):
    """How many texts are not there; fails if one does not have its digest."""
    texts, missing = dict(entry["texts"]), 0
    for place, digest in digests(entry["body"]):
        salt, text = texts.pop(place, (None, None))
        hashed = salt and hashlib.sha256((salt + text).encode("utf-8")).hexdigest()
        if salt is None:
            missing += 1
        elif len(salt.encode("utf-8")) != 32 or digest != "sha256:" + hashed:
            sys.exit(f"the log is broken: entry {entry['seq']}: the text of {place} was changed")
    for place in texts:
        sys.exit(f"the log is broken: entry {entry['seq']}: the text of {place} was changed")
    return missing


def head(text):
    """A place in the log as the command line gives it."""
    found = re.fullmatch(r"(0|[1-9][0-9]{0,19}):([0-9a-fA-F]{64})", text, re.ASCII)
    place = found and (int(found[1]), found[2].lower())
    if not place or place[0] >= 2**64 or (place[0] == 0 and place[1] != "0" * 64):
        raise argparse.ArgumentTypeError("write a number, a colon and 64 hexadecimal digits")
    return place


def verify(file, after, anchor):
    start, last = after or (0, "0" * 64)
    if anchor and anchor[0] <= start and anchor != (start, last):
        sys.exit(f"not verified: the head, entry {anchor[0]}, is not in the verified range, which "
                 f"begins with entry {start + 1}. Verify an export that contains it")
    seq, at = start, ""
    lines = missing = 0
    while line := file.readline(LONGEST + 1):
        lines += 1
        if not line.endswith(b"\n"):
            kind = "is too long" if len(line) > LONGEST else "does not end: the file was cut off"
            sys.exit(f"not verified: line {lines} {kind}. {AGAIN}")
        try:
            entry = entry_in(line[:-1])
        except (ValueError, OverflowError, RecursionError) as error:
            sys.exit(f"not verified: line {lines} is not an entry in canonical form (RFC 8785): "
                     f"{error}. {AGAIN}")
        if lines == 1 and not after and entry["seq"] > 1:
            sys.exit(f"not verified: the file begins with entry {entry['seq']}, so the beginning of "
                     "the log is missing. To verify a partial export, pass the head that you saved "
                     f"for the entry before it: --after {entry['seq'] - 1}:HASH")
        hashed = {key: entry[key] for key in KEYS if key not in ("hash", "prev_hash", "texts")}
        hashed = hashlib.sha256((entry["prev_hash"] + canonical(hashed)).encode("utf-8")).hexdigest()
        if entry["seq"] != seq + 1 or entry["prev_hash"] != last or entry["hash"] != hashed:
            sys.exit(f"the log is broken: entry {seq + 1} is not what it was")
        if not re.fullmatch(DATE, entry["at"], re.ASCII):
            sys.exit(f"the log is broken: entry {seq + 1} has no valid date")
        if entry["at"] < at:
            sys.exit(f"the log is broken: entry {seq + 1} is dated before the entry before it")
        missing += missing_texts(entry)
        seq, last, at = entry["seq"], entry["hash"], entry["at"]
        if anchor and anchor[0] == seq and anchor[1] != last:
            sys.exit(f"the log is broken: entry {seq} is not the one that was seen before")
    if not lines:
        sys.exit(f"not verified: the file has no entries. {AGAIN}")
    if anchor and anchor[0] > seq:
        sys.exit(f"the log is broken: entry {anchor[0]} is missing: the log ends with entry {seq}")
    lacking = f"{missing} texts missing, " if missing else ""
    print(f"verified entries {start + 1} to {seq}: {seq - start} entries, {lacking}head {seq}:{last}")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(allow_abbrev=False)
    arguments.add_argument("file")
    arguments.add_argument("--head", type=head, help="a head that you saved before, which the log has to contain")
    arguments.add_argument("--after", type=head, help="for a partial export: the head that you saved for the entry before its first one")
    given = arguments.parse_args()
    try:
        with open(given.file, "rb") as export:
            verify(export, given.after, given.head)
    except OSError as error:
        sys.exit(f"not verified: {error}")
