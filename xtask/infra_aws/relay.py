"""Between the emulator and the console: the emulator signs with the word FAKE. The relay signs each message as SNS does, with
a key of this run, and is the SNS that the console asks for the certificate and for the confirmation. It stands outside the
console, which checks as ever."""

import base64
import http.server
import json
import os
import ssl
import threading
import urllib.parse

from harness.http import get
from harness.processes import output, program

from .emulator import ACCOUNT, REGION

HOST = f"sns.{REGION}.amazonaws.com"
CERTIFICATE = "/SimpleNotificationService-0123456789abcdef.pem"


class Relay:
    def __init__(self, place, emulator, console, ports):
        self.place, self.emulator, self.console = os.path.join(place, "sns"), emulator, console
        self.plain, self.tls = ports.free(), ports.free()
        # Bodies as they went to the console with its answers, and what was asked of SNS.
        self.sent, self.asked = [], []

    def at(self, name):
        return os.path.join(self.place, name)

    def start(self):
        os.makedirs(self.place)
        with open(self.at("names"), "w") as file:
            file.write(f"subjectAltName=DNS:{HOST}\n")
        for line in (
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca-key.pem -out ca.pem",
            f"req -newkey rsa:2048 -nodes -subj /CN={HOST} -keyout host-key.pem -out host.csr",
            "x509 -req -in host.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile names -out host.pem",
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sns.amazonaws.com -keyout key.pem -out signer.pem",
        ):
            self.openssl(line)
        self.serve(self.plain, self.forward)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.at("host.pem"), self.at("host-key.pem"))
        self.serve(self.tls, self.answer, context)

    def openssl(self, line):
        output([program("openssl"), *line.split(" ")], cwd=self.place)

    def serve(self, port, work, context=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def respond(self):
                status, text = work(self.path, self.rfile.read(int(self.headers.get("content-length") or 0)))
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = respond

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def forward(self, _, body):
        """From the emulator to the console."""
        message = self.as_sns(json.loads(body))
        status, text = self.post(message)
        self.sent.append((message, status, text))
        return status, text.encode()

    def post(self, message):
        headers = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": message["Type"]}
        return get(self.console, headers, json.dumps(message).encode())

    def as_sns(self, message):
        message["SigningCertURL"] = f"https://{HOST}{CERTIFICATE}"
        if "SubscribeURL" in message:
            query = urllib.parse.urlsplit(message["SubscribeURL"]).query
            message["SubscribeURL"] = f"https://{HOST}/?{query}"
        try:
            alarm = json.loads(message["Message"])
        except ValueError:
            alarm = {}
        if isinstance(alarm, dict) and "AlarmName" in alarm and "AlarmArn" not in alarm:
            # CloudWatch says it, the emulator does not.
            alarm["AlarmArn"] = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}"
            message["Message"] = json.dumps(alarm)
        return self.signed(message, "2")

    def signed(self, message, version):
        message["SignatureVersion"] = version
        names = ["Message", "MessageId"]
        names += ["Subject"] if message["Type"] == "Notification" else ["SubscribeURL"]
        names += ["Timestamp"] + ([] if message["Type"] == "Notification" else ["Token"]) + ["TopicArn", "Type"]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None)
        mark = threading.get_ident()
        with open(self.at(f"text-{mark}"), "w") as file:
            file.write(text)
        digest = "sha1" if version == "1" else "sha256"
        self.openssl(f"dgst -{digest} -sign key.pem -out signature-{mark} text-{mark}")
        with open(self.at(f"signature-{mark}"), "rb") as file:
            message["Signature"] = base64.b64encode(file.read()).decode()
        return message

    def answer(self, target, _):
        """From the console to SNS."""
        self.asked.append(target)
        if target == CERTIFICATE:
            with open(self.at("signer.pem"), "rb") as file:
                return 200, file.read()
        status, text = get(f"{self.emulator.url}{target}")
        return status or 502, text.encode()
