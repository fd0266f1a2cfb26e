#!/usr/bin/env python3
"""What Elasticsearch is given, in a real OpenSearch: the pipeline, the template and every saved search, with lines that
services of a local platform wrote (`make up` leaves them under .data/logs; QD_DATA names another place).

What OpenSearch has not is told: the lifecycle, which is another plugin's there, and everything of Kibana's but the queries.
"""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "gitops/infrastructure/observability/elastic")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "quarterdeck")
VERSION = "3.6.0"
ARTIFACT = f"org.opensearch.distribution.integ-test-zip:opensearch:{VERSION}:zip"
STREAM = "logs-quarterdeck.shop-default"
# Of each file, the newest.
LINES_OF_A_FILE = 500
SERVICES = ("storefront", "identity", "catalog", "inventory", "orders", "payments", "notifications")
PLANTED = [
    "2026-01-01 ERROR: Key (email)=(planted@example.com) postgres://app:plantedpassword@db/x Bearer plantedtoken12345 "
    "card 4242424242424242 https://shop.example/x?token=plantedquery",
    json.dumps({
        "timestamp": "2026-01-01T00:00:00.123456Z", "level": "error", "service": "orders", "instance": "orders-1",
        "target": "access", "message": "mail to planted@example.com failed", "password": "plantedpassword",
        "status": 503, "route": "/v1/orders/{id}", "method": "GET", "duration_ms": 812.5, "trace_id": "a" * 32, "span_id": "b" * 16,
        "span": "http request",
    }),
]


def row(what, verdict):
    print(f"{what:44} {verdict}", flush=True)


def java_home():
    """OpenSearch 3 runs on Java 21 and newer."""
    homes = []
    for release in glob.glob("/usr/lib/jvm/*/release"):
        with open(release) as file:
            for line in file:
                if line.startswith("JAVA_VERSION="):
                    homes.append((int(line.split('"')[1].split(".")[0]), os.path.dirname(release)))
    newest = max(homes, default=(0, ""))
    if newest[0] < 21:
        sys.exit("error: a Java of version 21 or newer is missing under /usr/lib/jvm: OpenSearch needs it")
    return newest[1]


def distribution():
    """OpenSearch as Maven Central has it, unpacked once."""
    place = os.path.join(CACHE, f"opensearch-{VERSION}")
    if os.path.isdir(place):
        return place
    repository = os.path.join(CACHE, "maven")
    archive = os.path.join(repository, f"org/opensearch/distribution/integ-test-zip/opensearch/{VERSION}/opensearch-{VERSION}.zip")
    if not os.path.exists(archive):
        get = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get"
        command = ["mvn", "-q", "-B", get, f"-Dartifact={ARTIFACT}", "-Dtransitive=false", f"-Dmaven.repo.local={repository}"]
        subprocess.run(command, check=True)
    temporary = tempfile.mkdtemp(dir=CACHE)
    subprocess.run(["unzip", "-q", archive, "-d", temporary], check=True)
    os.rename(os.path.join(temporary, f"opensearch-{VERSION}"), place)
    os.rmdir(temporary)
    return place


class OpenSearch:
    def __init__(self, place):
        self.place = place
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, transport = one.getsockname()[1], other.getsockname()[1]
        settings = os.path.join(place, "config")
        shutil.copytree(os.path.join(distribution(), "config"), settings)
        with open(os.path.join(settings, "opensearch.yml"), "w") as file:
            file.write(
                f"discovery.type: single-node\nnetwork.host: 127.0.0.1\nhttp.port: {self.port}\n"
                f"transport.port: {transport}\npath.data: {place}/data\npath.logs: {place}/logs\n"
                # A disk that is nearly full would have it refuse a few thousand lines.
                "cluster.routing.allocation.disk.threshold_enabled: false\n"
            )
        # It refuses to be root.
        prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.getuid() == 0 else []
        environment = dict(
            os.environ, OPENSEARCH_JAVA_HOME=java_home(), OPENSEARCH_PATH_CONF=settings,
            OPENSEARCH_JAVA_OPTS="-Xms512m -Xmx512m",
        )
        self.log = open(os.path.join(place, "log"), "wb")
        command = prefix + [os.path.join(distribution(), "bin/opensearch")]
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)

    def wait(self, seconds=600):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if self.call("GET", "_cluster/health")["status"] == "green":
                    return
            except OSError:
                pass
            time.sleep(0.5)
        with open(os.path.join(self.place, "log"), errors="replace") as file:
            sys.exit("error: OpenSearch does not start:\n" + "".join(file.readlines()[-20:]))

    def call(self, method, path, body=None, kind="application/json"):
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}", method=method, data=data, headers={"content-type": kind})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            sys.exit(f"error: {method} {path}: {error.code}\n{error.read().decode()[:2000]}")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)


