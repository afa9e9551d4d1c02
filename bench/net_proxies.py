# SPDX-License-Identifier: Apache-2.0
"""Starts, feeds and ends the proxies that net_peers.py and conformance_peers.py hold side by side.

Intuition: every proxy gets the same: one core of its own, one thread where it can be told, an access log into a
file, the same origin program behind it over the same kind of socket. Ours is not a special build: `homing-router
serve` beside `homing-launcher`, a session whose process is the origin, a signed-in owner, so that each request pays
for the check of the user and for `resolve`.
"""

import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import ssl
import subprocess

from net_yard import TREE, Trouble, free_ports, speaks_tls, takes_connections, wait_until


class Proxy:
    """One program in front of the origin. `processes` are those whose processor time counts."""

    name = ""
    available = True
    why_not = ""
    hops = 1
    tls = False  # at people's door

    def __init__(self, yard, origin):
        self.yard, self.origin = yard, origin
        self.child = None
        self.address = ""
        self.log = yard.folder / f"{self.name}.log"

    @property
    def processes(self):
        return [self.child.pid]

    def argv(self):
        raise NotImplementedError

    def start(self):
        self.child = self.yard.start(self.argv(), self.yard.proxy_core, self.log)
        wait_until(self.name, lambda: self.alive() and takes_connections(self.address))

    def alive(self):
        if self.child.poll() is not None:
            raise Trouble(f"{self.name} ended at its start: {self.log.read_text(errors='replace')[-400:]}")
        return True

    def stop(self):
        self.yard.end(self.child)

    def restart(self):
        self.stop()
        self.start()

    def resident_kib(self):
        total = 0
        for process in self.processes:
            text = pathlib.Path(f"/proc/{process}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
        return total

    def forget_log(self):
        if self.log.exists():
            os.truncate(self.log, 0)


def peers_folder():
    return TREE / "build/bench/peers"


class HaProxy(Proxy):
    name = "haproxy"
    host = "127.0.0.21"
    program = peers_folder() / "usr/sbin/haproxy"
    available = program.exists()
    why_not = "haproxy is not unpacked in build/bench/peers"

    # Lines of a bind and of a server; a second instance in front of the first makes two hops.
    bind_more = ""
    server_more = ""

    def server(self):
        return f"unix@{self.origin.unix}" if self.origin.over == "unix" else self.origin.tcp

    def argv(self):
        if not self.address:
            self.address = f"{self.host}:{free_ports(self.host, 1)}"
        config = self.yard.folder / f"{self.name}.cfg"
        config.write_text(f"""global
  nbthread 1
  maxconn 9900
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 70s
  timeout server 70s
  timeout http-request 10s
  timeout tunnel 1h
frontend people
  bind {self.address} {self.bind_more}
  default_backend sessions
backend sessions
  cookie SRV insert indirect nocache
  option forwardfor
  server s1 {self.server()} cookie s1 {self.server_more}
""")
        return [str(self.program), "-db", "-f", str(config)]


class HaProxyBehind(HaProxy):
    name = "haproxy-behind"
    host = "127.0.0.24"


class HaProxyTwice(HaProxy):
    """HAProxy to HAProxy; with certificates, over mutual TLS."""

    name = "haproxy-twice"
    host = "127.0.0.25"
    hops = 2

    def __init__(self, yard, origin, certificates=None):
        super().__init__(yard, origin)
        self.behind = HaProxyBehind(yard, origin)
        if certificates:
            folder = certificates.folder
            mutual = f"ssl crt {folder}/both.pem ca-file {folder}/ca.pem verify required"
            self.behind.bind_more = self.server_more = mutual

    @property
    def processes(self):
        return [self.child.pid, self.behind.child.pid]

    def server(self):
        return self.behind.address

    def start(self):
        self.behind.start()
        super().start()

    def stop(self):
        super().stop()
        self.behind.stop()

    def forget_log(self):
        super().forget_log()
        self.behind.forget_log()


class Nginx(Proxy):
    name = "nginx"
    host = "127.0.0.22"
    program = peers_folder() / "usr/sbin/nginx"
    available = program.exists()
    why_not = "nginx is not unpacked in build/bench/peers"
    listen_more, server_more = "", ""

    def argv(self):
        if not self.address:
            self.address = f"{self.host}:{free_ports(self.host, 1)}"
        folder = self.yard.folder
        server = f"unix:{self.origin.unix}" if self.origin.over == "unix" else self.origin.tcp
        config = folder / f"{self.name}.conf"
        config.write_text(f"""daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
pid {folder}/{self.name}.pid; error_log {folder}/nginx.error.log;
events {{ worker_connections 19900; }}
http {{
  access_log {self.log} combined;
  client_body_temp_path {folder}/nginx.body; proxy_temp_path {folder}/nginx.proxy; fastcgi_temp_path {folder}/nginx.f;
  uwsgi_temp_path {folder}/nginx.u; scgi_temp_path {folder}/nginx.s;
  keepalive_requests 1000000000; client_max_body_size 0;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream sessions {{ server {server}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {self.address} backlog=4096 {self.listen_more};
    {self.server_more}
    location / {{
      proxy_pass http://sessions; proxy_http_version 1.1; proxy_read_timeout 1h; proxy_send_timeout 1h;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    }}
  }}
}}
""")
        return [str(self.program), "-p", str(folder), "-e", f"{folder}/nginx.error.log", "-c", str(config)]


class NginxTls(Nginx):
    name = "nginx-tls"
    host = "127.0.0.26"
    tls = True
    listen_more = "ssl"

    def __init__(self, yard, origin, certificates):
        super().__init__(yard, origin)
        folder = certificates.folder
        self.server_more = (f"ssl_certificate {folder}/site.pem; ssl_certificate_key {folder}/site.key; "
                            "ssl_protocols TLSv1.2 TLSv1.3;")


class ConfigurableHttpProxy(Proxy):
    """Talks TCP to its targets and writes no access log."""

    name = "chp"
    host = "127.0.0.23"
    program = TREE / "build/bench/npm/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    available = program.exists() and shutil.which("node") is not None
    why_not = "configurable-http-proxy is not installed in build/bench/npm"

    def argv(self):
        if not self.address:
            self.port = free_ports(self.host, 2)
            self.address = f"{self.host}:{self.port}"
        return [shutil.which("node"), str(self.program), "--ip", self.host, "--port", str(self.port),
                "--api-ip", self.host, "--api-port", str(self.port + 1), "--log-level", "error",
                "--default-target", f"http://{self.origin.tcp}"]


class Router(Proxy):
    """Two nodes of ours with one session: its holder is one hop away from people, the other node two."""

    name = "router"
    nodes = ("n1", "n2")
    # Configuration that a router may not know yet: what `homing-router check` takes is kept.
    wishes = ["\n[listen]\nworkers = 1\n"]

    # `more` is appended to the configuration; `tls`: people's door speaks TLS; `folder`: for files of its own.
    def __init__(self, yard, origin, record=None, listen="unix", more="", tls=False, name="router"):
        self.name = name
        super().__init__(yard, origin)
        self.folder = yard.folder / name
        self.folder.mkdir()
        self.record, self.listen, self.more, self.tls = record, listen, more, tls
        self.routers, self.launchers, self.addresses = {}, {}, {}
        self.session, self.holder, self.cookies = "", "", {}

    @property
    def processes(self):
        return [self.routers[self.holder].pid]

    @property
    def log_of(self):
        return {name: self.folder / f"{name}.router.log" for name in self.nodes}

    def known(self):
        """Does this homing-router take the configuration? What it says, else."""
        if not self.addresses:
            self.write_config()
        done = self.check()
        return "" if done.returncode == 0 else done.stderr.decode().strip()

    def check(self):
        return subprocess.run([self.yard.program("homing-router"), "check", "-c", str(self.config), "--node", "n1"],
                              capture_output=True, check=False)

    def write_config(self):
        folder = self.folder
        secret = folder / "secret"
        secret.write_text(secrets.token_hex(32))
        secret.chmod(0o600)
        text = 'format = 1\nstate-dir = "{node}"\nsecret-file = "secret"\n[store]\npath = "store.sqlite"\n'
        for i, name in enumerate(self.nodes):
            host = f"127.0.0.{31 + i}"
            port = free_ports(host, 3)
            self.addresses[name] = f"{host}:{port}"
            text += f'\n[[node]]\nname = "{name}"\naddress = "{host}:{port}"\n'
        where = "unix:{socket}" if self.listen == "unix" else "127.0.0.1:{port}"
        command = [self.yard.program("net_bench"), "origin", "--listen", where]
        if self.record:
            command += ["--record", str(self.record)]
        text += f'\n[kind.bench]\ntitle = "Bench"\nlisten = "{self.listen}"\nprobe = "/"\n'
        text += f"command = {json.dumps(command)}\n"
        self.config = folder / "homing.toml"
        for wish in self.wishes:
            self.config.write_text(text + wish)
            text += wish if self.check().returncode == 0 else ""
        self.config.write_text(text + self.more)

    def start(self):
        if not self.addresses:
            self.write_config()
        for name in self.nodes:
            if name not in self.launchers:
                self.launchers[name] = self.yard.start(
                    [self.yard.program("homing-launcher"), "-c", str(self.config), "--node", name], self.yard.load_core,
                    self.folder / f"{name}.launcher.log")
            self.routers[name] = self.yard.start(
                [self.yard.program("homing-router"), "serve", "-c", str(self.config), "--node", name, "--log",
                 str(self.log_of[name])], self.yard.proxy_core, self.folder / f"{name}.router.err")
        for name in self.nodes:
            wait_until(f"router {name}", lambda name=name: self.ready(name), 60)
        self.sign_in()
        if not self.session:
            self.make_session()
        self.child = self.routers[self.holder]
        self.address = self.addresses[self.holder]
        self.log = self.log_of[self.holder]
        wait_until("the session", lambda: self.ask(self.holder, "GET", f"/s/{self.session}/small")[0] == 200)

    def stop(self):
        for router in self.routers.values():
            self.yard.end(router)

    def end(self):
        """With its session, launchers and all."""
        self.stop()
        for launcher in self.launchers.values():
            self.yard.end(launcher)
        self.yard.end_sessions(self.folder)

    def ready(self, name):
        if self.routers[name].poll() is not None:
            text = (self.folder / f"{name}.router.err").read_text(errors="replace")
            raise Trouble(f"router {name} ended at its start: {text[-400:]}")
        return takes_connections(self.addresses[name]) and self.ask(name, "GET", "/readyz")[0] == 200

    def ask(self, name, method, target, body=None):
        host, port = self.addresses[name].rsplit(":", 1)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            one = http.client.HTTPSConnection(host, int(port), timeout=30, context=context)
        else:
            one = http.client.HTTPConnection(host, int(port), timeout=30)
        try:
            cookies = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
            one.request(method, target, body, {"Cookie": cookies} if cookies else {})
            answer = one.getresponse()
            text = answer.read()
            for field in answer.headers.get_all("Set-Cookie") or []:
                key, value = field.split(";", 1)[0].split("=", 1)
                self.cookies[key] = value
            return answer.status, text
        finally:
            one.close()

    def sign_in(self):
        token = self.yard.call([self.yard.program("net_bench"), "login", "--secret", str(self.folder / "secret"),
                                "--user", "ada"]).strip()
        self.cookies = {}
        status, text = self.ask(self.nodes[0], "GET", "/login?token=" + token)
        if status not in (200, 303) or not self.cookies:
            raise Trouble(f"signing in: {status} {text[:200]!r}")
        if self.session:
            self.ask(self.holder, "GET", f"/s/{self.session}/small")  # sets the route cookie

    def make_session(self):
        status, text = self.ask(self.nodes[0], "POST", "/api/sessions", '{"kind":"bench"}')
        if status != 201:
            raise Trouble(f"no session was made: {status} {text[:300]!r}")
        self.session = json.loads(text)["id"]

        def is_ready():
            made = json.loads(self.ask(self.nodes[0], "GET", f"/api/sessions/{self.session}")[1])
            self.holder = made.get("node", "")
            return made.get("state") == "ready"

        wait_until("the session", is_ready)

    def threads(self):
        return len(list(pathlib.Path(f"/proc/{self.child.pid}/task").iterdir()))


class RouterTwice(Proxy):
    """The same routers, asked at the node that does not hold the session."""

    name = "router-twice"
    hops = 2

    def __init__(self, router):
        super().__init__(router.yard, router.origin)
        self.router = router

    @property
    def processes(self):
        return [child.pid for child in self.router.routers.values()]

    def start(self):
        other = next(name for name in self.router.nodes if name != self.router.holder)
        self.address = self.router.addresses[other]
        self.log = self.router.log_of[other]
        wait_until("the other node", lambda: self.router.ask(other, "GET", f"/s/{self.router.session}/small")[0] == 200)

    def peers_speak_tls(self):
        host, port = self.router.addresses[self.router.holder].rsplit(":", 1)
        return speaks_tls(f"{host}:{int(port) + 1}")

    def forget_log(self):
        for log in self.router.log_of.values():
            if log.exists():
                os.truncate(log, 0)
