#!/usr/bin/env python3
"""The calls that the platform makes of AWS, made with AWS' own SDK of a local AWS API: the archive's buckets, every secret by
the name that it is asked for, its rotation, an alarm from CloudWatch through SNS to a console that runs, and what our scripts
ask of IAM, EKS and ECR. What the emulator does not carry is said. Nothing outlives the run.

infra-aws.py CONSOLE    the console's program, with its browser client in ../site; ministack, whose environment has the SDK,
                        lies where `xtask/setup.sh infra-aws` puts it
"""

import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.processes import TOOLS, Ports, Processes, end_on_sigterm
from harness.report import Failure, head, last_words


def with_sdk():
    """Goes on in the emulator's environment, which has the SDK."""
    python = os.path.join(TOOLS, "venv-ministack/bin/python")
    if not os.access(python, os.X_OK):
        sys.exit("error: ministack is missing: `xtask/setup.sh infra-aws` installs it")
    os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    if not os.path.realpath(sys.prefix).endswith("venv-ministack"):
        with_sdk()
    from infra_aws import control
    from infra_aws.alarms import Alarms
    from infra_aws.archive import Archive
    from infra_aws.emulator import Emulator
    from infra_aws.report import MISSING, timed
    from infra_aws.secrets import Secrets

    # No account of anybody's, whatever the machine knows.
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    end_on_sigterm()
    begun, place = time.monotonic(), tempfile.mkdtemp(prefix="qd-aws-")
    processes, ports = Processes(place), Ports()
    try:
        emulator = Emulator(processes, ports)
        head(f"{'call':64}   {'answer':58} seconds")
        timed("ministack", emulator.start, lambda a: f"at {emulator.url}")
        head("S3: the archive and its copy")
        Archive(emulator).run()
        head("Secrets Manager")
        Secrets(emulator).run()
        head("IAM, EKS, ECR: what our scripts ask")
        control.run(emulator)
        head("CloudWatch, SNS, console")
        Alarms(emulator, processes, ports, sys.argv[1]).run()
    except Failure as failure:
        last_words(processes)
        sys.exit(f"error: {failure}")
    finally:
        processes.stop()
        shutil.rmtree(place, ignore_errors=True)
    head("What the emulator did not carry, so that nobody has seen it here")
    for what, why in dict(MISSING).items():
        print(f"  {what}: {why}")
    print(f"\neverything else was answered as AWS documents it, in {time.monotonic() - begun:.0f} s")


main()
