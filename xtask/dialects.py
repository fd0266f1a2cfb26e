#!/usr/bin/env python3
"""Real, unmodified clients against a console that runs: Elasticsearch's client and OpenTelemetry's SDK over each of its
exporters, both for Python and for Node, shippers of Fluentd's protocol and of syslog, a WebSocket that follows lines,
Prometheus' client. A check each is printed; what was sent by one dialect is found by the others.

dialects.py CONSOLE    the console's program, with its browser client in ../site; the clients lie where
                       `xtask/setup.sh dialects` puts them
"""

import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.processes import TOOLS, Ports, Processes, end_on_sigterm
from harness.report import Failure, head, last_words

ENVIRONMENT = "venv-dialects"


def with_clients():
    """Goes on in the clients' environment."""
    python = os.path.join(TOOLS, ENVIRONMENT, "bin/python")
    if not os.access(python, os.X_OK):
        sys.exit("error: the clients are missing: `xtask/setup.sh dialects` installs them")
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    if not os.path.realpath(sys.prefix).endswith(ENVIRONMENT):
        with_clients()
    from dialects.checks import Checks
    from dialects.elastic import Client
    from dialects.nodejs import Node
    from dialects.readers import Readers
    from dialects.shippers import Shippers
    from dialects.target import Target
    from dialects.telemetry import Sdk

    end_on_sigterm()
    place = tempfile.mkdtemp(prefix="qd-dialects-")
    processes, checks = Processes(place), Checks()
    try:
        target = Target(sys.argv[1], processes, Ports())
        target.start()
        head("Elasticsearch's client")
        Client(target).run(checks.check)
        head("OpenTelemetry's SDK")
        Sdk(target).run(checks.check)
        head("Node")
        Node(target).run(checks.check)
        head("Shippers")
        Shippers(target).run(checks)
        head("Readers")
        Readers(target).run(checks.check)
        processes.still_runs("console")
    except Failure as failure:
        last_words(processes)
        sys.exit(f"error: {failure}")
    finally:
        processes.stop()
        shutil.rmtree(place, ignore_errors=True)
    print(f"\n{checks.done} checks ok, {len(checks.failed)} failed, {len(checks.absent)} clients not here")
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