def read(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()


def lines():
    folder = os.path.join(os.environ.get("QD_DATA") or os.path.join(ROOT, ".data"), "logs")
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "*.log"))):
        name = os.path.basename(path).removesuffix(".log")
        # What supervises writes a line of its own when it starts a process anew.
        if name.rsplit("-", 1)[0] in SERVICES:
            with open(path, errors="replace") as file:
                found += [(name, line.rstrip("\n")) for line in file.readlines()[-LINES_OF_A_FILE:] if line.startswith("{")]
    if not found:
        sys.exit(f"error: no service has written to {folder}: `make up` makes a platform that does")
    return found


def store(opensearch, found):
    """As Filebeat sends them: each line a message, with the pod that wrote it."""
    stored = []
    for start in range(0, len(found), 1000):
        body = ""
        for pod, line in found[start : start + 1000]:
            event = {"@timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "message": line,
                     "kubernetes": {"namespace": "quarterdeck", "pod": {"name": pod}}}
            body += json.dumps({"create": {"_index": STREAM}}) + "\n" + json.dumps(event) + "\n"
        answer = opensearch.call("POST", "_bulk", body, "application/x-ndjson")
        errors = [item["create"]["error"] for item in answer["items"] if "error" in item["create"]]
        if errors:
            sys.exit(f"error: {len(errors)} lines are refused: {json.dumps(errors[0])[:800]}")
        stored += answer["items"]
    opensearch.call("POST", f"{STREAM}/_refresh")
    return len(stored)


def count(opensearch, query):
    body = {"size": 1, "track_total_hits": True, "query": {"query_string": {"query": query}}}
    hits = opensearch.call("POST", f"{STREAM}/_search", body)["hits"]
    return hits["total"]["value"], hits["hits"]


def main():
    begun = time.monotonic()
    found = lines()
    place = tempfile.mkdtemp(prefix="qd-opensearch-")
    opensearch = OpenSearch(place)
    try:
        opensearch.wait()
        row(f"OpenSearch {VERSION}", f"started after {time.monotonic() - begun:.0f} s")
        opensearch.call("PUT", "_ingest/pipeline/quarterdeck-shop-logs", read("pipeline.json"))
        row("pipeline.json", "taken as it is")
        template = json.loads(read("template.json"))
        lifecycle = template["template"]["settings"].pop("index.lifecycle.name")
        opensearch.call("PUT", "_index_template/quarterdeck-shop-logs", template)
        row("template.json", f"taken but for index.lifecycle.name ({lifecycle}): OpenSearch has no such setting")
        row("lifecycle.json", "not looked at: it is Elasticsearch's alone")
        number = store(opensearch, found)
        lost, hits = count(opensearch, "tags:(not_json OR no_time OR pipeline_failed)")
        if lost:
            sys.exit(f"error: {lost} of {number} lines of services are not understood, as {json.dumps(hits[0])[:1500]}")
        unnamed, hits = count(opensearch, "NOT _exists_:service.name OR NOT _exists_:log.level OR NOT _exists_:message")
        if unnamed:
            sys.exit(f"error: {unnamed} lines have no service, level or message, as {json.dumps(hits[0])[:1500]}")
        row(f"{number} lines of services", "all understood")
        store(opensearch, [("planted", line) for line in PLANTED])
        everything = json.dumps(opensearch.call("POST", f"{STREAM}/_search", {"size": 10, "query": {"term": {"kubernetes.pod.name": "planted"}}}))
        for word in ("planted@", "plantedpassword", "plantedtoken", "plantedquery", "4242424242424242"):
            if word in everything:
                sys.exit(f"error: {word!r} is stored: {everything[:2000]}")
        row("secrets and personal data, planted", "none is stored")
        for line in read("searches.ndjson").splitlines():
            saved = json.loads(line)
            if saved["type"] != "search":
                continue
            source = json.loads(saved["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
            hits, _ = count(opensearch, source["query"]["query"])
            if not hits:
                sys.exit(f"error: the search {saved['attributes']['title']!r} finds nothing, and there is something")
            row(f"search: {saved['attributes']['title']}", f"{hits} lines")
        print(f"everything that OpenSearch knows of it works, in {time.monotonic() - begun:.0f} s")
    finally:
        opensearch.stop()
        shutil.rmtree(place, ignore_errors=True)


main()
