#!/usr/bin/env python3
"""A complete receiver for Keylend's orders, as a web service or as a program.

    export KEYLEND_WEBHOOK_SECRET=…
    receiver.py serve --backend wiki --folder /var/lib/receiver    # [backends.wiki.webhook]
    receiver.py run --backend wiki --folder /var/lib/receiver      # [backends.wiki.exec]

Replace `Target` with the system in which you grant access; the rest can stay as it is. With
`--slow SECONDS`, `serve` answers orders with 202 and carries them out later, as you would if your
system takes longer than Keylend waits.

Put a proxy that speaks TLS in front of `serve`. docs/protocol.md describes the protocol. Needs
Python 3.9 or later on Linux or macOS, and nothing else.
"""

import argparse
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import traceback
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = 1
MAX_BODY = 1024 * 1024
MAX_AGE = 300  # seconds that a signature is valid
REMEMBERED = 24 * 3600  # seconds that an order which is done stays known at least
RETRY_AFTER = 1  # seconds after which Keylend asks for the status of pending work

GRANTED_BY = "keylend"  # what the target says of access that was granted here

FAILED = "the receiver or its target failed; its log says how"

EXIT_UNSUPPORTED = 64  # EX_USAGE: this receiver does not know the action
EXIT_REFUSED = 65  # EX_DATAERR: trying again does not help
EXIT_RETRY = 75  # EX_TEMPFAIL: try again
EXIT_SUPERSEDED = 76  # EX_PROTOCOL: a newer order has come before


class Refused(Exception):
    """The order is wrong: trying again does not help."""


class Unsupported(Exception):
    """This receiver does not know the action."""


class Superseded(Exception):
    """A newer order for the same handle has come before."""


class File:
    """A JSON object in a file, changed as a whole or not at all."""

    def __init__(self, path):
        self.path = path

    @contextlib.contextmanager
    def change(self):
        """The content, alone with it. It is saved at the end, unless there is an exception."""
        with locked(self.path.with_suffix(".lock")):
            content = self.read()
            yield content
            fresh = self.path.with_suffix(".new")
            with open(fresh, "w", encoding="utf-8") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def read(self):
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}


@contextlib.contextmanager
def locked(path):
    """Keeps out other threads and other processes."""
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Target:
    """The system in which access is granted. This one is a table in a file; yours has an API.

    `grant` and `revoke` may be called again after a crash, so they must not mind what is done
    already. After an exception Keylend tries again.
    """

    def __init__(self, folder):
        self.folder = folder
        self.table = File(folder / "access.json")

    def grant(self, order):
        """Gives the person the access, or sets its new end."""
        with self.table.change() as access:
            access[order["entitlement"]] = {
                "username": order["requester"]["username"],
                "params": order["params"],
                "expires_at": order["expires_at"],
                "granted_by": GRANTED_BY,
            }

    def revoke(self, order):
        """Takes the access away and ends what is open under it. There may be nothing to take."""
        with self.table.change() as access:
            access.pop(order["entitlement"], None)

    def has(self, order):
        """Whether the person has the access now. Ask the system itself, not your own records."""
        return order["entitlement"] in self.table.read()

    def leftovers(self, order):
        """What the person left behind under access that has ended, such as tokens. Here: nothing."""
        return []

    def holders(self, params):
        """Everybody who has what these parameters give, whoever granted it."""
        holders = []
        for entitlement, row in self.table.read().items():
            if row["params"] == params:
                managed = row["granted_by"] == GRANTED_BY
                holder = {
                    "name": row["username"],
                    "granted_by": row["granted_by"],
                    "managed": managed,
                }
                if managed:
                    holder["entitlement"] = entitlement
                holders.append(holder)
        return holders

    def diagnose(self, layers):
        """What the system is, and what this receiver may do in it. Changes nothing.

        `layers` are the parameters that access is granted with. This table takes any.
        """
        self.table.read()
        answer = {"version": "a table in a file", "present": ["read the table"]}
        if os.access(self.folder, os.W_OK):
            answer["present"].append("change the table")
        else:
            answer["missing"] = [f"change the table: make {self.folder} writable for this process"]
        return answer


