#!/usr/bin/env python3
"""A complete receiver for Keylend's orders, as a web service or as a program.

    export KEYLEND_WEBHOOK_SECRET=…
    receiver.py serve --folder /var/lib/receiver --port 8081    # [backends.NAME.webhook]
    receiver.py run --folder /var/lib/receiver                  # [backends.NAME.exec]

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
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = 1
MAX_BODY = 1024 * 1024
MAX_AGE = 300  # seconds that a signature is valid
REMEMBERED = 24 * 3600  # seconds that an order which is done stays known
RETRY_AFTER = 1  # seconds after which Keylend asks for the status of pending work

FAILED = "the receiver or its target failed; its log says how"

EXIT_REFUSED = 65  # EX_DATAERR: trying again does not help
EXIT_RETRY = 75  # EX_TEMPFAIL: try again
EXIT_SUPERSEDED = 76  # EX_PROTOCOL: a newer order has come before


class Refused(Exception):
    """The order is wrong: trying again does not help."""


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
    """The system in which access is granted. This one is a file; yours has an API.

    `grant` and `revoke` may be called again after a crash, so they must not mind what is done
    already. After an exception Keylend tries again.
    """

    def __init__(self, folder):
        self.table = File(folder / "access.json")

    def grant(self, order):
        """Gives the person the access, or sets its new end."""
        with self.table.change() as access:
            access[order["entitlement"]] = {
                "username": order["requester"]["username"],
                "params": order["params"],
                "expires_at": order["expires_at"],
            }

    def revoke(self, order):
        """Takes the access away and ends what is open under it. There may be nothing to take."""
        with self.table.change() as access:
            access.pop(order["entitlement"], None)

    def has(self, order):
        """Whether the person has the access now. Ask the system itself, not your own records."""
        return order["entitlement"] in self.table.read()


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
                # Signatures are valid for minutes, so this one can no longer be replayed.
                if not other["pending"] and other["at"] < now - REMEMBERED:
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

    def status(self, order):
        """The answer to `status`."""
        orders = self.orders.read().values()
        same = [known for known in orders if known["order"]["entitlement"] == order["entitlement"]]
        # Read before the target: what becomes pending from here on is asked about again.
        pending = any(known["pending"] for known in same)
        answer = {"present": self.target.has(order)}
        if pending:
            answer.update(pending=True, retry_after=RETRY_AFTER)
        return answer


def has_expired(order):
    end = datetime.fromisoformat(order["expires_at"].replace("Z", "+00:00"))
    return end <= datetime.now(timezone.utc)


def parse(body):
    """The order in these bytes."""
    try:
        order = json.loads(body)
    except ValueError as error:
        raise Refused(f"the order is not JSON: {error}") from error
    if not isinstance(order, dict) or order.get("version") != VERSION:
        raise Refused(f"this receiver knows version {VERSION} of the protocol alone")
    texts = ["handle", "entitlement", "expires_at"]
    if order.get("action") in ("grant", "revoke"):
        texts.append("idempotency_key")
    elif order.get("action") != "status":
        raise Refused("this receiver knows the actions grant, revoke and status")
    requester = order.get("requester")
    if not (
        all(isinstance(order.get(name), str) for name in texts)
        and isinstance(order.get("generation"), int)
        and isinstance(order.get("params"), dict)
        and isinstance(requester, dict)
        and isinstance(requester.get("username"), str)
    ):
        raise Refused("the order lacks a field, or has one of another type")
    try:
        expired = has_expired(order)
    except (TypeError, ValueError) as error:
        raise Refused("expires_at is not a time") from error
    if order["action"] == "grant" and expired:
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
            return self.obey(parse(body))
        except Refused as error:
            return self.answer(422, str(error))
        except Superseded as error:
            return self.answer(409, str(error))
        except Exception:
            # People in Slack read the answer, so the details stay here.
            traceback.print_exc()
            return self.answer(503, FAILED)

    def obey(self, order):
        receiver = self.server.receiver
        if order["action"] == "status":
            return self.answer(200, json.dumps(receiver.status(order)), "application/json")
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

    def __init__(self, address, receiver, secret, slow):
        super().__init__(address, Handler)
        self.receiver, self.secret, self.slow = receiver, secret, slow
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
    address = (options.host, options.port)
    server = Server(address, Receiver(options.folder), secret, options.slow)
    print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
    server.serve_forever()


def run(options):
    """Obeys one order from standard input, and returns the exit code."""
    try:
        order = parse(sys.stdin.buffer.read(MAX_BODY))
        receiver = Receiver(options.folder)
        if order["action"] == "status":
            receiver.work()  # what a crash has left
            print(json.dumps(receiver.status(order)))
        else:
            receiver.obey(order)
        return 0
    except Refused as error:
        code, reason = EXIT_REFUSED, error
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
