"""The calls that our own scripts make of AWS' control planes (`modules/flux/bootstrap.sh`, `ci/sign.sh`); everything else is
Terraform's provider's business."""

import base64
import json

from harness.report import Failure

from . import declared
from .emulator import ACCOUNT
from .report import expect, missing, timed


def run(emulator):
    name = f"quarterdeck-{declared.ENVIRONMENT}"
    iam, eks, ecr = emulator.client("iam"), emulator.client("eks"), emulator.client("ecr")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    role = timed("iam CreateRole: the control plane", lambda: iam.create_role(
        RoleName=f"{name}-cluster", AssumeRolePolicyDocument=trust)["Role"]["Arn"], lambda a: a)
    timed("eks CreateCluster", lambda: eks.create_cluster(
        name=name, roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-a", "subnet-b", "subnet-c"]}))
    cluster = timed("eks DescribeCluster (bootstrap.sh: aws eks update-kubeconfig)", lambda: eks.describe_cluster(
        name=name)["cluster"], lambda a: f"{a['status']}, {a.get('endpoint') or 'no endpoint'}")
    expect("the cluster's name", cluster["name"] == name)
    missing("eks: an API server", "needs containers; `make infra-api` has a real one")
    token = timed("ecr GetAuthorizationToken (sign.sh: aws ecr get-login-password)", lambda: ecr.get_authorization_token()[
        "authorizationData"][0]["authorizationToken"], lambda a: "a password for AWS")
    try:
        user = base64.b64decode(token).decode().split(":", 1)[0]
    except ValueError as error:
        raise Failure(f"ecr: the token is not base64: {error}") from error
    expect("ecr's user", user == "AWS", user)
    caller = timed("sts GetCallerIdentity", lambda: emulator.client("sts").get_caller_identity(), lambda a: a["Arn"])
    expect("the account", caller["Account"] == ACCOUNT, caller)
