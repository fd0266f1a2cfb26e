#!/usr/bin/env bash
# Lays out what images and packages are made of, from programs that are built: stripped, their debug information apart.
#   collect.sh OUT [PROFILE]    OUT/<image>/usr/bin/<program>, OUT/console/usr/share/quarterdeck/…, OUT/debug/<program>.debug
# PROFILE is the directory below cargo's target directory, `release` without it.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: collect.sh OUT [PROFILE]}
profile=${2:-release}
: "${SOURCE_DATE_EPOCH:?the time that files get: seconds since 1970}"
target=${CARGO_TARGET_DIR:-target}
built=$target/$profile

die() { printf 'collect: error: %s\n' "$*" >&2; exit 1; }

# program IMAGE NAME: the program without, and beside it a file with, what a debugger wants; they know each other by build id.
program() {
  local from=$built/$2 to=$out/$1/usr/bin/$2
  [ -f "$from" ] || die "$from is not built"
  mkdir -p "$(dirname "$to")" "$out/debug"
  objcopy --only-keep-debug --compress-debug-sections "$from" "$out/debug/$2.debug"
  chmod -x "$out/debug/$2.debug"
  objcopy --strip-all --add-gnu-debuglink="$out/debug/$2.debug" "$from" "$to"
  chmod 755 "$to"
}

rm -rf "$out"
for service in storefront identity catalog inventory orders payments notifications; do
  program "shop-$service" "shop-$service"
done
program console quarterdeck
program health image-health

share=$out/console/usr/share/quarterdeck
mkdir -p "$share/site"
[ -f "$target/site/manifest.json" ] || die "$target/site is not built: make client"
cp -r "$target/site/." "$share/site/"
rm -f "$share/site/stamp"
cp -r runbooks "$share/runbooks"
# The shop's rules and routing, for the cluster that runs the shop; what a fresh console starts with, for all others.
mkdir -p "$share/alerting" "$share/etc"
cp -r alerting/rules alerting/routing "$share/alerting/"
rm -rf "$share/alerting/rules/tests"
cp -r packaging/etc/. "$share/etc/"
for image in shop-{storefront,identity,catalog,inventory,orders,payments,notifications} console; do
  install -D -m 644 LICENSE "$out/$image/usr/share/doc/quarterdeck/copyright"
done
find "$out" -type d -exec chmod 755 {} +
find "$out" -type f ! -path '*/usr/bin/*' -exec chmod 644 {} +
find "$out" -print0 | xargs -0 touch --no-dereference --date "@$SOURCE_DATE_EPOCH"
