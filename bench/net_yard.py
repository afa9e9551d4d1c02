# SPDX-License-Identifier: Apache-2.0
"""Where proxies under test run: a folder, two cores, every process that was started, an origin, certificates.

Invariants: whatever is started here is ended by its process id, also on Ctrl-C and on failure; a runner that is killed
takes its children along (PR_SET_PDEATHSIG), all but a session's process, which outlives its launcher by design and is
therefore looked for by its environment.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parent.parent
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Trouble(Exception):
    """A measurement that must not be printed, in one sentence."""


def wait_until(what, condition, patience_s=30.0):
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            raise Trouble(f"{what}: nothing after {patience_s:.0f} s")
        time.sleep(0.02)


def takes_connections(address):
    kind = socket.AF_UNIX if address.startswith("unix:") else socket.AF_INET
    where = address[5:] if kind == socket.AF_UNIX else (address.rsplit(":", 1)[0], int(address.rsplit(":", 1)[1]))
    with socket.socket(kind, socket.SOCK_STREAM) as one:
        one.settimeout(1)
        return one.connect_ex(where) == 0


def free_ports(host, count, first=20000):
    """The first of `count` ports in a row that are free on this address, for streams and datagrams."""

    def free(port):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    one.bind((host, port))
                except OSError:
                    return False
        return True

    start = first + os.getpid() % 1000 * 8
    for port in range(start, 32000, count):
        if all(free(port + i) for i in range(count)):
            return port
    raise Trouble(f"no {count} free ports in a row on {host}")


class Yard:
    """A folder, two cores, and every process that was started."""

    def __init__(self, programs, nice, realtime=False):
        self.programs = pathlib.Path(programs).resolve()  # sessions are started from folders of their own
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="homing-bench-", dir="/tmp"))
        cores = sorted(os.sched_getaffinity(0))
        self.load_core, self.proxy_core = cores[0], cores[-1]
        self.nice = nice if os.geteuid() == 0 else 0
        self.realtime = realtime
        self.children = []

    def program(self, name):
        path = self.programs / name
        if not os.access(path, os.X_OK):
            raise Trouble(f"{path} is missing; ./dev bench net builds it")
        return str(path)

    def start(self, argv, core, output=None, **more):
        def before():
            os.setsid()
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, {core})
            if self.realtime:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            elif self.nice:
                os.setpriority(os.PRIO_PROCESS, 0, self.nice)
                # Where sessions are scheduled as groups, a process's own value means nothing outside its group.
                group = pathlib.Path("/proc/self/autogroup")
                if group.exists():
                    group.write_text(str(self.nice))

        out = open(output, "ab") if output else subprocess.DEVNULL
        child = subprocess.Popen(argv, stdin=more.pop("stdin", subprocess.DEVNULL), stdout=more.pop("stdout", out),
                                 stderr=more.pop("stderr", out), preexec_fn=before, **more)
        if output:
            out.close()
        self.children.append(child)
        return child

    def call(self, argv, patience_s=60):
        """Runs a program on the load's core to its end; what it printed."""
        child = self.start(argv, self.load_core, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, error = child.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.end(child, signal.SIGKILL)
            raise Trouble(f"{' '.join(argv[:2])} took over {patience_s} s") from None
        self.children.remove(child)
        if child.returncode != 0:
            raise Trouble(f"{argv[0].rsplit('/', 1)[-1]} {argv[1]}: {error.decode().strip() or child.returncode}")
        return out.decode()

    def end(self, child, how=signal.SIGTERM):
        if child.poll() is None:
            child.send_signal(how)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def clear(self):
        for child in reversed(list(self.children)):
            self.end(child)
        self.end_sessions(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def end_sessions(self, folder):
        for _ in range(100):
            left = self.sessions(folder)
            for process in left:
                os.kill(process, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.02)

    @staticmethod
    def sessions(folder):
        """Processes that launchers started: their home is in our folder."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if f"\0HOME={folder}/".encode() in b"\0" + (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:
                    pass
        return found


class Origin:
    """The origin behind everybody but ours (whose session process is the same program)."""

    # `over`: "unix" or "tcp", how proxies that can choose reach it.
    def __init__(self, yard, record=None, name="origin", over="unix"):
        self.over = over
        self.tcp = f"127.0.0.1:{free_ports('127.0.0.1', 1)}"
        self.unix = str(yard.folder / f"{name}.sock")
        argv = [yard.program("net_bench"), "origin", "--listen", self.tcp, "--listen", "unix:" + self.unix]
        yard.start(argv + (["--record", str(record)] if record else []), yard.load_core, yard.folder / "origin.log")
        wait_until("the origin", lambda: takes_connections(self.tcp))


class Certificates:
    """A small authority: `both.pem` (certificate and key) of bench.test, and one of each of our nodes."""

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def __init__(self, yard, nodes):
        self.folder = yard.folder / "tls"
        self.folder.mkdir()
        if not shutil.which("openssl"):
            raise Trouble("openssl is not here; rows of TLS need it")
        self.openssl("req", "-x509", *self.new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                     "-subj", "/CN=bench authority")
        self.make("site", "DNS:bench.test")
        for node in nodes:
            self.make(node, f"URI:homing:node:{node},DNS:{node}")
        both = [(self.folder / name).read_text() for name in ("site.pem", "site.key")]
        (self.folder / "both.pem").write_text("".join(both))

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"openssl {arguments[0]}: {done.stderr.decode()[-300:]}")

    def make(self, name, also):
        self.openssl("req", *self.new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={also}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def speaks_tls(address):
    host, port = address.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, int(port)), timeout=2) as one, context.wrap_socket(one):
            return True
    except OSError:
        return False
