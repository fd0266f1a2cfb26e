"""A local AWS API (ministack) with everything in a folder of this run, and clients of AWS' own SDK for it."""

import os

import botocore.config
import botocore.session

from harness.http import get
from harness.processes import program

REGION, SECOND_REGION = "eu-central-1", "eu-west-1"
ACCOUNT = "111122223333"


class Emulator:
    def __init__(self, processes, ports):
        self.port, self.processes = ports.free(), processes
        self.session = botocore.session.Session()
        self.session.set_credentials(ACCOUNT, "secret-of-this-run")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        at = lambda name: os.path.join(self.processes.place, "aws", name)
        for name in ("state", "objects"):
            os.makedirs(at(name))
        self.processes.start("ministack", [program("ministack")], **{
            "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port),
            "STATE_DIR": at("state"), "S3_DATA_DIR": at("objects"), "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT, "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0", "LOG_LEVEL": "INFO",
        })

        def healthy():
            status, text = get(f"{self.url}/_ministack/health")
            return status == 200, text

        self.processes.answers("ministack", 120, healthy)

    def client(self, service, region=REGION):
        settings = {"retries": {"max_attempts": 1}, "s3": {"addressing_style": "path"}, "proxies": {}}
        return self.session.create_client(
            service, region_name=region, endpoint_url=self.url, config=botocore.config.Config(**settings),
        )
