#!/usr/bin/env bash
# Runs a profile (smoke, average) against a running platform; exits with k6's code (99: a threshold was broken).
set -euo pipefail
cd "$(dirname "$0")"
profile=${1:?usage: run.sh smoke|average}
[ -f "$profile.js" ] || { echo "no profile $profile: smoke or average" >&2; exit 2; }
k6=$(command -v k6 || echo "${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/tools/k6")
[ -x "$k6" ] || { echo "k6 is missing: make setup" >&2; exit 1; }
exec "$k6" run --no-usage-report --address 127.0.0.1:6566 "$profile.js"
