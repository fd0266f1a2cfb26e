#!/usr/bin/env bash
# Signs what a release packed: one list of checksums, signed with an SSH key, and checked again with the public half.
#   SIGNING_KEY_FILE=…    the private key; without it, one for this run alone, to try this out
# Images that a registry holds are signed there as well, by digest, where cosign and $REGISTRY are: only a pipeline has them.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${DIST:-${CARGO_TARGET_DIR:-target}/dist}
say() { printf 'sign: %s\n' "$*"; }
die() { printf 'sign: error: %s\n' "$*" >&2; exit 1; }
namespace=quarterdeck-release

shopt -s nullglob
sums=("$dist"/*.sha256)
[ ${#sums[@]} -gt 0 ] || die "nothing to sign in $dist: make images release"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key=${SIGNING_KEY_FILE:-}
if [ -z "$key" ]; then
  say 'no SIGNING_KEY_FILE: a key for this run alone'
  key=$work/key
  ssh-keygen -q -t ed25519 -N '' -C "$namespace" -f "$key"
fi

# The bills of materials too; names are relative to the folder.
(cd "$dist" && cat ./*.sha256 && sha256sum ./*.cdx.json) | sed 's# \./# #' | LC_ALL=C sort -k 2 -u >"$dist/SHA256SUMS"
rm -f "$dist/SHA256SUMS.sig"
ssh-keygen -q -Y sign -n "$namespace" -f "$key" "$dist/SHA256SUMS"
printf 'release %s\n' "$(ssh-keygen -y -f "$key")" >"$dist/allowed_signers"

verify() { ssh-keygen -q -Y verify -n "$namespace" -I release -f "$dist/allowed_signers" -s "$dist/SHA256SUMS.sig" >/dev/null 2>&1; }
verify <"$dist/SHA256SUMS" || die 'the signature does not hold'
if sed '1s/^./x/' "$dist/SHA256SUMS" | verify; then die 'the signature holds for other checksums'; fi
(cd "$dist" && sha256sum --check --quiet SHA256SUMS) || die 'a file is not what was signed'
say "$(wc -l <"$dist/SHA256SUMS") files signed: ssh-keygen -Y verify -n $namespace -I release -f allowed_signers -s SHA256SUMS.sig <SHA256SUMS"

if [ -n "${REGISTRY:-}" ]; then
  command -v cosign >/dev/null || die 'REGISTRY is set, and cosign is missing'
  for archive in "$dist"/{shop-*,console}-*.tar; do
    name=$(basename "${archive%.tar}")
    image=$REGISTRY/${name%-*}
    skopeo copy --quiet "docker-archive:$archive" "docker://$image:${name##*-}"
    cosign sign --yes --key "$key" "$image@$(skopeo inspect --format '{{.Digest}}' "docker://$image:${name##*-}")"
  done
fi
