#!/usr/bin/env bash
# Runs the tests with this workspace's code counted, prints how many of each folder's lines ran, and writes LCOV for
# `make sonar`. Third-party code is neither counted nor built anew.
#   coverage.sh [ARGUMENT of cargo test...]
# Leaves $CARGO_TARGET_DIR/coverage/lcov.info and, of a whole run, commit; ends with an error when a test fails.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-$PWD/target}/coverage
die() { printf 'coverage: error: %s\n' "$*" >&2; exit 1; }

# The formats are those of the compiler's LLVM.
major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
of_rustup=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
llvm() {
  local tool=$1 found
  shift
  for found in "$of_rustup/llvm-$tool" "llvm-$tool-$major" "/usr/lib/llvm-$major/bin/llvm-$tool"; do
    if command -v "$found" >/dev/null; then "$found" "$@"; return; fi
  done
  die "llvm-$tool of LLVM $major is missing: Debian package llvm-$major, or rustup component add llvm-tools"
}
llvm profdata --version >/dev/null

mkdir -p "$out"
rm -rf "$out"/{raw,lcov.info,commit}
export RUSTC_WORKSPACE_WRAPPER=$PWD/ci/counted-rustc.py
# Build scripts and macros of the workspace count, too, and are not asked.
export LLVM_PROFILE_FILE=$out/raw/build-%2m.profraw
cargo test --locked --no-run --message-format=json-render-diagnostics "$@" >"$out/built.json"
rm -rf "$out/raw"
# Processes of one program share a few files.
export LLVM_PROFILE_FILE=$out/raw/test-%4m.profraw
cargo test --locked --no-fail-fast "$@"

find "$out/raw" -name '*.profraw' >"$out/raw.list"
llvm profdata merge -sparse -f "$out/raw.list" -o "$out/merged.profdata"
rm -rf "$out/raw"
mapfile -t programs < <(python3 -c 'import json, sys
found = (json.loads(line).get("executable") for line in sys.stdin if line.startswith("{"))
for program in sorted({p for p in found if p}): print(program)' <"$out/built.json")
[ ${#programs[@]} -gt 0 ] || die 'no test program was built'
llvm cov export -format=lcov -skip-functions -instr-profile="$out/merged.profdata" \
  -ignore-filename-regex='/(registry|rustlib|git/checkouts)/|/build/|/tests/' "${programs[0]}" "${programs[@]/#/-object=}" |
  sed "s|^SF:$PWD/|SF:|" >"$out/lcov.new"
mv "$out/lcov.new" "$out/lcov.info"
# What some of the tests ran is not the commit's coverage: sonar.sh takes it by LCOV alone.
[ $# -gt 0 ] || git rev-parse HEAD >"$out/commit"
python3 - "$out/lcov.info" <<'PYTHON'
import collections, sys
found, ran = collections.Counter(), collections.Counter()
for line in open(sys.argv[1], encoding="utf-8"):
    key, _, value = line.rstrip("\n").partition(":")
    if key == "SF":
        room = "/".join(value.split("/")[:2])
    elif key == "LF":
        found[room] += int(value)
    elif key == "LH":
        ran[room] += int(value)
for room in sorted(found):
    print(f"coverage: {room:28} {ran[room]:7} of {found[room]:7} lines {100 * ran[room] / max(found[room], 1):6.1f} %")
print(f"coverage: {'all':28} {ran.total():7} of {found.total():7} lines {100 * ran.total() / max(found.total(), 1):6.1f} %")
PYTHON
