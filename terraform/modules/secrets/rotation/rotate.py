"""Rotates a secret: a new random value becomes current, and the one before stays readable as AWSPREVIOUS.

Secrets Manager calls it four times: createSecret, setSecret, testSecret, finishSecret. Each may be repeated.
"""

import os

import boto3

LENGTH = int(os.environ.get("LENGTH", "48"))


def handler(event, _context, client=None):
    client = client or boto3.client("secretsmanager")
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = client.describe_secret(SecretId=secret)
    if not described.get("RotationEnabled"):
        raise ValueError(f"{secret} is not rotated")
    stages = described["VersionIdsToStages"].get(token)
    if stages is None:
        raise ValueError(f"{secret} has no version {token}")
    if "AWSCURRENT" in stages:
        return
    if "AWSPENDING" not in stages:
        raise ValueError(f"{secret}: version {token} is not pending")
    if step == "createSecret":
        create(client, secret, token)
    elif step == "finishSecret":
        finish(client, secret, token, described["VersionIdsToStages"])
    # setSecret and testSecret: whoever reads the secret is what holds it; there is no other party to tell or to ask.
    elif step not in ("setSecret", "testSecret"):
        raise ValueError(f"unknown step {step}")


def create(client, secret, token):
    try:
        client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        # No characters that an address or a shell would read as something else.
        made = client.get_random_password(PasswordLength=LENGTH, ExcludePunctuation=True)["RandomPassword"]
        client.put_secret_value(
            SecretId=secret, ClientRequestToken=token, SecretString=made, VersionStages=["AWSPENDING"]
        )


def finish(client, secret, token, versions):
    current = next((version for version, stages in versions.items() if "AWSCURRENT" in stages), None)
    change = {"SecretId": secret, "VersionStage": "AWSCURRENT", "MoveToVersionId": token}
    if current is not None:
        change["RemoveFromVersionId"] = current
    client.update_secret_version_stage(**change)
