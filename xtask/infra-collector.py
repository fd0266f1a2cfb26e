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
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.console import ROOT, Console
from harness.http import get
from harness.processes import Ports, Processes, end_on_sigterm, output, program
from harness.report import Failure, eventually, last_words, row

FOLDER = os.path.join(ROOT, "gitops/infrastructure/observability/collector")
NAMES = ("gateway", "sampler", "agent")
# As in infra/observability/collector.rs: modules that are not to be had in the version of the others.
NOT_BUILT = ("k8s_attributes", "tail_sampling")
INGEST, QUERY = "ingest-token-of-this-run", "query-token-of-this-run"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ENVIRONMENT = {"NODE_NAME": "node-1", "GOMEMLIMIT": "200MiB"}
UID = "0b7e4c1a-1111-4222-8333-444455556666"
# What a service writes, where no platform has run here.
LINE = (
    '{"timestamp":"%s","level":"info","service":"orders","instance":"orders-1","target":"access","span":"http request",'
    '"trace_id":"%s","span_id":"00f067aa0ba902b7","message":"request served","method":"GET","route":"/v1/orders/{id}",'
    '"status":200,"duration_ms":0.4242424242424242}'
)
# Each must be gone; none is a secret of anybody.
PLANTED = ("planted@example.com", "plantedtoken12345", "plantedpassword", "plantedquery", "4242424242424242 of")


def built_parts(text):
    """The configuration without what is not built."""
    for name in NOT_BUILT:
        text = re.sub(r"(?m)^(  # [^\n]*\n)*  %s:\n((    [^\n]*)?\n)+?(?=  \S|\S)" % name, "", text)
        text = text.replace(f"{name}, ", "")
    return text


def replaced(text, pairs):
    for old, new in pairs:
        text = text.replace(old, new)
    return text


class Run:
    def __init__(self, console, processes):
        self.place, self.processes, ports = processes.place, processes, Ports()
        self.console, self.otelcol = Console(console, self.processes, ports), program("otelcol")
        self.ports = {f"{n}_{of}": ports.free() for n in NAMES for of in ("grpc", "http", "health", "metrics")}

    def at(self, *parts):
        return os.path.join(self.place, *parts)

    def start_console(self):
        self.console.start([
            f"tokens: {{ ingest: [{INGEST}], query: [{QUERY}] }}",
            f"rule_files: [\"{ROOT}/alerting/rules/*.yml\"]",
            f"routing_file: {ROOT}/alerting/routing/alertmanager.yml",
            f"gitops: {{ repository: {ROOT}, folder: gitops }}",
        ])

    def configuration(self, name):
        """On loopback and this run's ports; backends are the console."""
        with open(os.path.join(FOLDER, f"{name}.yaml")) as file:
            text = built_parts(file.read())
        token = f"\n    headers: {{ authorization: Bearer {INGEST} }}"
        p, console = self.ports, self.console
        text = replaced(text, [
            ("0.0.0.0:4317", f"127.0.0.1:{p[name + '_grpc']}"),
            ("0.0.0.0:4318", f"127.0.0.1:{p[name + '_http']}"),
            ("0.0.0.0:13133", f"127.0.0.1:{p[name + '_health']}"),
            ("host: 0.0.0.0", "host: 127.0.0.1"),
            ("port: 8888", f"port: {p[name + '_metrics']}"),
            ("/etc/collector/secrets/console-ingest-token", console.write("ingest-token", INGEST)),
            ("/var/lib/collector", self.at(f"queue-{name}")),
            ("/var/log/pods", self.at("pods")),
            ("start_at: end", "start_at: beginning"),
            ("http://console.quarterdeck:4318", console.url(listener="otlp_http")),
            ("collector-sampler.observability:4317", f"127.0.0.1:{p['sampler_grpc']}"),
            ("collector-gateway.observability:4317", f"127.0.0.1:{p['gateway_grpc']}"),
            ("http://prometheus-operated.observability:9090/api/v1/write", console.url("/api/v1/write") + token),
            ("http://loki-write.observability:3100/otlp", console.url(listener="otlp_http") + token),
            ("tempo-distributor.observability:4317", f"127.0.0.1:{console.ports['otlp_grpc']}" + token),
        ])
        path = self.at(f"{name}.yaml")
        with open(path, "w") as file:
            file.write(text)
        return path

    def validate(self):
        for name in NAMES:
            output([self.otelcol, "validate", "--config", self.configuration(name)], env=dict(os.environ, **ENVIRONMENT))
            row(f"{name}.yaml is read", "passed")

    def start_collectors(self):
        # Whoever receives comes first.
        for name in ("sampler", "gateway", "agent"):
            self.processes.start(name, [self.otelcol, "--config", self.at(f"{name}.yaml")], **ENVIRONMENT)

            def ready():
                status, answer = get(f"http://127.0.0.1:{self.ports[name + '_health']}/")
                return status == 200, answer

            self.processes.answers(name, 120, ready)

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
            url, headers = f"http://127.0.0.1:{self.ports['gateway_http']}{path}", {"content-type": "application/json"}
            status, answer = get(url, headers, json.dumps(body).encode())
            if status != 200:
                raise Failure(f"the gateway answers {status} to {path}: {answer[:300]}")

    def arrives(self, what, path, wanted, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        begun = time.monotonic()

        def attempt():
            status, answer = get(self.console.url(path + query), {"authorization": f"Bearer {QUERY}"})
            return status == 200 and all(word in answer for word in wanted), answer

        answer = eventually(what, 40, attempt)
        for word in PLANTED:
            if word in answer:
                raise Failure(f"{what}: {word!r} arrived:\n{answer[:2000]}")
        row(what, f"passed after {time.monotonic() - begun:.1f} s")


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    end_on_sigterm()
    begun = time.monotonic()
    place = tempfile.mkdtemp(prefix="qd-collector-")
    processes = Processes(place)
    try:
        run = Run(sys.argv[1], processes)
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
    except Failure as failure:
        last_words(processes)
        sys.exit(f"error: {failure}")
    finally:
        processes.stop()
        shutil.rmtree(place, ignore_errors=True)


main()
