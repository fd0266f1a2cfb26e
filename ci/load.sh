#!/usr/bin/env bash
# k6's smoke profile against a platform of its own: a broken threshold fails. Wants `make build`.
#   load.sh [smoke|average]
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-smoke}
export QD_DATA=${QD_DATA:-$PWD/.data-load} DEMO=0
xtask=${CARGO_TARGET_DIR:-target}/debug/xtask
say() { printf 'load: %s\n' "$*"; }

rm -rf "$QD_DATA"
mkdir -p "$QD_DATA"
"$xtask" up >"$QD_DATA/up.log" 2>&1 &
up=$!
stop() {
  kill -INT "$up" 2>/dev/null || true
  wait "$up" 2>/dev/null || true
}
trap stop EXIT
begun=$SECONDS
until "$xtask" status 2>/dev/null | awk 'NR > 1 && $1 != "total" { if ($1 == "edge") edge = 1; if ($2 != "ready") bad = 1 } END { exit bad || !edge }'; do
  kill -0 "$up" 2>/dev/null || { say "the platform ended: $(tail -n 5 "$QD_DATA/up.log")" >&2; exit 1; }
  [ $((SECONDS - begun)) -lt 120 ] || { say 'the platform is not healthy after 120 s' >&2; exit 1; }
  sleep 1
done
say "healthy after $((SECONDS - begun)) s"
loadtests/run.sh "$profile"
