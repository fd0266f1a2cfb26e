#!/usr/bin/env python3
"""A compiler of this workspace's code for coverage.sh: what runs is counted. Not for the browser, where nothing writes it down.

Not a shell script: shells drop variables like CARGO_BIN_EXE_image-health, which are no names of theirs."""
import os
import sys

compiler = sys.argv[1:]
is_browser = any(argument.startswith("wasm32-") for argument in compiler)
os.execvp(compiler[0], compiler if is_browser else [*compiler, "-C", "instrument-coverage"])
