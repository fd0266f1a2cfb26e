"""The API server, asked over HTTPS as its clients do: with its own certificate as authority and a bearer token."""

import http.client
import json
import socket
import ssl
import threading

from harness.report import Failure

TIMEOUT = 60


class Refused(Exception):
    """A `Status` of the API server."""

    def __init__(self, status, value):
        self.status, self.value = status, value
        super().__init__(value.get("message") or f"status {status}")

    def fields(self):
        """Field and complaint of each cause; the message where there are none."""
        causes = (self.value.get("details") or {}).get("causes") or []
        said = [(cause.get("field", ""), cause.get("message", "")) for cause in causes]
        return said or [("", str(self))]


class Api:
    """Safe to share: each thread has a connection of its own."""

    def __init__(self, port, authority, token):
        self.port, self.authority, self.token = port, authority, token
        self.threads = threading.local()
        self.kinds = {}

    def connection(self):
        if getattr(self.threads, "connection", None) is None:
            # Made late: the server writes its certificate when it starts.
            trusted = ssl.create_default_context(cafile=self.authority)
            self.threads.connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trusted, timeout=TIMEOUT)
        return self.threads.connection

    def call(self, method, path, body=None, content="application/json"):
        """The answer's value and warnings; `Refused` for a status of 400 and more, `OSError` where nobody answers."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": content, "accept": "application/json"}
        data = None if body is None else json.dumps(body)
        try:
            connection = self.connection()
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException, socket.timeout) as error:
            self.threads.connection = None
            raise OSError(f"{method} {path}: {error}") from error
        try:
            value = json.loads(text)
        except ValueError:
            value = {"message": text.decode(errors="replace")}
        if answer.status >= 400:
            raise Refused(answer.status, value)
        return value, answer.headers.get_all("warning") or []

    def get(self, path):
        return self.call("GET", path)[0]

    def find(self, path):
        """None where there is nothing of the name."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def resource(self, version, kind):
        """Path of the kind's version, its plural, and whether it has namespaces."""
        if (version, kind) not in self.kinds:
            path = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            for resource in (self.find(path) or {"resources": []})["resources"]:
                if "/" not in resource["name"]:
                    self.kinds[version, resource["kind"]] = (path, resource["name"], resource["namespaced"])
        if (version, kind) not in self.kinds:
            raise Failure(f"the API server knows no {kind} of {version}")
        return self.kinds[version, kind]

    def path(self, value):
        """Where an object stands."""
        path, plural, namespaced = self.resource(value["apiVersion"], value["kind"])
        metadata = value["metadata"]
        within = f"/namespaces/{metadata['namespace']}" if namespaced else ""
        return f"{path}{within}/{plural}/{metadata['name']}"

    def apply(self, value, dry_run=False):
        """Server-side apply, as kustomize-controller does it; the answer's value and warnings."""
        options = "fieldManager=kustomize-controller&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self.call("PATCH", f"{self.path(value)}?{options}", value, "application/apply-patch+yaml")

    def merge(self, path, change):
        return self.call("PATCH", path, change, "application/merge-patch+json")[0]
