"""A console with a configuration of this run, and a browser that is logged in to it."""

import html
import http.cookiejar
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from .http import TIMEOUT_SECONDS, get
from .report import Failure, eventually

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PASSWORD = "a password of this run"
LISTENERS = ("listen", "health", "otlp_grpc", "otlp_http")


class Console:
    def __init__(self, program, processes, ports):
        self.program, self.processes = os.path.abspath(program), processes
        self.place = os.path.join(processes.place, "console")
        self.ports = {name: ports.free() for name in LISTENERS}
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def url(self, path="", listener="listen"):
        return f"http://127.0.0.1:{self.ports[listener]}{path}"

    def write(self, name, text):
        """A file beside the configuration; its path."""
        os.makedirs(self.place, exist_ok=True)
        path = os.path.join(self.place, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, lines):
        """Starts it with these lines beside its listeners, data and administrator, and waits until it is ready."""
        site = os.path.join(os.path.dirname(os.path.dirname(self.program)), "site")
        password = self.write("password", PASSWORD)
        own = [f"{key}: 127.0.0.1:{port}" for key, port in self.ports.items()] + [
            f"data_dir: {self.place}/data", f"external_url: {self.url()}", f"site_dir: {site}",
            f"admin: {{ username: admin, password_file: {password} }}", f"runbooks_dir: {ROOT}/runbooks",
        ]
        configuration = self.write("quarterdeck.yml", "\n".join(own + lines) + "\n")
        self.processes.start("console", [self.program, "serve", "--config", configuration])

        def ready():
            status, text = get(self.url("/readyz"))
            return status == 200, text

        self.processes.answers("console", 120, ready)

    def log_in(self):
        form = urllib.parse.urlencode({"username": "admin", "password": PASSWORD, "next": "/about"}).encode()
        request = urllib.request.Request(self.url("/login"), data=form, headers={"origin": self.url()})
        self.opener.open(request, timeout=TIMEOUT_SECONDS).read()

    def page(self, path):
        try:
            with self.opener.open(self.url(path), timeout=TIMEOUT_SECONDS) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Failure(f"the console answers {error.code} to {path}") from None

    def shows(self, what, words, seconds, path="/deploys", without=()):
        """Seconds until the page has all words, and none that it should be without."""
        begun = time.monotonic()

        def attempt():
            page = text_of(self.page(path))
            missing = [word for word in words if word not in page]
            wrong = [word for word in without if word in page]
            return not missing and not wrong, f"without {missing}, with {wrong}, {path} says: {page[:5000]}"

        eventually(what, seconds, attempt)
        return time.monotonic() - begun


def text_of(markup):
    """What a reader sees of a page or a part of it."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<!--.*?-->", "", markup)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
