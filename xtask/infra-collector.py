#!/usr/bin/env python3
"""The collector's configurations in a real collector: each is read by it, then all three run in a row, from a line in a
pod's log file, a trace, a log record and a metric to the console that is asked for them. What is secret or personal is
planted on the way and must not arrive.

infra-collector.py CONSOLE    the console's program, with its browser client in ../site; otelcol lies where
                              `xtask/setup.sh infra-collector` puts it
"""

import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "gitops/infrastructure/observability/collector")
TOOLS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quarterdeck/tools")
NAMES = ("gateway", "sampler", "agent")
# As in infra/observability/collector.rs: modules that are not to be had in the version of the others.
NOT_BUILT = ("k8s_attributes", "tail_sampling")
INGEST, QUERY = "ingest-token-of-this-run", "query-token-of-this-run"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
UID = "0b7e4c1a-1111-4222-8333-444455556666"
# What a service writes, where no platform has run here.
LINE = (
    '{"timestamp":"%s","level":"info","service":"orders","instance":"orders-1","target":"access","span":"http request",'
    '"trace_id":"%s","span_id":"00f067aa0ba902b7","message":"request served","method":"GET","route":"/v1/orders/{id}",'
    '"status":200,"duration_ms":0.4242424242424242}'
)
# Each must be gone; none is a secret of anybody.
PLANTED = ("planted@example.com", "plantedtoken12345", "plantedpassword", "plantedquery", "4242424242424242 of")


def program():
    for path in (os.path.join(TOOLS, "otelcol"), shutil.which("otelcol")):
        if path and os.access(path, os.X_OK):
            return path
    sys.exit("error: otelcol is missing: `xtask/setup.sh infra-collector` builds it")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def built_parts(text):
    """The configuration without what is not built."""
    for name in NOT_BUILT:
        text = re.sub(r"(?m)^(  # [^\n]*\n)*  %s:\n((    [^\n]*)?\n)+?(?=  \S|\S)" % name, "", text)
        text = text.replace(f"{name}, ", "")
    return text


def replaced(text, pairs):
    for old, new in pairs:
        if old in text:
            text = text.replace(old, new)
    return text


def call(url, token=None, body=None, tries=1):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers, data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def eventually(what, seconds, attempt):
    """Asks until there is an answer; what was seen last where there is none in time."""
    end = time.monotonic() + seconds
    while True:
        found, seen = attempt()
        if found:
            return seen
        if time.monotonic() > end:
            raise SystemExit(f"error: {what} did not come within {seconds} s; last seen: {seen[:600]}")
        time.sleep(0.3)


