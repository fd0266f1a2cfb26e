#!/usr/bin/env bash
# The version of this checkout's programs.
sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml"
