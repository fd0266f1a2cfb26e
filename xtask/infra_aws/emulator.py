"""A local AWS API (ministack) with everything in a folder of this run, and clients of AWS' own SDK for it."""

import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import botocore.config
import botocore.session

from .report import Failure, eventually

REGION, SECOND_REGION = "eu-central-1", "eu-west-1"
ACCOUNT = "111122223333"
TOOLS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quarterdeck/tools")


def program(name):
    for path in (os.path.join(TOOLS, name), shutil.which(name)):
        if path and os.access(path, os.X_OK):
            return path
    raise Failure(f"{name} is missing: `xtask/setup.sh infra-aws` installs it")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def get(url, headers=None, data=None):
    """Status and text; status 0 where nobody answers."""
    request = urllib.request.Request(url, headers=headers or {}, data=data)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


class Processes:
    """What this run has started, stopped in the opposite order."""

    def __init__(self, place):
        self.place, self.all = place, []

    def start(self, name, command, environment=None):
        with open(os.path.join(self.place, f"{name}.log"), "ab") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})),
            )
        self.all.append((name, process))
        return process

    def stop(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self):
        for _, process in reversed(self.all):
            self.stop(process)

    def last_words(self):
        for name in dict.fromkeys(name for name, _ in self.all):
            with open(os.path.join(self.place, f"{name}.log"), errors="replace") as file:
                yield name, "".join(file.readlines()[-8:])


class Emulator:
    def __init__(self, processes):
        (self.port,) = free_ports(1)
        self.processes = processes
        self.session = botocore.session.Session()
        self.session.set_credentials(ACCOUNT, "secret-of-this-run")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        at = lambda name: os.path.join(self.processes.place, "aws", name)
        for name in ("state", "objects"):
            os.makedirs(at(name))
        process = self.processes.start("ministack", [program("ministack")], {
            "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port),
            "STATE_DIR": at("state"), "S3_DATA_DIR": at("objects"), "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT, "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "INFO",
        })

        def healthy():
            if process.poll() is not None:
                raise Failure("ministack has ended")
            status, text = get(f"{self.url}/_ministack/health")
            return status == 200, text

        eventually("the emulator", 120, healthy)

    def client(self, service, region=REGION):
        settings = {"retries": {"max_attempts": 1}, "s3": {"addressing_style": "path"}, "proxies": {}}
        return self.session.create_client(
            service, region_name=region, endpoint_url=self.url, config=botocore.config.Config(**settings),
        )
