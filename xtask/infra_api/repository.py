"""The repository as a cluster sees it: over HTTPS with a name and a token, served by `git http-backend`; and a clone in which
somebody commits."""

import base64
import http.server
import os
import ssl
import subprocess
import threading

from . import tree
from harness.processes import output, program

USER, TOKEN = "git", "token-of-the-repository"
MAX_BODY_BYTES = 64 << 20


class Handler(http.server.BaseHTTPRequestHandler):
    """CGI (RFC 3875) for one program."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.serve()

    def serve(self):
        wanted = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if self.headers.get("authorization") != wanted:
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="git"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        length = min(int(self.headers.get("content-length") or 0), MAX_BODY_BYTES)
        body = self.rfile.read(length) if length else self.chunks()
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=self.server.folder, GIT_HTTP_EXPORT_ALL="1", REQUEST_METHOD=self.command,
            PATH_INFO=path, QUERY_STRING=query, CONTENT_TYPE=self.headers.get("content-type", ""), CONTENT_LENGTH=str(len(body)),
            HTTP_CONTENT_ENCODING=self.headers.get("content-encoding", ""), GIT_PROTOCOL=self.headers.get("git-protocol", ""),
            REMOTE_USER=USER, REMOTE_ADDR="127.0.0.1", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory",
            GIT_CONFIG_VALUE_0="*",
        )
        ran = subprocess.run([program("git"), "http-backend"], input=body, stdout=subprocess.PIPE, env=environment)
        head, _, answer = ran.stdout.partition(b"\r\n\r\n")
        headers = [line.decode().partition(": ")[::2] for line in head.split(b"\r\n") if line]
        self.send_response(next((int(value.split()[0]) for name, value in headers if name.lower() == "status"), 200))
        for name, value in headers:
            if name.lower() != "status":
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def chunks(self):
        """A body that is sent in chunks (RFC 9112, 7.1), as git sends what is long."""
        body = b""
        if self.headers.get("transfer-encoding") == "chunked":
            while (size := int(self.rfile.readline().split(b";")[0], 16)) and len(body) < MAX_BODY_BYTES:
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def log_message(self, *_):
        pass


class Repository:
    def __init__(self, root, place, port):
        self.port, self.clone, self.certificate = port, os.path.join(place, "clone"), os.path.join(place, "repository.crt")
        self.folder = os.path.join(place, "served")
        self.url = f"https://127.0.0.1:{port}/quarterdeck.git"
        self.key = os.path.join(place, "repository.key")
        tree.copy(root, self.clone)

    def git(self, *arguments):
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@quarterdeck.example", "-c", "commit.gpgsign=false"]
        return output([program("git"), *who, "-C", self.clone, *arguments]).strip()

    def start(self):
        bare = os.path.join(self.folder, "quarterdeck.git")
        output([program("git"), "init", "--quiet", "--bare", "--initial-branch=main", bare])
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", bare)
        output([
            program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.certificate,
        ])
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.folder = self.folder
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def at(self, *parts):
        return os.path.join(self.clone, *parts)

    def read(self, name):
        with open(self.at(name)) as file:
            return file.read()

    def write(self, name, text):
        with open(self.at(name), "w") as file:
            file.write(text)

    def push(self, message):
        """Commits everything and pushes; the commit's hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.push_head()

    def revert(self):
        self.git("revert", "--no-edit", "HEAD")
        return self.push_head()

    def push_head(self):
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def secret(self):
        """What a cluster is given to read it."""
        with open(self.certificate) as file:
            data = {"username": USER, "password": TOKEN, "ca.crt": file.read()}
        metadata = {"name": "flux-system", "namespace": "flux-system"}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
