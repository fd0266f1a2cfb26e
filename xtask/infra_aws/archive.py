"""S3 as the archive uses it: settings as Terraform's modules declare them, then what pgBackRest does."""

import base64
import datetime
import hashlib
import json

from . import declared
from .emulator import ACCOUNT, REGION, SECOND_REGION
from .report import expect, missing, refused, timed

MULTIPART_BYTES = 5 << 20


class Archive:
    def __init__(self, emulator):
        self.s3, self.there = emulator.client("s3"), emulator.client("s3", SECOND_REGION)
        self.iam = emulator.client("iam")
        self.kms = {REGION: emulator.client("kms"), SECOND_REGION: emulator.client("kms", SECOND_REGION)}
        self.name = f"quarterdeck-{declared.ENVIRONMENT}-postgres-archive"
        self.copy = f"{self.name}-replica"
        self.bucket, self.replication = declared.Bucket(), declared.Replication()

    def run(self):
        self.make(self.s3, self.name, REGION)
        self.make(self.there, self.copy, SECOND_REGION)
        missing("s3: a bucket's policy is enforced", "every call here is without TLS, which the policy denies")
        self.replicate()
        self.store()
        self.lock()
        self.copies()

    def make(self, s3, name, region):
        """`modules/bucket`."""
        b, here = self.bucket, f" {name.removeprefix('quarterdeck-')}"
        key = timed(f"kms CreateKey{here}", lambda: self.kms[region].create_key(), lambda a: a["KeyMetadata"]["KeyId"])
        key = key["KeyMetadata"]["Arn"]
        timed(f"s3 CreateBucket{here}, with object lock", lambda: s3.create_bucket(
            Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": region}))
        timed("s3 PutPublicAccessBlock", lambda: s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration={
                "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True}))
        timed("s3 PutBucketOwnershipControls", lambda: s3.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": b.ownership}]}))
        timed("s3 PutBucketEncryption", lambda: s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration={"Rules": [{
                "BucketKeyEnabled": True,
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]}))
        timed("s3 PutBucketVersioning", lambda: s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": b.versioning}))
        timed("s3 PutObjectLockConfiguration", lambda: s3.put_object_lock_configuration(
            Bucket=name, ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": b.lock_mode, "Days": b.locked_days}}}))
        lifecycle = {"Rules": [{
            "ID": b.rule, "Status": "Enabled", "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": b.upload_days},
            "NoncurrentVersionExpiration": {"NoncurrentDays": max(b.kept_days, b.locked_days)},
            "Expiration": {"Days": b.kept_days}}]}
        timed("s3 PutBucketLifecycleConfiguration", lambda: s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration=lifecycle))
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]})
        timed("s3 PutBucketPolicy: over TLS only", lambda: s3.put_bucket_policy(Bucket=name, Policy=policy))
        read = timed("s3 GetBucketVersioning, GetBucketEncryption, GetBucketLifecycle…", lambda: (
            s3.get_bucket_versioning(Bucket=name)["Status"],
            s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"],
            s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0],
            s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0],
        ), lambda a: "as they were put")
        expect("versioning", read[0] == b.versioning, read[0])
        expect("object lock", read[1] == {"Mode": b.lock_mode, "Days": b.locked_days}, read[1])
        default = read[2]["ApplyServerSideEncryptionByDefault"]
        expect("encryption", default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, default)
        expect("lifecycle", read[3]["NoncurrentVersionExpiration"]["NoncurrentDays"] == b.kept_days
               and read[3]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == b.upload_days, read[3])
        setattr(self, f"key_{region.replace('-', '_')}", key)

    def replicate(self):
        """`modules/replication`."""
        r = self.replication
        trust = json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}]})
        role = timed("iam CreateRole, PutRolePolicy: who copies", lambda: self.role(trust), lambda a: a)
        configuration = {"Role": role, "Rules": [{
            "ID": r.rule, "Status": "Enabled", "Priority": 0, "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": r.deletions},
            "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
            "Destination": {
                "Bucket": f"arn:aws:s3:::{self.copy}", "StorageClass": r.storage_class,
                "EncryptionConfiguration": {"ReplicaKmsKeyID": self.key_eu_west_1},
                "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": r.minutes}},
                "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": r.minutes}}}}]}
        timed("s3 PutBucketReplication", lambda: self.s3.put_bucket_replication(
            Bucket=self.name, ReplicationConfiguration=configuration))
        read = self.s3.get_bucket_replication(Bucket=self.name)["ReplicationConfiguration"]["Rules"][0]
        expect("replication", read["ID"] == r.rule and read["Destination"]["StorageClass"] == r.storage_class
               and read["DeleteMarkerReplication"]["Status"] == r.deletions, read)

    def role(self, trust):
        name = f"{self.name}-replication"
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
            "Resource": f"arn:aws:s3:::{self.name}"}]})
        self.iam.put_role_policy(RoleName=name, PolicyName="replicate", PolicyDocument=policy)
        return role

    def store(self):
        """What pgBackRest does to its repository; `make drill-restore` has the program itself do it."""
        s3, name = self.s3, self.name
        wal = "archive/shop/15-1/0000000100000000/000000010000000000000001-0a1b.zst"
        body = b"a segment" * 1000
        checked = base64.b64encode(hashlib.md5(body).digest()).decode()
        self.first = timed("s3 PutObject, with its MD5", lambda: s3.put_object(
            Bucket=name, Key=wal, Body=body, ContentMD5=checked), lambda a: f"version {a['VersionId'][:8]}")
        expect("the object is encrypted by the bucket's key", self.first.get("ServerSideEncryption") == "aws:kms", self.first)
        wrong = base64.b64encode(hashlib.md5(b"another").digest()).decode()
        refused("s3 PutObject, with the MD5 of something else", lambda: s3.put_object(
            Bucket=name, Key=wal + ".x", Body=body, ContentMD5=wrong), ("BadDigest", "InvalidDigest"))
        parts = [b"a" * MULTIPART_BYTES, b"the end"]
        backup = "backup/shop/20260102-030405F/pg_data/base/1/1259.zst"
        upload = timed("s3 CreateMultipartUpload", lambda: s3.create_multipart_upload(Bucket=name, Key=backup),
                       lambda a: a["UploadId"][:8])["UploadId"]
        sent = [{"PartNumber": n, "ETag": timed(f"s3 UploadPart {n}", lambda n=n, part=part: s3.upload_part(
            Bucket=name, Key=backup, UploadId=upload, PartNumber=n, Body=part),
            lambda a: a["ETag"])["ETag"]} for n, part in enumerate(parts, 1)]
        timed("s3 CompleteMultipartUpload", lambda: s3.complete_multipart_upload(
            Bucket=name, Key=backup, UploadId=upload, MultipartUpload={"Parts": sent}))
        listed = timed("s3 ListObjectsV2, one folder", lambda: s3.list_objects_v2(
            Bucket=name, Prefix="backup/shop/", Delimiter="/"), lambda a: a["CommonPrefixes"][0]["Prefix"])
        expect("folders", [p["Prefix"] for p in listed["CommonPrefixes"]] == ["backup/shop/20260102-030405F/"], listed)
        pages = timed("s3 ListObjectsV2, all, a page each", lambda: [
            o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name, PaginationConfig={"PageSize": 1})
            for o in page["Contents"]], lambda a: f"{len(a)} keys")
        expect("pages", pages == [wal, backup], pages)
        size = timed("s3 HeadObject", lambda: s3.head_object(Bucket=name, Key=backup),
                     lambda a: f"{a['ContentLength']} bytes")["ContentLength"]
        expect("size", size == sum(map(len, parts)), size)
        whole = timed("s3 GetObject", lambda: s3.get_object(Bucket=name, Key=wal)["Body"].read(), lambda a: f"{len(a)} bytes")
        expect("an object is what was put", whole == body)
        part = timed("s3 GetObject, a range", lambda: s3.get_object(
            Bucket=name, Key=backup, Range=f"bytes={MULTIPART_BYTES}-")["Body"].read(), lambda a: a.decode())
        expect("a range is what was asked for", part == parts[1], part)
        refused("s3 GetObject, one that is not there", lambda: s3.get_object(Bucket=name, Key="archive/none"), ("NoSuchKey",))
        self.wal, self.body = wal, body

    def lock(self):
        """Who deletes, by mistake or not, takes nothing away before the lock ends."""
        s3, name, wal, version = self.s3, self.name, self.wal, self.first["VersionId"]
        until = timed("s3 GetObjectRetention", lambda: s3.get_object_retention(
            Bucket=name, Key=wal, VersionId=version)["Retention"], lambda a: f"{a['Mode']} until {a['RetainUntilDate']:%F}")
        days = (until["RetainUntilDate"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400
        expect("the lock", until["Mode"] == self.bucket.lock_mode and abs(days - self.bucket.locked_days) < 0.1, until)
        timed("s3 DeleteObjects", lambda: s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": wal}], "Quiet": True}),
              lambda a: "a marker")
        refused("s3 GetObject, after it", lambda: s3.get_object(Bucket=name, Key=wal), ("NoSuchKey",))
        refused("s3 DeleteObject, the locked version", lambda: s3.delete_object(Bucket=name, Key=wal, VersionId=version),
                ("AccessDenied",))
        again = timed("s3 GetObject, the version", lambda: s3.get_object(
            Bucket=name, Key=wal, VersionId=version)["Body"].read(), lambda a: f"{len(a)} bytes")
        expect("the version is what was put", again == self.body)

    def copies(self):
        """Deletions are not copied: what was deleted here is there."""
        copied = timed("s3 ListObjectsV2, the copy in the second region", lambda: [
            o["Key"] for o in self.there.list_objects_v2(Bucket=self.copy).get("Contents", [])], lambda a: f"{len(a)} keys")
        expect("the copy has what was deleted", self.wal in copied and len(copied) == 2, copied)
        body = timed("s3 GetObject, from the copy", lambda: self.there.get_object(
            Bucket=self.copy, Key=self.wal)["Body"].read(), lambda a: f"{len(a)} bytes")
        expect("the copy is what was put", body == self.body)
        missing("s3: how late copies are", "they are made at once; ReplicationLatency and its alarm need CloudWatch's own figures")
