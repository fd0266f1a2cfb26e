"""Sources of the Go modules that the tools are built from."""

import json
import os
import re

from harness.processes import output, program


def module(root, tool, name, version=None):
    """The folder of a Go module, as the module proxy has it, and its version: the one that `xtask/tools/TOOL` is built in, or
    a given one."""
    tools = os.path.join(root, "xtask/tools", tool)
    if version is None:
        with open(os.path.join(tools, "go.mod")) as file:
            version = re.search(rf"{re.escape(name)} (v\S+)", file.read())[1]
    environment = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="-mod=mod")
    said = output([program("go"), "mod", "download", "-json", f"{name}@{version}"], cwd=tools, env=environment)
    return json.loads(said)["Dir"], version
