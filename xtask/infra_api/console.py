"""The console beside the cluster: how it is told what Flux does."""

import hashlib
import hmac
import http.client
import http.server
import threading

KEY = "key of this run's notifications"
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


def configuration(console, root, clone, kubeconfig):
    """Lines that let the console follow this cluster and its repository."""
    key = console.write("flux-events-key", KEY)
    return [
        f"routing_file: {root}/alerting/routing/alertmanager.yml",
        f"gitops: {{ repository: {clone}, folder: gitops, environment: staging }}",
        f"flux: {{ events_key_file: {key} }}", f"kubernetes: {{ kubeconfig: {kubeconfig} }}",
    ]
