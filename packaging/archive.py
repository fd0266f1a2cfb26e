#!/usr/bin/env python3
"""Rewrites an image's archive (docker-archive) so that the same programs and the same base give the same bytes.

Builders write the name of their own container into the image's configuration and their clock into the archive.
usage: archive.py FROM TO SECONDS_SINCE_1970
"""

import hashlib
import io
import json
import sys
import tarfile

# Of the container that the image was built in, not of the image.
OF_THE_BUILD = ("container", "container_config", "parent")


def normal(configuration):
    configuration = {key: value for key, value in configuration.items() if key not in OF_THE_BUILD}
    configuration["config"]["Hostname"] = ""
    # Every ARG repeats the digests of what it was built from.
    for step in configuration["history"]:
        step.pop("comment", None)
    return json.dumps(configuration, sort_keys=True, separators=(",", ":")).encode()


def main(source, target, epoch):
    with tarfile.open(source) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        [image] = manifest
        configuration = normal(json.load(archive.extractfile(image["Config"])))
        name = hashlib.sha256(configuration).hexdigest() + ".json"
        described = [{"Config": name, "RepoTags": image["RepoTags"], "Layers": image["Layers"]}]
        texts = [(name, configuration), ("manifest.json", json.dumps(described).encode())]
        with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as out:

            def add(path, size, data):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mtime, entry.mode = size, epoch, 0o644
                out.addfile(entry, data)

            for path, text in texts:
                add(path, len(text), io.BytesIO(text))
            for layer in image["Layers"]:
                member = archive.getmember(layer)
                # A layer that the base has too may be a link to it.
                while member.issym():
                    member = archive.getmember(member.linkname.removeprefix("../"))
                add(layer, member.size, archive.extractfile(member))
    print("sha256:" + name.removesuffix(".json"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