class Receiver:
    """Takes orders: refuses those that are too old, and carries the others out."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.target = Target(folder)
        self.orders = File(folder / "orders.json")
        self.turn = folder / "turn.lock"

    def take(self, order):
        """Writes the order down before anything is done about it."""
        now = time.time()
        with self.orders.change() as orders:
            known = orders.get(order["handle"])
            if known:
                same = known["order"]["idempotency_key"] == order["idempotency_key"]
                newer_by = order["generation"] - known["order"]["generation"]
                if newer_by < 0 or (newer_by == 0 and not same):
                    raise Superseded("a newer order for this handle has come before")
                if newer_by == 0:
                    return  # a repetition: it is done, or will be
            for handle, other in list(orders.items()):
                # Only the newest order for a piece of access counts, whichever grant it is for.
                if other["order"]["entitlement"] == order["entitlement"]:
                    other["pending"] = False
                # Nothing that Keylend signed for it can be replayed any more.
                if (
                    not other["pending"]
                    and other["at"] < now - REMEMBERED
                    and has_expired(other["order"], MAX_AGE)
                ):
                    del orders[handle]
            orders[order["handle"]] = {"order": order, "pending": True, "at": now}

    def work(self):
        """Carries out what is pending. Returns the entitlements for which the target failed."""
        failed = set()
        # One at a time: an order that is under way must not take effect after a newer one.
        with locked(self.turn):
            while True:
                pending = [
                    known["order"]
                    for known in self.orders.read().values()
                    if known["pending"] and known["order"]["entitlement"] not in failed
                ]
                if not pending:
                    return failed
                order = pending[0]
                try:
                    self.carry_out(order)
                except Exception:  # whatever it is: the order stays pending
                    traceback.print_exc()
                    failed.add(order["entitlement"])
                    continue
                with self.orders.change() as orders:
                    known = orders.get(order["handle"])
                    # What came meanwhile is still to be done.
                    if known and known["order"]["idempotency_key"] == order["idempotency_key"]:
                        known["pending"] = False

    def carry_out(self, order):
        if order["action"] == "revoke":
            self.target.revoke(order)
        elif not has_expired(order):
            self.target.grant(order)

    def obey(self, order):
        """Takes an order and carries it out now."""
        self.take(order)
        if order["entitlement"] in self.work():
            raise RuntimeError("the target failed")

    def answer(self, order):
        """The answer to an order that changes nothing; nothing for an order that does."""
        if order["action"] == "status":
            return self.status(order)
        if order["action"] == "diagnose":
            return self.target.diagnose(order["layers"])
        if order["action"] == "inventory":
            return {"holders": self.target.holders(order["params"])}
        return None

    def status(self, order):
        orders = self.orders.read().values()
        same = [known for known in orders if known["order"]["entitlement"] == order["entitlement"]]
        # Read before the target: what becomes pending from here on is asked about again.
        pending = any(known["pending"] for known in same)
        answer = {"present": self.target.has(order)}
        if pending:
            answer.update(pending=True, retry_after=RETRY_AFTER)
        elif not answer["present"]:
            answer["leftovers"] = self.target.leftovers(order)
        return answer


def has_expired(order, seconds_ago=0):
    end = datetime.fromisoformat(order["expires_at"].replace("Z", "+00:00"))
    return end <= datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)


# The fields of each action that are used here, with their types.
STATUS = {
    "handle": str,
    "generation": int,
    "entitlement": str,
    "requester": dict,
    "params": dict,
    "expires_at": str,
}
CHANGE = {**STATUS, "idempotency_key": str}
ACTIONS = {
    "grant": CHANGE,
    "revoke": CHANGE,
    "status": STATUS,
    "diagnose": {"layers": list},
    "inventory": {"params": dict},
}


def parse(body, backend):
    """The order in these bytes, if it is one for this backend."""
    try:
        order = json.loads(body)
    except ValueError as error:
        raise Refused(f"the order is not JSON: {error}") from error
    if not isinstance(order, dict) or order.get("version") != VERSION:
        raise Refused(f"this receiver knows version {VERSION} of the protocol alone")
    if order.get("backend") != backend:
        raise Refused(f"this receiver serves the backend {backend} alone")
    action = order.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        raise Unsupported(f"this receiver knows the actions {', '.join(ACTIONS)}")
    if not all(isinstance(order.get(name), kind) for name, kind in ACTIONS[action].items()):
        raise Refused("the order lacks a field, or has one of another type")
    if action in ("diagnose", "inventory"):
        return order
    if not isinstance(order["requester"].get("username"), str):
        raise Refused("the requester has no username")
    try:
        expired = has_expired(order)
    except (TypeError, ValueError) as error:
        raise Refused("expires_at is not a time") from error
    if action == "grant" and expired:
        raise Refused("the grant has expired")
    return order


def is_genuine(secret, timestamp, signature, body):
    """Whether Keylend signed this body just now."""
    if not timestamp.isascii() or not timestamp.isdigit():
        return False
    message = b"v1:" + timestamp.encode() + b":" + body
    expected = "v1=" + hmac.new(secret, message, hashlib.sha256).hexdigest()
    # In constant time: how long it takes must not tell how much of a guess is right.
    signed = hmac.compare_digest(expected.encode(), signature.encode("latin-1"))
    return signed and abs(time.time() - int(timestamp)) <= MAX_AGE


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds that a client may be silent

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return self.answer(411, "the length is missing")
        if not 0 <= length <= MAX_BODY:
            return self.answer(413, "the order is too large")
        body = self.rfile.read(length)
        timestamp = self.headers.get("Keylend-Timestamp", "")
        signature = self.headers.get("Keylend-Signature", "")
        if not is_genuine(self.server.secret, timestamp, signature, body):
            return self.answer(401, "the signature is wrong or old")
        try:
            return self.obey(parse(body, self.server.backend))
        except Refused as error:
            return self.answer(422, str(error))
        except Unsupported as error:
            return self.answer(501, str(error))
        except Superseded as error:
            return self.answer(409, str(error))
        except Exception:
            # People in Slack read the answer, so the details stay here.
            traceback.print_exc()
            return self.answer(503, FAILED)

    def obey(self, order):
        receiver = self.server.receiver
        answer = receiver.answer(order)
        if answer is not None:
            return self.answer(200, json.dumps(answer), "application/json")
        if self.server.slow:
            receiver.take(order)
            self.server.wake.set()
            return self.answer(202)
        receiver.obey(order)
        return self.answer(200)

    def answer(self, status, text="", kind="text/plain; charset=utf-8"):
        body = text.encode()
        self.send_response(status)
        if status == 202:
            self.send_header("Retry-After", str(RETRY_AFTER))
        if status in (411, 413):
            self.close_connection = True  # the body was not read
            self.send_header("Connection", "close")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """The web service."""

    daemon_threads = True

    def __init__(self, options, secret):
        super().__init__((options.host, options.port), Handler)
        self.receiver, self.secret = Receiver(options.folder), secret
        self.backend, self.slow = options.backend, options.slow
        self.wake = threading.Event()
        threading.Thread(target=self.work_off, daemon=True).start()
        self.wake.set()  # for what a crash has left

    def work_off(self):
        while True:
            self.wake.wait()
            self.wake.clear()
            time.sleep(self.slow)
            try:
                if self.receiver.work():
                    raise RuntimeError("the target failed")
            except Exception:
                traceback.print_exc()
                time.sleep(5)
                self.wake.set()


def serve(options):
    secret = os.environ.get("KEYLEND_WEBHOOK_SECRET", "").encode()
    if not secret:
        sys.exit("KEYLEND_WEBHOOK_SECRET is not set")
    server = Server(options, secret)
    print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
    server.serve_forever()


def run(options):
    """Obeys one order from standard input, and returns the exit code."""
    try:
        order = parse(sys.stdin.buffer.read(MAX_BODY), options.backend)
        receiver = Receiver(options.folder)
        if order["action"] == "status":
            receiver.work()  # what a crash has left
        answer = receiver.answer(order)
        if answer is None:
            receiver.obey(order)
        else:
            print(json.dumps(answer))
        return 0
    except Refused as error:
        code, reason = EXIT_REFUSED, error
    except Unsupported as error:
        code, reason = EXIT_UNSUPPORTED, error
    except Superseded as error:
        code, reason = EXIT_SUPERSEDED, error
    except Exception:
        traceback.print_exc()
        code, reason = EXIT_RETRY, FAILED
    print(reason, file=sys.stderr)  # the last line is the reason that people see
    return code


def main():
    parser = argparse.ArgumentParser(description="A receiver for Keylend's orders.")
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in ("serve", "run"):
        options = modes.add_parser(mode)
        options.add_argument("--backend", required=True, help="its name in Keylend's configuration")
        options.add_argument("--folder", type=Path, required=True, help="where state is kept")
        if mode == "serve":
            options.add_argument("--host", default="127.0.0.1")
            options.add_argument("--port", type=int, default=8081)
            options.add_argument(
                "--slow",
                type=float,
                default=0,
                metavar="SECONDS",
                help="answer 202 and carry orders out so much later",
            )
    options = parser.parse_args()
    os.umask(0o077)
    if options.mode == "run":
        sys.exit(run(options))
    serve(options)


if __name__ == "__main__":
    main()
