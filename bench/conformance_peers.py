#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How many of other projects' must-refuse requests each front door refuses: ours, HAProxy, nginx.

  conformance_peers.py [--programs build/release/bin] [--shared DIR] [--list]

The cases are llhttp's strict requests that end in an error and the Severe and Ambiguous requests of
http-desync-guardian, read from DIR/conformance ($HOMING_SHARED or ../shared; skipped with a message when it is not
there). Each is sent as raw bytes on a connection of its own; behind every door stands the same origin, which notes
every head and every whole message that reaches it.

Refused: an error status that the door itself gave, or no whole message at the origin. Not refused: what the origin
saw whole, or refused itself. For ours, targets are moved below the session's path and the owner's cookie is added,
so that the request would reach the session if it were let through; an answer about the address or the person (303,
401, 403, 404) is no refusal of the bytes. Where llhttp minds bytes behind a message that ends the connection (its
error 5), not reading them is right. Ambiguous requests may pass, when the door closes the connection behind them:
the second figure counts these too. Ends with 1 when ours lets a must-refuse or Severe case through. --list names
what each door let through.
"""

import argparse
import os
import pathlib
import re
import signal
import socket
import sys
import threading

from net_proxies import HaProxy, Nginx, Router
from net_yard import TREE, Origin, Trouble, Yard

QUIET_S = 0.35  # nothing for so long: the door has said all it will
SUITES = {"llhttp": "llhttp, must be refused", "Severe": "desync-guardian, Severe",
          "Ambiguous": "desync-guardian, Ambiguous"}
NOT_OF_THE_BYTES = {303, 401, 403, 404}
CONTROLS = [b"GET /good HTTP/1.1\r\nHost: h\r\n\r\n",
            b"POST /good HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]


def with_host(raw):
    """llhttp needs no Host, doors do: a case must not be refused for that."""
    if b"\nHost:" in raw:
        return raw

    def add(found):
        authority = re.search(rb"://([^/? ]*)", found.group(0))
        return found.group(0) + b"Host: " + (authority.group(1) if authority else b"h") + b"\r\n"

    return re.sub(rb"[^\r\n]* HTTP/1\.\d\r\n", add, raw)


class Door:
    """A front door and the record of the origin behind it."""

    def __init__(self, proxy, record):
        self.proxy, self.record = proxy, record
        self.results = {}

    def bytes_for(self, raw):
        return raw

    def seen(self):
        return self.record.read_text().split() if self.record.exists() else []

    def send(self, raw):
        """Statuses of the answers, what the origin noted, and whether the door closed the connection by itself."""
        host, port = self.proxy.address.rsplit(":", 1)
        before = len(self.seen())
        answer, closed = b"", False
        with socket.create_connection((host, int(port)), timeout=5) as one:
            one.settimeout(QUIET_S)
            try:
                one.sendall(self.bytes_for(raw))
                while piece := one.recv(65536):
                    answer += piece
                closed = True
            except TimeoutError:
                pass
            except OSError:
                closed = True
            if not closed:
                try:
                    one.shutdown(socket.SHUT_WR)
                    while piece := one.recv(65536):
                        answer += piece
                except OSError:
                    pass
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]
        return statuses, self.seen()[before:], closed

    def judge(self, suite, error, name, raw):
        statuses, noted, closed = self.send(raw)
        errors = [status for status in statuses if status >= 400 and status not in NOT_OF_THE_BYTES]
        passed_whole, refused_by_origin = noted.count("whole"), noted.count("bad")
        routed = any(status in NOT_OF_THE_BYTES for status in statuses)
        refused = not refused_by_origin and (bool(errors) or (not passed_whole and not routed))
        if error == 5 and not refused_by_origin and closed and passed_whole <= 1 and len(statuses) <= 1:
            refused = True
        how = f"{statuses or 'no answer'}, origin: {noted or 'nothing'}"
        self.results[suite, name] = (refused, refused or closed, how)

    def run(self, cases):
        for raw in CONTROLS:
            statuses, noted, _ = self.send(raw)
            if statuses != [200] or noted.count("whole") != 1:
                raise Trouble(f"{self.proxy.name} does not pass a good request on: {statuses}, origin: {noted}")
        for case in cases:
            self.judge(*case)


class OurDoor(Door):
    def bytes_for(self, raw):
        cookies = "; ".join(f"{name}={value}" for name, value in self.proxy.cookies.items()).encode()
        prefix = f"/s/{self.proxy.session}/".encode()

        def move(found):
            behind = raw[found.end():found.end() + 1]
            add = b"" if behind in (b" ", b"\t", b"") else b"Cookie: " + cookies + b"\r\n"
            return found.group(1) + prefix + found.group(2) + add

        return re.sub(rb"([A-Za-z-]+ (?:https?://[^/ \r\n]+)?)/([^ \r\n]* HTTP/\d\.\d\r\n)", move, raw)


def read_cases(yard, shared):
    out = []
    for line in yard.call([yard.program("net_bench"), "cases", "--shared", str(shared)]).splitlines():
        suite, error, name, raw = line.split("\t")
        raw = bytes.fromhex(raw)
        out.append((suite, int(error), name, with_host(raw) if suite == "llhttp" else raw))
    return out


def run_all(doors, cases):
    troubles = []

    def one(door):
        try:
            door.run(cases)
        except (Trouble, OSError) as trouble:
            troubles.append(f"{door.proxy.name}: {trouble}")

    threads = [threading.Thread(target=one, args=(door,), daemon=True) for door in doors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise Trouble("; ".join(troubles))


def table(doors, cases, listed):
    names = [door.proxy.name for door in doors]
    lines = [f"{'refused':34}{'cases':>6}" + "".join(f"{name:>12}" for name in names)]
    for suite, title in SUITES.items():
        keys = [(one[0], one[2]) for one in cases if one[0] == suite]
        for which, words in enumerate((title, "  ... or the connection not reused")):
            if which == 0 or suite == "Ambiguous":
                counts = [sum(door.results[key][which] for key in keys) for door in doors]
                lines.append(f"{words:34}{len(keys):>6}" + "".join(f"{count:>12}" for count in counts))
    if listed:
        for door in doors:
            lines += [f"{door.proxy.name} let through: {suite}: {name}: {how}"
                      for (suite, name), (refused, _, how) in door.results.items() if not refused]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--programs", default=str(TREE / "build/release/bin"))
    parser.add_argument("--shared", default=os.environ.get("HOMING_SHARED", str(TREE / "../shared")))
    parser.add_argument("--list", action="store_true", help="name what each door let through")
    options = parser.parse_args()
    if not (pathlib.Path(options.shared) / "conformance").exists():
        print(f"conformance_peers.py: skipped: there is no {options.shared}/conformance")
        return 0

    def stop(number, _):
        raise Trouble(f"ended by signal {number}")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    yard = None
    try:
        yard = Yard(options.programs, 0)
        cases = {}  # names come twice in some files: the first counts once, the others get a number
        for suite, error, name, raw in read_cases(yard, options.shared):
            unique, number = name, 1
            while (suite, unique) in cases:
                number += 1
                unique = f"{name} ({number})"
            cases[suite, unique] = (suite, error, unique, raw)
        cases = list(cases.values())
        record = yard.folder / "router.record"
        router = Router(yard, None, record=record)
        doors = [OurDoor(router, record)]
        for kind in (HaProxy, Nginx):
            if kind.available:
                record = yard.folder / f"{kind.name}.record"
                doors.append(Door(kind(yard, Origin(yard, record, kind.name)), record))
            else:
                print(f"{kind.name} is left out: {kind.why_not}")
        for door in doors:
            door.proxy.start()
        run_all(doors, cases)
        print("\n".join(table(doors, cases, options.list)))
        ours = doors[0].results
        missed = [name for (suite, name), (refused, safe, _) in ours.items()
                  if not (safe if suite == "Ambiguous" else refused)]
        if missed:
            print(f"ours lets through: {', '.join(missed)}")
        return 1 if missed else 0
    except Trouble as trouble:
        print(f"conformance_peers.py: {trouble}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if yard:
            yard.clear()


if __name__ == "__main__":
    sys.exit(main())
