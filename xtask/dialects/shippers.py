"""Shippers of lines: Fluentd's logger, syslog by Python's handler and by `logger`."""

import logging
import logging.handlers
import shutil
import socket
import subprocess

from fluent import asyncsender, sender

from .checks import expect, soon

LINES = 50


class Shippers:
    def __init__(self, target):
        self.target = target

    def run(self, checks):
        check = checks.check
        check(f"fluent-logger: {LINES} events over the forward protocol", self.fluent)
        check("fluent-logger, asynchronous, with nanoseconds", self.fluent_async)
        check("logging.handlers.SysLogHandler over UDP", lambda: self.handler("udp"))
        check("logging.handlers.SysLogHandler over TCP", lambda: self.handler("tcp"))
        if shutil.which("logger"):
            check("logger, RFC 5424 over TCP, octets counted", lambda: self.logger("--tcp", "--octet-count"))
            check("logger, RFC 5424 over UDP", lambda: self.logger("--udp"))
        else:
            checks.not_here("logger", "util-linux' logger is not installed")

    def count(self, words, of):
        def found():
            lines = self.target.lines('{service_name=~".+"} |= "%s"' % words)
            return len(lines) == of and lines

        return soon(found)

    def fluent(self):
        logger = sender.FluentSender("shop.orders", host="127.0.0.1", port=self.target.forward)
        for i in range(LINES):
            expect(logger.emit("placed", {"message": f"fluent order {i}", "n": i, "nested": {"a": [1, 2]}}),
                   logger.last_error)
        logger.close()
        self.count("fluent order", LINES)

    def fluent_async(self):
        logger = asyncsender.FluentSender("shop", host="127.0.0.1", port=self.target.forward, nanosecond_precision=True)
        for i in range(LINES):
            logger.emit("async", {"message": f"fluent later {i}"})
        logger.close()
        self.count("fluent later", LINES)

    def handler(self, protocol):
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        port = self.target.syslog_tcp if protocol == "tcp" else self.target.syslog_udp
        handler = logging.handlers.SysLogHandler(("127.0.0.1", port), socktype=kind)
        # As its documentation says: a receiver over TCP tells messages apart by their last byte.
        handler.append_nul = protocol == "tcp"
        handler.setFormatter(logging.Formatter("shopd: handler %(message)s"))
        logger = logging.getLogger(f"syslog.{protocol}")
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        for i in range(LINES):
            logger.error("%s line %d", protocol, i)
        handler.close()
        self.count(f"handler {protocol} line", LINES)

    def logger(self, *options):
        port = self.target.syslog_udp if "--udp" in options else self.target.syslog_tcp
        words = f"logger{''.join(options)}"
        subprocess.run(["logger", *options, "--server", "127.0.0.1", "--port", str(port), "--rfc5424", "--tag", "shopd",
                        "--priority", "local0.err", f"{words} says so"], check=True, timeout=10)
        self.count(f"{words} says so", 1)
