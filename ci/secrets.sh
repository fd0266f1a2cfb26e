#!/usr/bin/env bash
# Whether a key or a token lies in git: gitleaks, by the rules of xtask/tools/gitleaks.
set -euo pipefail
cd "$(dirname "$0")/.."
xtask/setup.sh infra
cargo build --locked --bin xtask
exec "${CARGO_TARGET_DIR:-target}/debug/xtask" infra secrets
