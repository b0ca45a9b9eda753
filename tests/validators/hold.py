"""hold.py FOLDER

Holds what tests kept in FOLDER (`tests/support/sent.rs`) against `validate_blocks.py`, which judges
by Slack's documented limits, by the models of Slack's SDK for Python, and by Slack's types for
TypeScript. The validator is no part of this project: `./test.sh` skips this where there is none beside
the checkout. Any finding is a failure, a warning too.

The compiler takes half a second a file, so it is given one file with every distinct block.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
VALIDATOR = CHECKOUT / "../shared/tools/slack/validate_blocks.py"
VALIDATORS = Path(os.environ.get("KEYLEND_VALIDATORS", CHECKOUT / "target/validators"))


def shown(kept):
    """What a person sees of a body: its kind, and the object that the validator takes."""
    body = kept["body"]
    view = body.get("view")
    if view:
        return view["type"], view
    if "response_action" in body:
        return "mistakes", body
    if "options" in body:
        menu = {"type": "static_select", "action_id": "menu", "options": body["options"]}
        return "suggestions", {"text": "-", "blocks": [{"type": "actions", "elements": [menu]}]}
    if body.get("link_names") is False:
        # The validator warns of the key; what it means is that it must not be true.
        body = {key: value for key, value in body.items() if key != "link_names"}
    return "message", body


def validate(things, *flags):
    """The validator's findings, each with the index of the thing it is about."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{index}.json" for index in range(len(things))]
        for file, thing in zip(files, things):
            file.write_text(json.dumps(thing))
        judged = subprocess.run(
            [sys.executable, VALIDATOR, "--json", *flags, *files],
            env={**os.environ, "SLACK_VALIDATOR_DIR": str(VALIDATORS)},
            capture_output=True,
            text=True,
        )
    answers, decoder = judged.stdout.strip(), json.JSONDecoder()
    reports = []
    while answers:
        report, end = decoder.raw_decode(answers)
        reports.append(report)
        answers = answers[end:].lstrip()
    if len(reports) != len(things):
        sys.exit(f"hold.py: the validator failed: {judged.stderr}")
    for index, report in enumerate(reports):
        for finding in report["findings"]:
            if not is_meant(things[index], finding):
                yield index, finding


def is_meant(thing, finding):
    """A Home shows several questions, and each has one button that is the likely answer."""
    is_home = isinstance(thing, dict) and thing.get("type") == "home"
    return is_home and "primary buttons" in finding["message"]


def compile_distinct(things):
    """What the compiler finds in the blocks and the views around them, each looked at once."""
    distinct = {json.dumps(block) for thing in things for block in thing.get("blocks") or []}
    blocks = [json.loads(block) for block in sorted(distinct)]
    views = [thing for thing in things if "type" in thing]
    frames = {json.dumps({**view, "blocks": [], "private_metadata": ""}) for view in views}
    units = [blocks, *map(json.loads, sorted(frames))]
    for index, finding in validate(units, "--no-sdk"):
        if finding["layer"] == "tsc":
            place = finding["pointer"].split("/")
            is_block = index == 0 and len(place) > 2
            yield blocks[int(place[2])] if is_block else units[index], finding


def main():
    all_kept = [json.loads(file.read_text()) for file in Path(sys.argv[1]).glob("*.json")]
    # A search that finds nothing is answered with no options, which no menu may have.
    all_kept = [kept for kept in all_kept if kept["body"].get("options") != []]
    if not all_kept:
        sys.exit("hold.py: nothing was kept")
    kinds, things = zip(*map(shown, all_kept))
    found = [(things[index], finding) for index, finding in validate(things, "--no-tsc")]
    found += compile_distinct(things)
    for thing, finding in found:
        print(f"hold.py: {finding['layer']} {finding['pointer']}: {finding['message']}")
        print(f"    in {json.dumps(thing)[:2000]}")
    counts = ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).most_common())
    print(f"hold.py: held {counts}; violations: {len(found)}")
    return 1 if found else 0


sys.exit(main())
