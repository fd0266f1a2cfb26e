"""Secrets Manager: names as Terraform makes them, read as External Secrets does, rotated by the function that Terraform
deploys."""

import importlib.util
import os
import sys
import types
import uuid

from . import declared
from .emulator import SECOND_REGION
from .report import expect, missing, timed

ROTATED = "shop-staff-password"


class Secrets:
    def __init__(self, emulator):
        self.client, self.there = emulator.client("secretsmanager"), emulator.client("secretsmanager", SECOND_REGION)
        self.name = lambda name: f"quarterdeck/{declared.ENVIRONMENT}/{name}"
        self.values = {}

    def run(self):
        self.make()
        self.read()
        self.rotate()

    def make(self):
        made = declared.terraform_secrets()
        timed(f"secretsmanager CreateSecret, {len(made)} names of Terraform", lambda: [
            self.client.create_secret(Name=self.name(name), AddReplicaRegions=[{"Region": SECOND_REGION}]) for name in made
        ], lambda a: f"with a copy in {SECOND_REGION} each")
        self.copy(made)
        empty = self.name("stripe-key")
        try:
            self.client.get_secret_value(SecretId=empty)
            missing("secretsmanager: a secret that nobody gave a value has none", "it answers an empty version")
        except self.client.exceptions.ResourceNotFoundException:
            timed("secretsmanager GetSecretValue, of none yet", lambda: None, lambda a: "refused: ResourceNotFoundException")

        def put():
            for name, by in made.items():
                # As Terraform makes them; what a person gives is put in by hand.
                self.values[name] = self.client.get_random_password(PasswordLength=64, ExcludePunctuation=True)[
                    "RandomPassword"] if by == "random" else f"given: {name}"
                self.client.put_secret_value(SecretId=self.name(name), SecretString=self.values[name])

        timed("secretsmanager GetRandomPassword, PutSecretValue, each", put, lambda a: f"{len(self.values)} values")
        random = [v for name, v in self.values.items() if made[name] == "random"]
        expect("first passwords", all(len(v) == 64 and v.isalnum() for v in random) and len(set(random)) == len(random))

    def copy(self, made):
        try:
            self.there.describe_secret(SecretId=self.name(ROTATED))
        except self.there.exceptions.ResourceNotFoundException:
            missing("secretsmanager CreateSecret: AddReplicaRegions", "it makes no copy; the run asks for each by itself")
            timed("secretsmanager ReplicateSecretToRegions, each", lambda: [
                self.client.replicate_secret_to_regions(
                    SecretId=self.name(name), AddReplicaRegions=[{"Region": SECOND_REGION}]) for name in made
            ], lambda a: f"{len(a)} copies")

    def read(self):
        asked = declared.asked_secrets()

        def read():
            for name, files in asked.items():
                expect(f"{name} is asked for by {files[0]}, and Terraform makes none", name in self.values)
                answer = self.client.get_secret_value(SecretId=self.name(name), VersionStage="AWSCURRENT")
                expect(f"the value of {name}", answer["SecretString"] == self.values[name])

        timed(f"secretsmanager GetSecretValue, {len(asked)} names of External Secrets", read, lambda a: "as they were put")
        unread = sorted(set(self.values) - set(asked))
        timed("secretsmanager GetSecretValue, the copies", lambda: [
            self.there.get_secret_value(SecretId=self.name(name))["SecretString"] == self.values[name] or
            expect(f"the copy of {name}", False) for name in asked], lambda a: f"{len(a)} as they were put")
        expect(f"secrets that nobody reads: {unread}", set(unread) <= self.read_by_others(), unread)

    def read_by_others(self):
        """What the start of Flux reads by itself (`modules/flux/bootstrap.sh`)."""
        return {"github-token"}

    def rotate(self):
        sys.modules["boto3"] = types.ModuleType("boto3")
        path = os.path.join(declared.ROOT, "terraform/modules/secrets/rotation/rotate.py")
        specification = importlib.util.spec_from_file_location("rotate", path)
        function = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(function)

        secret, token = self.name(ROTATED), str(uuid.uuid4())
        before = self.values[ROTATED]
        event = {"SecretId": secret, "ClientRequestToken": token, "Step": "createSecret"}
        pending = Pending(self.client, token)
        timed("the rotation's createSecret", lambda: [function.handler(event, None, pending) for _ in range(2)],
              lambda a: "AWSPENDING, once for two calls")
        missing("secretsmanager RotateSecret: a version that waits for its function",
                "it promotes a copy of the value and calls no function; the pending version's label is given by the run")
        made = self.client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")["SecretString"]
        expect("the new value", made != before and len(made) == 48 and made.isalnum())
        current = self.client.get_secret_value(SecretId=secret)["SecretString"]
        expect("until it ends, the one before is current", current == before)
        for step in ("setSecret", "testSecret", "finishSecret", "finishSecret"):
            timed(f"the rotation's {step}", lambda: function.handler({**event, "Step": step}, None, pending))
        stages = self.client.describe_secret(SecretId=secret)["VersionIdsToStages"]
        value = lambda stage: self.client.get_secret_value(SecretId=secret, VersionStage=stage)["SecretString"]
        timed("secretsmanager GetSecretValue AWSCURRENT, AWSPREVIOUS", lambda: (value("AWSCURRENT"), value("AWSPREVIOUS")),
              lambda a: "the new one, the one before")
        expect("labels", "AWSCURRENT" in stages[token], stages)
        expect("the current value", value("AWSCURRENT") == made)
        expect("the one before stays in reach", value("AWSPREVIOUS") == before)


class Pending:
    """The client of a rotation: Secrets Manager has labelled a version without a value before it calls the function, and
    rotation is on. The emulator does neither, so that much is said here; everything else is its own answer."""

    def __init__(self, client, token):
        self.client, self.token = client, token

    def __getattr__(self, name):
        return getattr(self.client, name)

    def describe_secret(self, SecretId):
        described = self.client.describe_secret(SecretId=SecretId)
        described["RotationEnabled"] = True
        described["VersionIdsToStages"].setdefault(self.token, ["AWSPENDING"])
        return described
