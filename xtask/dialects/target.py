"""The console that clients are pointed at, and plain requests of what it found."""

import json
import time
import urllib.parse

from harness.console import Console
from harness.http import get
from harness.report import Failure

INGEST, QUERY = "ingest-token-of-this-run", "query-token-of-this-run"
ROUTING = "route: { receiver: nobody }\nreceivers:\n  - name: nobody\n"


class Target:
    def __init__(self, program, processes, ports):
        self.console = Console(program, processes, ports)
        self.syslog_tcp, self.syslog_udp, self.forward = ports.free(), ports.free(), ports.free()
        self.begun = time.time()

    def start(self):
        self.console.start([
            f"tokens: {{ ingest: [{INGEST}], query: [{QUERY}] }}",
            f"routing_file: {self.console.write('routing.yml', ROUTING)}",
            "gitops: { repository: %s, folder: gitops }" % self.repository(),
            f"syslog: {{ tcp: 127.0.0.1:{self.syslog_tcp}, udp: 127.0.0.1:{self.syslog_udp} }}",
            f"forward: {{ listen: 127.0.0.1:{self.forward} }}",
        ])

    @staticmethod
    def repository():
        from harness.console import ROOT
        return ROOT

    def url(self, path=""):
        return self.console.url(path)

    def otlp(self, path=""):
        return self.console.url(path, "otlp_http")

    def grpc(self):
        return f"127.0.0.1:{self.console.ports['otlp_grpc']}"

    def text(self, path, **parameters):
        """Status and body of a question."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return get(self.url(path + query), headers={"authorization": f"Bearer {QUERY}"})

    def ask(self, path, **parameters):
        status, text = self.text(path, **parameters)
        if status != 200:
            raise Failure(f"{path} answers {status}: {text[:500]}")
        return json.loads(text)

    def lines(self, selector):
        """Lines of the last hour with their streams' labels."""
        now = time.time()
        found = self.ask("/loki/api/v1/query_range", query=selector, limit=1000,
                         start=int((now - 3600) * 1e9), end=int((now + 60) * 1e9))
        return [(stream["stream"], line) for stream in found["data"]["result"] for _, line in stream["values"]]
