#!/usr/bin/env bash
# Prints the environment for a cargo command that builds for wasm32-unknown-unknown:
#   1. the active toolchain has the target: nothing to set;
#   2. a distribution's rustc has it, or has the sources of std (Debian: rustc-web cargo-web rust-web-src lld-22):
#      std is compiled once, into a private sysroot in the user's cache.
# Fails where neither is there. Use: eval "$(xtask/wasm-env.sh)"
set -euo pipefail
target=wasm32-unknown-unknown
cache=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/wasm-sysroot

has_target() { compgen -G "$("$1" --print target-libdir --target $target 2>/dev/null)/libcore-*.rlib" >/dev/null; }

active=$(command -v rustc || true)
if [ -n "$active" ] && has_target "$active"; then exit 0; fi

for rustc in ${WASM_RUSTC:-} /usr/bin/rustc; do
  [ -x "$rustc" ] || continue
  bin=$(dirname "$rustc")
  if has_target "$rustc"; then
    echo "export PATH=$bin:\$PATH RUSTC=$rustc"
    exit 0
  fi
  root=$("$rustc" --print sysroot)
  [ -f "$root/lib/rustlib/src/rust/library/std/Cargo.toml" ] && [ -x "$bin/cargo" ] || continue
  release=$("$rustc" -vV | sed -n 's/^release: //p')-$("$rustc" -vV | sed -n 's/^commit-hash: //p' | cut -c1-9)
  sysroot=$cache/$release
  lib=$sysroot/lib/rustlib/$target/lib
  if ! compgen -G "$lib/libcore-*.rlib" >/dev/null; then
    echo "setup: compiling Rust's std for $target (once, about a minute)" >&2
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    mkdir -p "$tmp/src"
    : >"$tmp/src/lib.rs"
    printf '[package]\nname="std_for_wasm"\nversion="0.0.0"\nedition="2021"\n[workspace]\n[profile.release]\npanic="abort"\ndebug=0\n' >"$tmp/Cargo.toml"
    (
      cd "$tmp"
      # build-std wants a nightly cargo; the sources are those of this very compiler, so stable works as well.
      env -u RUSTFLAGS -u CARGO_BUILD_RUSTFLAGS -u RUSTC_WRAPPER PATH="$bin:$PATH" RUSTC="$rustc" RUSTC_BOOTSTRAP=1 \
        CARGO_TARGET_DIR="$tmp/target" "$bin/cargo" build -q --release --target $target \
        -Z build-std=std,panic_abort,panic_unwind,proc_macro >&2
    )
    rm -rf "$lib" "$lib.new"
    mkdir -p "$lib.new"
    cp "$tmp"/target/$target/release/deps/*.rlib "$lib.new/"
    rm -f "$lib.new"/libstd_for_wasm-*.rlib
    mv "$lib.new" "$lib"
  fi
  linker=
  for candidate in rust-lld wasm-ld-22 wasm-ld "$HOME"/.rustup/toolchains/*/lib/rustlib/*/bin/rust-lld; do
    path=$(command -v "$candidate" 2>/dev/null) || continue
    linker=$path
    break
  done
  [ -n "$linker" ] || { echo "no wasm linker: install lld-22" >&2; exit 1; }
  echo "export PATH=$bin:\$PATH RUSTC=$rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS='--sysroot $sysroot'"
  exit 0
done
echo "no $target toolchain" >&2
exit 1
