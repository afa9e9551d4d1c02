#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The router beside HAProxy, nginx and configurable-http-proxy: one table, ratios, limits met or missed.

  net_peers.py [--programs build/release/bin] [--smoke] [--rows REGEX] [--repeats 3] [--seconds 3] [--upstream unix|tcp]
               [--nice -20] [--json FILE]

Everybody runs at once on one core; origin and load are on another; who is measured next is drawn. Numbers are
medians of the repeats. Whoever answers anything but 200 ends the run without a table. See bench/README.md for how to
read it.
"""

import argparse
import json
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

from net_proxies import ConfigurableHttpProxy, HaProxy, HaProxyTwice, Nginx, NginxTls, Router, RouterTwice
from net_yard import TREE, Certificates, Origin, Trouble, Yard

GIB = 1 << 30
LIMIT_S = 590
# What --rows chooses from: the first word or any of the others.
ROWS = {
    "small": "one hop, 64 connections, 45 B: CPU a request, closed loop",
    "large": "one hop, 64 connections, 16 KiB: CPU a request, closed loop",
    "autocannon": "our open loop checked against autocannon",
    "latency": "p99 at 50% and 75% of the ceiling",
    "twice": "two hops, CPU a request",
    "mutual": "two hops over mutual TLS, CPU a request",
    "tls": "TLS: handshakes and requests a CPU second",
    "bulk": "download and upload of 1 GiB",
    "tunnels": "idle WebSockets, memory a pair",
    "many": "9,000 WebSockets in one process",
}


class TimeOver(Exception):
    """The run has taken as long as it may."""


class Row:
    """A line of the table: what each proxy reached, and ours against the limit."""

    def __init__(self, name, unit, peer="haproxy", limit=None, at_least=False, ours="router"):
        self.name, self.unit, self.peer, self.limit, self.at_least, self.ours = name, unit, peer, limit, at_least, ours
        self.values, self.notes = {}, []

    def add(self, proxy, value):
        self.values.setdefault(proxy, []).append(value)

    def median(self, proxy):
        return statistics.median(self.values[proxy]) if self.values.get(proxy) else None

    def ratio(self):
        ours, theirs = self.median(self.ours), self.median(self.peer)
        return ours / theirs if ours is not None and theirs else None

    def verdict(self):
        if self.limit is None:
            return ""
        sign = ">=" if self.at_least else "<="
        ratio = self.ratio()
        if ratio is None:
            return f"limit {sign} {self.limit:g}: not judged"
        met = ratio >= self.limit if self.at_least else ratio <= self.limit
        return f"limit {sign} {self.limit:g}: {'met' if met else 'MISSED'}"

    def as_json(self):
        return {"row": self.name, "unit": self.unit, "medians": {name: self.median(name) for name in self.values},
                "values": self.values, "peer": self.peer, "ratio": self.ratio(), "verdict": self.verdict(),
                "notes": self.notes}

    def spread(self, proxy):
        values = self.values[proxy]
        return f" [{shown(min(values))}..{shown(max(values))}]" if len(values) > 1 else ""


def shown(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Bench:
    def __init__(self, options):
        self.options = options
        self.yard = Yard(options.programs, options.nice, options.realtime)
        self.rows, self.remarks = [], []
        self.program = self.yard.program("net_bench")
        self.ceiling = None
        self.made_certificates = None

    # --- set-up

    def start(self):
        self.origin = Origin(self.yard, over=self.options.upstream)
        self.router = Router(self.yard, self.origin, listen="unix" if self.options.upstream == "unix" else "loopback")
        self.asked = self.router  # whose session and cookies are sent
        self.proxies = [self.router]
        for kind in (HaProxy, Nginx, ConfigurableHttpProxy):
            if kind.available:
                self.proxies.append(kind(self.yard, self.origin))
            else:
                self.remarks.append(f"{kind.name} is left out: {kind.why_not}")
        for proxy in self.proxies:
            proxy.start()
        self.remarks.append(f"homing-router runs {self.router.threads()} threads on the one core")

    def named(self, *names):
        return [proxy for proxy in self.proxies if proxy.name in names]

    # --- one measurement each

    def common(self, proxy, target):
        """The same head for everybody: our cookies, HAProxy's cookie, the session's path."""
        router = self.asked
        cookies = dict(router.cookies, SRV="s1")
        argv = ["--to", proxy.address, "--target", f"/s/{router.session}/{target}", "--host", router.address,
                "--header", "Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items())]
        if proxy.tls:
            argv += ["--tls", "yes"]
        for process in proxy.processes:
            argv += ["--cpu-of", str(process)]
        return argv

    def load(self, proxy, target, seconds=None, rate=0, connections=64, fresh=False):
        proxy.forget_log()
        seconds = seconds or self.options.seconds
        argv = [self.program, "load", *self.common(proxy, target), "--rate", str(rate), "--seconds", str(seconds),
                "--connections", str(connections), "--warm", str(0.2 if self.options.smoke else 0.5)]
        out = json.loads(self.yard.call(argv + (["--fresh", "yes"] if fresh else [])))
        wrong = {status: count for status, count in out["statuses"].items() if status != "200"}
        if wrong or out["requests"] == 0:
            raise Trouble(f"{proxy.name} answered {wrong or 'nothing'} to /{target} (0: cut): nothing is printed")
        if proxy.name != "chp" and proxy.log.stat().st_size < out["requests"]:
            raise Trouble(f"{proxy.name} wrote no access log")
        return out

    def bulk(self, proxy, up, size):
        argv = [self.program, "bulk", *self.common(proxy, "sink" if up else f"stream/{size}")]
        out = json.loads(self.yard.call(argv + (["--upload", str(size)] if up else [])))
        if out["status"] != 200 or out["up" if up else "down"] != size:
            raise Trouble(f"{proxy.name} answered {out}: nothing is printed")
        return size / max(out["cpu_s"], 0.01) / GIB

    def tunnels(self, proxy, count):
        """KiB of resident memory a tunnel of a fresh process, and how many of them carry a message afterwards."""
        proxy.restart()
        self.router.sign_in()
        self.load(proxy, "small", 0.3)
        before = proxy.resident_kib()
        argv = [self.program, "tunnels", *self.common(proxy, ""), "--count", str(count)]
        holder = self.yard.start(argv, self.yard.load_core, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        opened = json.loads(holder.stdout.readline() or '{"open":0}')["open"]
        time.sleep(0.2 if self.options.smoke else 1.0)
        kib = (proxy.resident_kib() - before) / max(opened, 1)
        out, _ = holder.communicate(b"\n", timeout=60)
        self.yard.end(holder)
        alive = json.loads(out or '{"alive":0}')["alive"]
        if alive != count:
            raise Trouble(f"{proxy.name}: of {count} WebSockets {opened} opened, {alive} lived: nothing is printed")
        return kib

    def rounds(self, proxies):
        """Every proxy once a repeat, in an order that is drawn."""
        for _ in range(self.options.repeats):
            order = list(proxies)
            random.shuffle(order)
            self.asked.sign_in()
            yield from order

    # --- rows

    def requests(self, name, target, limit=0.8):
        row = Row(f"{name}, CPU a request", "us", limit=limit)
        speed = Row(f"{name}, closed loop", "requests/s")
        for proxy in self.rounds(self.proxies):
            out = self.load(proxy, target)
            row.add(proxy.name, out["cpu_s"] / out["requests"] * 1e6)
            speed.add(proxy.name, out["achieved"])
        self.rows += [row, speed]
        return speed

    def row_small(self):
        speed = self.requests("one hop, 64 connections, 45 B", "small")
        self.ceiling = min(speed.median(name) for name in ("router", "haproxy") if speed.values.get(name))

    def row_large(self):
        self.requests("one hop, 64 connections, 16 KiB", "large")

    def row_latency(self):
        judged = self.named("router", "haproxy", "nginx")
        if self.ceiling is None:
            self.ceiling = min(self.load(proxy, "small", 1)["achieved"] for proxy in self.named("router", "haproxy"))
        for share in (0.5, 0.75):
            rate = round(self.ceiling * share)
            row = Row(f"one hop, 45 B, p99 at {share:.0%} of {self.ceiling:.0f}/s", "us", limit=1.0)
            missed = {}
            for proxy in self.rounds(judged):
                out = self.load(proxy, "small", rate=rate)
                if out["missed_its_rate"]:
                    missed[proxy.name] = missed.get(proxy.name, 0) + 1
                else:
                    row.add(proxy.name, out["p99_us"])
            row.notes += [f"{name} missed its rate in {count} runs, which are void" for name, count in missed.items()]
            self.rows.append(row)

    def row_tunnels(self):
        row = Row("idle WebSockets, memory a pair", "KiB", limit=1.0)
        count = 200 if self.options.smoke else 4000
        for proxy in self.rounds(self.proxies):
            row.add(proxy.name, self.tunnels(proxy, count))
        row.notes.append(f"{count} pairs")
        self.rows.append(row)

    def row_many(self):
        count = 300 if self.options.smoke else 9000
        row = Row(f"{count} WebSockets in one process, memory a pair", "KiB")
        row.add("router", self.tunnels(self.router, count))
        row.notes.append(f"all {count} carried a message: met")
        self.rows.append(row)

    def row_bulk(self):
        size = GIB >> 6 if self.options.smoke else GIB
        for up in (False, True):
            name = f"{'upload' if up else 'download'} of {size / GIB:g} GiB, GiB a CPU second"
            row = Row(name, "GiB/s", limit=1.0, at_least=True)
            for proxy in self.rounds(self.proxies):
                row.add(proxy.name, self.bulk(proxy, up, size))
            self.rows.append(row)

    def row_twice(self):
        self.twice("two hops, plaintext, 45 B, CPU a request", RouterTwice(self.router), None)

    def twice(self, name, ours, certificates, why=""):
        row = Row(name, "us", "haproxy-twice", 0.8, ours="router-twice")
        both = [HaProxyTwice(self.yard, self.origin, certificates)] if HaProxy.available else []
        for proxy in both:
            proxy.start()
        if ours:
            ours.start()
            if certificates and not ours.peers_speak_tls():
                why = "not yet: this router takes [cluster-tls] and answers its peers in the clear"
            else:
                both.append(ours)
        row.notes += [why] if why else []
        for proxy in self.rounds(both):
            out = self.load(proxy, "small")
            row.add(proxy.name, out["cpu_s"] / out["requests"] * 1e6)
        self.rows.append(row)
        for proxy in both:
            if proxy is not ours:
                proxy.stop()

    def other_router(self, name, more, tls=False):
        """A second cluster of ours with more configuration; nothing, and why, when this router cannot do that yet."""
        router = Router(self.yard, self.origin, more=more, tls=tls, name=name)
        if said := router.known():
            first = said.splitlines()[0].split(": ", 1)[-1].split("; expected")[0]
            return None, f"not yet: homing-router check says {first}"
        try:
            router.start()
        except (Trouble, OSError) as trouble:
            router.end()
            return None, "not yet: " + " ".join(str(trouble).split())
        return router, ""

    def certificates(self):
        if not self.made_certificates:
            self.made_certificates = Certificates(self.yard, Router.nodes)
        return self.made_certificates

    def row_mutual(self):
        folder = self.certificates().folder
        ours, why = self.other_router("mutual", f'''
[cluster-tls]
cert = "{folder}/{{node}}.pem"
key = "{folder}/{{node}}.key"
ca = "{folder}/ca.pem"
''')
        self.asked = ours or self.router
        self.twice("two hops, mutual TLS between them, 45 B, CPU a request", RouterTwice(ours) if ours else None,
                   self.certificates(), why)
        if ours:
            ours.end()
        self.asked = self.router

    def row_tls(self):
        folder = self.certificates().folder
        proxies = [NginxTls(self.yard, self.origin, self.certificates())] if Nginx.available else []
        ours, why = self.other_router("router-tls", f'''
[tls]
certificates = [{{ cert = "{folder}/site.pem", key = "{folder}/site.key" }}]
''', tls=True)
        for proxy in proxies:
            proxy.start()
        if ours:
            self.asked = ours
            proxies.append(ours)
        for name, fresh in (("TLS, new connections with a full handshake and one request", True),
                            ("TLS, 64 connections, 45 B, requests", False)):
            row = Row(name + ", per CPU second", "/s", "nginx-tls", 1.0, at_least=True, ours="router-tls")
            row.notes += [why] if why else []
            for proxy in self.rounds(proxies):
                out = self.load(proxy, "small", fresh=fresh)
                row.add(proxy.name, out["requests"] / max(out["cpu_s"], 0.01))
            self.rows.append(row)
        for proxy in proxies:
            proxy.end() if proxy is ours else proxy.stop()
        self.asked = self.router

    def row_autocannon(self):
        """Two generators, one rate, no proxy: they must agree on what they did."""
        program = TREE / "build/bench/npm/node_modules/autocannon/autocannon.js"
        if not program.exists() or not shutil.which("node"):
            self.remarks.append("autocannon is not here: our open loop was not checked against it in this run")
            return
        rate, seconds = (500, 1) if self.options.smoke else (5000, 4)
        ours = json.loads(self.yard.call([
            self.program, "load", "--to", self.origin.tcp, "--target", "/small", "--rate", str(rate),
            "--connections", "32", "--seconds", str(seconds)]))
        theirs = json.loads(self.yard.call([
            shutil.which("node"), str(program), "--json", "--no-progress", "-c", "32", "-R", str(rate),
            "-d", str(seconds), f"http://{self.origin.tcp}/small"]))
        self.remarks.append(
            f"open loop at {rate}/s straight to the origin: ours {ours['achieved']:.0f}/s, "
            f"p50 {ours['p50_us'] / 1000:.2f} ms, p99 {ours['p99_us'] / 1000:.2f} ms; "
            f"autocannon {theirs['requests']['average']:.0f}/s, p50 "
            f"{theirs['latency']['p50']} ms, p99 {theirs['latency']['p99']} ms (it counts whole milliseconds)")
        if ours["missed_its_rate"]:
            self.remarks.append("  our open loop missed its rate in this check")

    # --- the table

    def run(self):
        wanted = re.compile(self.options.rows, re.IGNORECASE)
        chosen = [name for name, text in ROWS.items() if wanted.search(f"{name}: {text}")]
        if not chosen:
            raise Trouble(f"--rows {self.options.rows} names none of: {', '.join(ROWS)}")
        self.start()
        for name in chosen:
            getattr(self, "row_" + name)()

    def table(self):
        load = pathlib.Path("/proc/loadavg").read_text().split()[0]
        lines = [f"load average {load}, upstream {self.options.upstream}, {self.options.repeats} repeats; "
                 "medians [lowest..highest]"]
        for row in self.rows:
            ratio = row.ratio()
            lines.append(f"{row.name}" + (f": {ratio:.2f} of {row.peer}'s" if ratio is not None and row.limit else "") +
                         (f"; {row.verdict()}" if row.limit else ""))
            for proxy in sorted(row.values, key=lambda name: (name != row.ours, name != row.peer, name)):
                lines.append(f"    {proxy:15} {shown(row.median(proxy)):>8} {row.unit}{row.spread(proxy)}")
            lines += [f"    {note}" for note in row.notes]
        return lines + self.remarks


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--programs", default=str(TREE / "build/release/bin"))
    parser.add_argument("--smoke", action="store_true", help="tiny counts: only that it works")
    parser.add_argument("--rows", default="", help=f"a regular expression: {', '.join(ROWS)}")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--upstream", choices=("unix", "tcp"), default="unix")
    parser.add_argument("--nice", type=int, default=-20, help="of everything that is started, when root")
    parser.add_argument("--realtime", action="store_true", help="before everybody else here, whom it starves meanwhile")
    parser.add_argument("--json", help="also written there")
    options = parser.parse_args()
    options.repeats = options.repeats or (1 if options.smoke else 3)
    options.seconds = options.seconds or (0.3 if options.smoke else 3)

    def stop(number, _):
        if number == signal.SIGALRM:
            raise TimeOver
        raise Trouble(f"ended by signal {number}")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, stop)
    signal.alarm(LIMIT_S)
    bench = None
    try:
        bench = Bench(options)
        whole = True
        try:
            bench.run()
        except TimeOver:
            whole = False
            bench.remarks.append(f"stopped after {LIMIT_S} s: rows are missing; choose with --rows")
        print("\n".join(bench.table()))
        if options.json:
            rows = [row.as_json() for row in bench.rows]
            pathlib.Path(options.json).write_text(json.dumps({"rows": rows, "remarks": bench.remarks}, indent=1) + "\n")
        return 0 if whole else 1
    except Trouble as trouble:
        print(f"net_peers.py: {trouble}", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        if bench:
            bench.yard.clear()


if __name__ == "__main__":
    sys.exit(main())
