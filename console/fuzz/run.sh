#!/usr/bin/env bash
# Coverage-guided fuzzing of one target: run.sh TARGET [SECONDS]; without a target, lists them.
#
# Works with the stable compiler: coverage is an LLVM pass, and no sanitizer is asked for (the workspace forbids unsafe
# code). Overflow checks and debug assertions are on. Needs a C++ compiler for libFuzzer.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:-}
seconds=${2:-60}
seeds() { (cd ../.. && cargo run --locked -q --bin console-fuzzing -- "$@"); }
if [ -z "$target" ]; then
  seeds
  exit
fi
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
seeds "$target" "$PWD"
# Output of its own: the flags differ from those of every other build.
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/fuzz-target}
dictionary=()
if [ -s "corpus/$target.dict" ]; then dictionary=("-dict=corpus/$target.dict"); fi
exec cargo fuzz run --fuzz-dir . --sanitizer none "$target" -- \
  -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 "${dictionary[@]}"
