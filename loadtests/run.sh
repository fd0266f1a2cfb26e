#!/usr/bin/env bash
# Runs a profile (smoke, average) against a running platform, then compares the books that it left. Exits with k6's code
# (99: a threshold was broken), or with 1 when the books do not agree.
set -euo pipefail
cd "$(dirname "$0")"
profile=${1:?usage: run.sh smoke|average}
[ -f "$profile.js" ] || { echo "no profile $profile: smoke or average" >&2; exit 2; }
k6=$(command -v k6 || echo "${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/tools/k6")
[ -x "$k6" ] || { echo "k6 is missing: make setup" >&2; exit 1; }
code=0
xtask() { (cd .. && "${CARGO_TARGET_DIR:-target}/debug/xtask" "$@"); }
# What waits for a person already is not this run's doing.
before=$(xtask check-invariants --within 1 2>&1 | sed -n 's/^needs a person: //p') || true
"$k6" run --no-usage-report --address 127.0.0.1:6566 "$profile.js" || code=$?
case "${SHOP_URL:-http://127.0.0.1:8080}" in
http://127.0.0.1:* | http://localhost:*)
  xtask check-invariants --orders 1 --need-a-person "${before:-0}" || { [ "$code" -ne 0 ] || code=1; }
  ;;
*) echo "the books were not compared: $SHOP_URL is not on this machine" ;;
esac
exit "$code"
