"""The console beside the cluster: it is told what Flux does, and asked for its page of deploys."""

import hashlib
import hmac
import html
import http.client
import http.cookiejar
import http.server
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from .report import Failure, eventually

KEY = "key of this run's notifications"
PASSWORD = "a password of this run"
MAX_EVENT_BYTES = 128 << 10


class Signer(http.server.BaseHTTPRequestHandler):
    """What notification-controller does for a Provider of the type `generic-hmac`, whose events go nowhere else here:
    controllers tell it what they did, unsigned, and it signs the body and passes it on."""

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), MAX_EVENT_BYTES))
        digest = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        # Before there is a console nobody listens, as in a cluster whose console is not yet applied.
        status = 204
        if self.server.target is not None:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=20)
            try:
                headers = {"content-type": "application/json", "x-signature": f"sha256={digest}"}
                connection.request("POST", "/api/flux/events", body, headers)
                status = connection.getresponse().status
            except OSError:
                status = 503  # the controller sends it again
            finally:
                connection.close()
            self.server.passed[status] = self.server.passed.get(status, 0) + 1
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Events:
    """Where controllers send their events."""

    def __init__(self, port):
        self.port = port
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Signer)
        self.server.target, self.server.passed = None, {}

    def start(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def address(self):
        return f"http://127.0.0.1:{self.port}/"


class Console:
    def __init__(self, program, root, place, processes, ports):
        self.program, self.root, self.place, self.processes = program, root, place, processes
        self.ports = {name: ports.free() for name in ("listen", "health", "otlp_grpc", "otlp_http")}
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def url(self, path=""):
        return f"http://127.0.0.1:{self.ports['listen']}{path}"

    def start(self, clone, kubeconfig):
        place = os.path.join(self.place, "console")
        os.makedirs(place)
        for name, text in (("password", PASSWORD), ("flux-events-key", KEY)):
            with open(os.path.join(place, name), "w") as file:
                file.write(text)
        site = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(self.program))), "site")
        lines = [f"{key}: 127.0.0.1:{port}" for key, port in self.ports.items()]
        lines += [
            f"data_dir: {place}/data", f"external_url: {self.url()}", f"site_dir: {site}",
            f"admin: {{ username: admin, password_file: {place}/password }}",
            f"routing_file: {self.root}/alerting/routing/alertmanager.yml", f"runbooks_dir: {self.root}/runbooks",
            f"gitops: {{ repository: {clone}, folder: gitops, environment: staging }}",
            f"flux: {{ events_key_file: {place}/flux-events-key }}", f"kubernetes: {{ kubeconfig: {kubeconfig} }}",
        ]
        with open(os.path.join(place, "quarterdeck.yml"), "w") as file:
            file.write("\n".join(lines) + "\n")
        self.processes.start("console", [self.program, "serve", "--config", os.path.join(place, "quarterdeck.yml")])

        def ready():
            try:
                return self.opener.open(self.url("/readyz"), timeout=10).status == 200, ""
            except OSError as error:
                return False, error

        self.processes.answers("console", 120, ready)
        form = urllib.parse.urlencode({"username": "admin", "password": PASSWORD, "next": "/deploys"}).encode()
        request = urllib.request.Request(self.url("/login"), data=form, headers={"origin": self.url()})
        self.opener.open(request, timeout=20).read()

    def page(self, path):
        """The page's text, without its markup."""
        try:
            text = self.opener.open(self.url(path), timeout=20).read().decode()
        except urllib.error.HTTPError as error:
            raise Failure(f"the console answers {error.code} to {path}") from None
        text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<!--.*?-->", "", text)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", text)))

    def shows(self, what, words, seconds, path="/deploys", without=()):
        """Seconds until the page has all words, and none that it should be without."""
        begun = time.monotonic()

        def attempt():
            page = self.page(path)
            missing = [word for word in words if word not in page]
            wrong = [word for word in without if word in page]
            return not missing and not wrong, f"without {missing}, with {wrong}, {path} says: {page[:5000]}"

        eventually(what, seconds, attempt)
        return time.monotonic() - begun
