#!/usr/bin/env bash
# Builds the images without a daemon, writes a bill of materials beside each, prints their sizes, starts the console's and
# asks for its health. Wants release programs and the client (`make images` builds them).
#   images.sh [IMAGE...]    all without a name
#   BASE=…@sha256:…         the base by its digest; else packaging/base.sh makes one from Debian packages
#   PROFILE=debug           images of other programs than the release's, to try this out
# Writes to $DIST, cargo's target directory + /dist without it:
#   <image>-<version>.tar (docker-archive: podman load, skopeo copy), .tar.sha256, .cdx.json
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
profile=${PROFILE:-release}
images=${DIST:-$CARGO_TARGET_DIR/dist}
xtask=$CARGO_TARGET_DIR/debug/xtask

all=(shop-storefront shop-identity shop-catalog shop-inventory shop-orders shop-payments shop-notifications console)
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")

say() { printf 'images: %s\n' "$*"; }
die() { printf 'images: error: %s\n' "$*" >&2; exit 1; }

# A store of its own, and no layers of anybody's: vfs and chroot need neither a daemon nor a kernel's overlay.
mkdir -p "$images"
work=$(mktemp -d "$images/work.XXXXXX")
# What root made in the store belongs to it.
trap 'rm -rf --one-file-system "$work"' EXIT
in_store() { buildah --storage-driver vfs --root "$work/store" --runroot "$work/run" "$@"; }

version=$(ci/version.sh)
revision=$(git rev-parse HEAD)
created=$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

say 'laying out programs'
packaging/collect.sh "$work/programs" "$profile"

packaging/base.sh "$work/base"
cp -r --preserve=mode,timestamps,links "$work/base/git/." "$work/programs/console/"
if [ -n "${BASE:-}" ]; then
  [[ $BASE == *@sha256:* ]] || die "BASE must be named by its digest: $BASE"
  in_store pull --quiet "$BASE" >/dev/null
  : >"$work/base/root.tsv"
else
  container=$(in_store from scratch)
  in_store copy --quiet "$container" "$work/base/root" / >/dev/null
  in_store commit --quiet --timestamp "$SOURCE_DATE_EPOCH" --rm "$container" localhost/base >/dev/null
  BASE=localhost/base@$(in_store inspect --type image --format '{{.FromImageDigest}}' localhost/base)
fi
say "base: $BASE"

# Stages that read a base of the compiler are left out: `programs` is handed in. Docker's format, since OCI's has no health
# check.
build() {
  in_store bud --quiet --isolation chroot --format docker --timestamp "$SOURCE_DATE_EPOCH" --pull=never \
    --identity-label=false --build-context "programs=$work/programs" --build-arg BUILD=scratch --build-arg "BASE=$BASE" \
    --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created" \
    --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
    --target "$1" --tag "quarterdeck/$1:$version" --file packaging/Containerfile "$work/context" >/dev/null
}

mb() { awk -v bytes="$(stat -c %s "$1")" 'BEGIN { printf "%.1f", bytes / 1000000 }'; }

mkdir "$work/context"
printf '%-20s %8s %9s %8s  %s\n' image MB 'MB gzip' seconds 'image id'
for image in "${wanted[@]}"; do
  begun=$(date +%s%N)
  build "$image"
  archive=$images/$image-$version.tar
  in_store push --quiet "localhost/quarterdeck/$image:$version" \
    "docker-archive:$work/built.tar:quarterdeck/$image:$version" >/dev/null
  id=$(packaging/archive.py "$work/built.tar" "$archive" "$SOURCE_DATE_EPOCH")
  rm "$work/built.tar"
  (cd "$images" && sha256sum "$image-$version.tar" >"$image-$version.tar.sha256")
  cp "$work/base/root.tsv" "$work/packages.tsv"
  program=$image
  if [ "$image" = console ]; then
    program=quarterdeck
    cat "$work/base/git.tsv" >>"$work/packages.tsv"
  fi
  "$xtask" sbom "$program" image-health --name "$image" --packages "$work/packages.tsv" >"$images/$image-$version.cdx.json"
  gzip --fast --stdout "$archive" >"$work/built.gz"
  printf '%-20s %8s %9s %8.1f  %s\n' "$image" "$(mb "$archive")" "$(mb "$work/built.gz")" \
    "$(awk -v ns="$(($(date +%s%N) - begun))" 'BEGIN { printf "%.1f", ns / 1e9 }')" "$id"
done
say "written to $images"
for image in "${wanted[@]}"; do
  if [ "$image" = console ]; then ci/start-image.sh "$images/console-$version.tar"; fi
done
