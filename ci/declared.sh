#!/usr/bin/env bash
# The versions of our images that an environment declares, each once, the newest last: declared.sh FILE, with - for standard input.
set -euo pipefail
sed -n -E '/^images:/,/^[a-z]/ { /name: quarterdeck\//,/newTag:/ s/^ *newTag: "?([^" ]+)"?.*$/\1/p }' "${1:?usage: declared.sh FILE}" |
  LC_ALL=C sort -u --version-sort
