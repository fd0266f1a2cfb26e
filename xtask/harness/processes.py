"""Programs that run besides: where they lie, their ports and logs, and that none outlives this one."""

import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys

from .report import Failure, eventually

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quarterdeck")
TOOLS = os.path.join(CACHE, "tools")
# Where programs lie besides, as in tools.toml.
DIRS = ("/usr/local/go/bin", "/usr/lib/go-1.*/bin")
# Below those that the kernel gives to whoever connects (net.ipv4.ip_local_port_range): one that is free now stays free.
PORTS = (20000, 32000)
STOP_SECONDS = 20


def end_on_sigterm():
    """A signal ends this program as Ctrl-C does: by way of `finally`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def program(name):
    found = [os.path.join(TOOLS, name), shutil.which(name)]
    found += [path for folder in DIRS for path in sorted(glob.glob(os.path.join(folder, name)))]
    for path in found:
        if path and os.access(path, os.X_OK):
            return path
    target = os.path.basename(sys.argv[0]).removesuffix(".py")
    raise Failure(f"{name} is missing: `xtask/setup.sh {target}` installs it")


def output(command, **options):
    """What a command prints; its complaint where it fails."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if ran.returncode != 0:
        raise Failure(f"{' '.join(command[:4])}: {ran.stderr.strip()[-2000:] or ran.stdout.strip()[-2000:]}")
    return ran.stdout


class Ports:
    """Free ports of loopback, none twice."""

    def __init__(self):
        self.given = set()

    def free(self):
        for _ in range(1000):
            port = random.randrange(*PORTS)
            if port in self.given:
                continue
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                continue
            self.given.add(port)
            return port
        raise Failure(f"no free port between {PORTS[0]} and {PORTS[1]}")


class Processes:
    """Started one after the other, stopped the other way round: who needs somebody ends before them."""

    def __init__(self, place):
        self.place, self.running = place, []

    def log(self, name):
        return os.path.join(self.place, f"{name}.log")

    def names(self):
        return list(dict(self.running))

    def of(self, name):
        """The last one of this name."""
        return dict(self.running)[name]

    def start(self, name, command, **environment):
        with open(self.log(name), "ab") as log:
            # A session of its own: Ctrl-C reaches this program alone, which then stops them in order.
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.place,
                env=dict(os.environ, **environment), start_new_session=True,
            )
        self.running.append((name, process))

    def still_runs(self, name):
        process = self.of(name)
        if process.poll() is not None:
            raise Failure(f"{name} has ended with {process.returncode}: {self.last(name)}")

    def answers(self, name, seconds, attempt):
        def asked():
            self.still_runs(name)
            return attempt()

        return eventually(name, seconds, asked)

    def last(self, name, lines=8):
        with open(self.log(name), errors="replace") as file:
            return "".join(file.readlines()[-lines:]).strip()

    def memory_mb(self, name):
        with open(f"/proc/{self.of(name).pid}/status") as file:
            return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))

    def stop_one(self, name):
        process = self.of(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop(self):
        for name, _ in reversed(self.running):
            self.stop_one(name)
        self.running = []
