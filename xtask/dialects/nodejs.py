"""OpenTelemetry's SDK and Elasticsearch's client for Node."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile

from harness.processes import CACHE, output
from harness.report import Failure

from .checks import expect, soon
from .target import INGEST

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
FILES = ("package.json", "package-lock.json")


def installed():
    """A folder with the clients, outside of the checkout; of the versions of the lock file."""
    with open(os.path.join(SOURCE, "package-lock.json"), "rb") as file:
        name = hashlib.sha256(file.read()).hexdigest()[:12]
    folder = os.path.join(CACHE, f"dialects-node-{name}")
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        # Elsewhere first: what was interrupted is not taken for whole.
        unfinished = tempfile.mkdtemp(prefix="dialects-node-", dir=CACHE)
        for file in FILES:
            shutil.copy(os.path.join(SOURCE, file), unfinished)
        output(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=unfinished, timeout=300)
        os.rename(unfinished, folder)
    shutil.copy(os.path.join(SOURCE, "send.mjs"), folder)
    return folder


class Node:
    def __init__(self, target):
        self.target, self.sent = target, {}

    def run(self, check):
        check("SDK and Elasticsearch's client send", self.send)
        if not self.sent:
            return
        for protocol in ("protobuf", "json"):
            check(f"OTLP over HTTP, {protocol}: a trace", lambda: self.trace(protocol))
        check("a counter, by PromQL", self.counter)
        check("a log record, by LogQL", lambda: self.lines("sdk-node", "stock is low", 1))
        check("helpers.bulk of 100 documents", lambda: self.lines(".+", "node document", 100))

    def send(self):
        where = {"otlp": self.target.otlp(), "elasticsearch": self.target.url("/elasticsearch"), "token": INGEST}
        folder = installed()
        ran = subprocess.run(["node", "send.mjs", json.dumps(where)], cwd=folder, capture_output=True, text=True, timeout=60)
        if ran.returncode != 0:
            raise Failure(ran.stderr.strip()[-1000:])
        self.sent = json.loads(ran.stdout)
        expect(self.sent["documents"] == 100, self.sent)

    def trace(self, protocol):
        trace_id = self.sent["traces"][protocol]
        found = soon(lambda: self.target.text(f"/api/traces/{trace_id}")[0] == 200 and
                     self.target.ask(f"/api/traces/{trace_id}"))
        spans = [s for batch in found["batches"] for scope in batch["scopeSpans"] for s in scope["spans"]]
        expect([s["name"] for s in spans] == [f"node {protocol}"], found)

    def counter(self):
        def value():
            found = self.target.ask("/api/v1/query", query='sum(sdk_node_orders_total{kind="paid"})')["data"]["result"]
            return found and float(found[0]["value"][1])

        expect(soon(value) == 4)

    def lines(self, service, words, of):
        def found():
            lines = self.target.lines('{service_name=~"%s"} |= "%s"' % (service, words))
            return len(lines) == of and lines

        soon(found)
