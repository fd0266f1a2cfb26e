#!/usr/bin/env bash
# Known vulnerabilities, and crates that nobody looks after, in Cargo.lock and in that of the fuzzers.
#   audit.sh
# The advisories lie beside the checkout (../shared/advisory-db), or where $ADVISORY_DB says; else cargo-audit fetches them.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/tools
say() { printf 'audit: %s\n' "$*"; }
xtask/setup.sh audit
audit=$(command -v cargo-audit || echo "$tools/cargo-audit")

database=()
advisories=${ADVISORY_DB:-../shared/advisory-db}
if [ -d "$advisories/crates" ]; then
  # cargo-audit wants a repository, and nothing of the network.
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  cp -r "$advisories/." "$copy/"
  rm -rf "$copy/.git"
  git -C "$copy" init --quiet
  git -C "$copy" add .
  git -C "$copy" -c user.name=audit -c user.email=audit@localhost -c commit.gpgsign=false commit --quiet --message advisories
  database=(--db "$copy" --no-fetch --stale)
  say "$(find "$copy/crates" -name '*.md' | wc -l) advisories of $advisories"
fi
# What is accepted, and why, stands in .cargo/audit.toml.
for lock in Cargo.lock console/fuzz/Cargo.lock; do
  say "$lock"
  "$audit" audit ${database[@]+"${database[@]}"} --file "$lock" --deny warnings --quiet
done
say 'nothing that is not accepted'
