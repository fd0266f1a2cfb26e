#!/usr/bin/env bash
# Runs the tests with this workspace's code counted, prints how many of each folder's lines ran, and writes LCOV for
# `make sonar`. Third-party code is neither counted nor built anew.
#   coverage.sh [ARGUMENT of cargo test...]
# Leaves $CARGO_TARGET_DIR/coverage/lcov.info and, of a whole run of one commit, commit; ends with an error when a test fails.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/coverage"
# Tests run in the folders of their crates.
out=$(cd "$target/coverage" && pwd)
say() { printf 'coverage: %s\n' "$*"; }
die() { printf 'coverage: error: %s\n' "$*" >&2; exit 1; }

# The formats are those of the compiler's LLVM.
major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
of_rustup=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
find_llvm() {
  local tool=$1 found
  for found in "$of_rustup/llvm-$tool" "llvm-$tool-$major" "/usr/lib/llvm-$major/bin/llvm-$tool" \
    "/opt/homebrew/opt/llvm@$major/bin/llvm-$tool" "/usr/local/opt/llvm@$major/bin/llvm-$tool"; do
    if command -v "$found"; then return; fi
  done
  return 1
}
if ! find_llvm profdata >/dev/null && grep -q "\"llvm-cov-$major\"" xtask/tools.toml; then xtask/setup.sh coverage; fi
missing="of LLVM $major is missing: Debian package llvm-$major, Homebrew's llvm@$major, or rustup component add llvm-tools"
profdata=$(find_llvm profdata) || die "llvm-profdata $missing"
cov=$(find_llvm cov) || die "llvm-cov $missing"

head=$(git rev-parse HEAD)
is_clean() { [ "$(git rev-parse HEAD)" = "$head" ] && [ -z "$(git status --porcelain)" ]; }
of_commit=yes
[ $# = 0 ] || of_commit='what some of the tests ran'
is_clean || of_commit='there are changes that no commit has'

rm -rf "$out"/{raw,lcov.info,commit}
# Other targets start the programs that lie in the target folder: afterwards they are those that count nothing again.
uncounted() {
  unset RUSTC_WORKSPACE_WRAPPER LLVM_PROFILE_FILE
  cargo test --locked --quiet --no-run "$@" || true
}
trap 'uncounted "$@"' EXIT
export RUSTC_WORKSPACE_WRAPPER=$PWD/ci/counted-rustc.py
# Build scripts and macros of the workspace count, too, and are not asked.
export LLVM_PROFILE_FILE=$out/raw/build-%2m.profraw
cargo test --locked --no-run --message-format=json-render-diagnostics "$@" >"$out/built.json"
rm -rf "$out/raw"
# Processes of one program share a few files.
export LLVM_PROFILE_FILE=$out/raw/test-%4m.profraw
cargo test --locked --no-fail-fast "$@"

find "$out/raw" -name '*.profraw' >"$out/raw.list"
"$profdata" merge -sparse -f "$out/raw.list" -o "$out/merged.profdata"
rm -rf "$out/raw"
objects=()
while IFS= read -r program; do objects+=("-object=$program"); done < <(python3 -c 'import json, sys
found = (json.loads(line).get("executable") for line in sys.stdin if line.startswith("{"))
for program in sorted({p for p in found if p}): print(program)' <"$out/built.json")
[ ${#objects[@]} -gt 0 ] || die 'no test program was built'
"$cov" export -format=lcov -skip-functions -instr-profile="$out/merged.profdata" "${objects[@]}" >"$out/lcov.all"
python3 - "$out" "$PWD/" <<'PYTHON'
"""Of all sources those of this checkout that are no tests, by their place in it; and how many lines of each folder ran."""
import collections, os, sys
out, checkout = sys.argv[1:]
found, ran, keeps, room = collections.Counter(), collections.Counter(), False, ""
with open(f"{out}/lcov.all", encoding="utf-8") as all_, open(f"{out}/lcov.new", "w", encoding="utf-8") as kept:
    for line in all_:
        key, _, value = line.rstrip("\n").partition(":")
        if key == "SF":
            place = value.removeprefix(checkout)
            keeps = place != value and "/tests/" not in place and not place.startswith(("target/", ".cargo/"))
            room = "/".join(place.split("/")[:2])
            line = f"SF:{place}\n"
        if keeps:
            kept.write(line)
            found[room] += int(value) if key == "LF" else 0
            ran[room] += int(value) if key == "LH" else 0
if not found.total():
    sys.exit("coverage: error: no line of this checkout was counted")
os.replace(f"{out}/lcov.new", f"{out}/lcov.info")
os.remove(f"{out}/lcov.all")
for room in sorted(found):
    print(f"coverage: {room:28} {ran[room]:7} of {found[room]:7} lines {100 * ran[room] / max(found[room], 1):6.1f} %")
print(f"coverage: {'all':28} {ran.total():7} of {found.total():7} lines {100 * ran.total() / found.total():6.1f} %")
PYTHON
is_clean || of_commit='it changed meanwhile'
if [ "$of_commit" = yes ]; then
  printf '%s\n' "$head" >"$out/commit"
else
  say "make sonar does not take this for the commit's by itself: $of_commit"
fi