class Run:
    def __init__(self, console, otelcol, place):
        self.console, self.otelcol, self.place, self.processes = console, otelcol, place, []
        names = ["listen", "health", "otlp_grpc", "otlp_http"]
        names += [f"{n}_{of}" for n in NAMES for of in ("grpc", "http", "health", "metrics")]
        self.ports = dict(zip(names, free_ports(len(names))))

    def at(self, *parts):
        return os.path.join(self.place, *parts)

    def url(self, port, path=""):
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def start(self, name, command):
        log = open(self.at(f"{name}.log"), "wb")
        environment = dict(os.environ, NODE_NAME="node-1", GOMEMLIMIT="200MiB")
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        self.processes.append((name, process))

    def stop(self):
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for _, process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def start_console(self):
        with open(self.at("password"), "w") as file:
            file.write("a password of this run")
        with open(self.at("ingest-token"), "w") as file:
            file.write(INGEST)
        p = self.ports
        lines = [f"{key}: 127.0.0.1:{p[key]}" for key in ("listen", "health", "otlp_grpc", "otlp_http")]
        lines += [
            f"data_dir: {self.at('console')}",
            f"external_url: {self.url('listen')}",
            f"site_dir: {os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(self.console))), 'site')}",
            f"tokens: {{ ingest: [{INGEST}], query: [{QUERY}] }}",
            f"admin: {{ username: admin, password_file: {self.at('password')} }}",
            f"rule_files: [\"{ROOT}/alerting/rules/*.yml\"]",
            f"routing_file: {ROOT}/alerting/routing/alertmanager.yml",
            f"runbooks_dir: {ROOT}/runbooks",
            f"gitops: {{ repository: {ROOT}, folder: gitops }}",
        ]
        with open(self.at("quarterdeck.yml"), "w") as file:
            file.write("\n".join(lines) + "\n")
        command = [self.console] + (["serve"] if os.path.basename(self.console) == "quarterdeck" else [])
        self.start("console", command + ["--config", self.at("quarterdeck.yml")])
        self.ready("console", "listen", "/readyz")

    def ready(self, name, port, path):
        process = dict(self.processes)[name]

        def attempt():
            if process.poll() is not None:
                raise SystemExit(f"error: {name} has ended: {self.last(name)}")
            status, answer = call(self.url(port, path))
            return status == 200, answer

        eventually(f"the {name}", 120, attempt)

    def configuration(self, name):
        """On loopback and this run's ports; backends are the console."""
        with open(os.path.join(FOLDER, f"{name}.yaml")) as file:
            text = built_parts(file.read())
        token = f"\n    headers: {{ authorization: Bearer {INGEST} }}"
        p = self.ports
        text = replaced(text, [
            ("0.0.0.0:4317", f"127.0.0.1:{p[name + '_grpc']}"),
            ("0.0.0.0:4318", f"127.0.0.1:{p[name + '_http']}"),
            ("0.0.0.0:13133", f"127.0.0.1:{p[name + '_health']}"),
            ("host: 0.0.0.0", "host: 127.0.0.1"),
            ("port: 8888", f"port: {p[name + '_metrics']}"),
            ("/etc/collector/secrets/console-ingest-token", self.at("ingest-token")),
            ("/var/lib/collector", self.at(f"queue-{name}")),
            ("/var/log/pods", self.at("pods")),
            ("start_at: end", "start_at: beginning"),
            ("http://console.quarterdeck:4318", self.url("otlp_http")),
            ("collector-sampler.observability:4317", f"127.0.0.1:{p['sampler_grpc']}"),
            ("collector-gateway.observability:4317", f"127.0.0.1:{p['gateway_grpc']}"),
            ("http://prometheus-operated.observability:9090/api/v1/write", self.url("listen", "/api/v1/write") + token),
            ("http://loki-write.observability:3100/otlp", self.url("otlp_http") + token),
            ("tempo-distributor.observability:4317", f"127.0.0.1:{p['otlp_grpc']}" + token),
        ])
        path = self.at(f"{name}.yaml")
        with open(path, "w") as file:
            file.write(text)
        return path

    def validate(self):
        for name in NAMES:
            ran = subprocess.run(
                [self.otelcol, "validate", "--config", self.configuration(name)],
                capture_output=True, text=True, env=dict(os.environ, NODE_NAME="node-1"),
            )
            if ran.returncode != 0:
                sys.exit(f"error: {name}.yaml: {ran.stderr.strip() or ran.stdout.strip()}")
            row(f"{name}.yaml is read", "passed")

    def start_collectors(self):
        # Whoever receives comes first.
        for name in ("sampler", "gateway", "agent"):
            self.start(name, [self.otelcol, "--config", self.at(f"{name}.yaml")])
            self.ready(name, f"{name}_health", "/")

    def last(self, name):
        with open(self.at(f"{name}.log"), errors="replace") as file:
            return "".join(file.readlines()[-3:])

    def write_pods(self):
        real = sorted(glob.glob(os.path.join(os.environ.get("QD_DATA") or os.path.join(ROOT, ".data"), "logs/orders-*.log")))
        lines, origin = [LINE % (time.strftime("%Y-%m-%dT%H:%M:%S.000001Z", time.gmtime()), TRACE)], "a line as services write it"
        for path in real[:1]:
            with open(path, errors="replace") as file:
                lines += [line.rstrip("\n") for line in file if line.startswith("{")][-50:]
            origin = f"{len(lines)} lines, 50 of {os.path.basename(path)}"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())
        quoted = "ERROR: duplicate key DETAIL: Key (email)=(planted@example.com) postgres://app:plantedpassword@db/orders"
        for folder, stream, texts in (
            (f"quarterdeck_orders-1_{UID}/orders", "stdout", lines),
            (f"data_postgres-1_{UID}/postgres", "stderr", [quoted]),
        ):
            os.makedirs(self.at("pods", folder))
            with open(self.at("pods", folder, "0.log"), "w") as file:
                file.writelines(f"{stamp} {stream} F {text}\n" for text in texts)
        return origin

    def send(self):
        now = time.time_ns()
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "sample"}}]}
        text = lambda key, value: {"key": key, "value": {"stringValue": value}}
        span = {
            "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "GET /sample", "kind": 2,
            "startTimeUnixNano": str(now - 900_000_000), "endTimeUnixNano": str(now), "status": {"code": 2},
            "attributes": [
                text("http.request.header.authorization", "Bearer plantedtoken12345"),
                text("url.full", "https://shop.example/x?token=plantedquery&page=1"),
                text("note", "card 4242424242424242 of planted@example.com"),
                text("http.route", "/sample"),
            ],
        }
        record = {
            "timeUnixNano": str(now), "severityText": "ERROR", "severityNumber": 17,
            "body": {"stringValue": "mail to planted@example.com failed"},
            "attributes": [text("password", "plantedpassword")],
        }
        point = {"timeUnixNano": str(now), "startTimeUnixNano": str(now), "asInt": "7",
                 "attributes": [text("user.email", "planted@example.com")]}
        metric = {"name": "sample.widgets", "unit": "1",
                  "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}}
        for path, body in (
            ("/v1/traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}),
            ("/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}),
            ("/v1/metrics", {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}),
        ):
            status, answer = call(self.url("gateway_http", path), body=body)
            if status != 200:
                sys.exit(f"error: the gateway answers {status} to {path}: {answer[:300]}")

    def arrives(self, what, path, wanted, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        begun = time.monotonic()

        def attempt():
            status, answer = call(self.url("listen", path + query), QUERY)
            return status == 200 and all(word in answer for word in wanted), answer

        answer = eventually(what, 40, attempt)
        for word in PLANTED:
            if word in answer:
                sys.exit(f"error: {what}: {word!r} arrived:\n{answer[:2000]}")
        row(what, f"passed after {time.monotonic() - begun:.1f} s")


def row(what, verdict):
    print(f"{what:58} {verdict}", flush=True)


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    begun = time.monotonic()
    place = tempfile.mkdtemp(prefix="qd-collector-")
    run = Run(sys.argv[1], program(), place)
    try:
        run.validate()
        for name in NOT_BUILT:
            row(f"processor {name}", "not looked at: it is not in this collector")
        run.start_console()
        origin = run.write_pods()
        run.start_collectors()
        run.send()
        loki = "/loki/api/v1/query_range"
        run.arrives("a trace: gateway, sampler, console", f"/api/traces/{TRACE}", ["GET /sample", "****", "/sample"])
        run.arrives("a log record: gateway, console", loki, ["mail to **** failed"], query='{service_name="sample"}')
        run.arrives("a metric: gateway, console", "/api/v1/query", ['"7"', "****"], query="sample_widgets_total")
        run.arrives(
            f"the shop's log file: agent, Loki's API ({origin})", loki, ["request served", TRACE, "0.4242424242424242"],
            query=f'{{service_name="orders", level="info"}} | trace_id = "{TRACE}"',
        )
        run.arrives("another pod's log file: agent, gateway, console", loki, ["duplicate key", "(****)"],
                    query='{k8s_namespace_name="data"}')
        print(f"the collectors took, kept private and passed on everything, in {time.monotonic() - begun:.0f} s")
    except BaseException:
        for name, _ in run.processes:
            print(f"--- {name}\n{run.last(name)}", file=sys.stderr)
        raise
    finally:
        run.stop()
        shutil.rmtree(place, ignore_errors=True)


main()
