#!/usr/bin/env bash
# Signs what a release packed: one list of checksums, signed with an SSH key, and checked again with the public half.
#   SIGNING_KEY_FILE=…    the private key; without it, one for this run alone, to try this out
#   REGISTRY=…            images are pushed there and signed by digest; of AWS' registries, this logs in by `aws`
#   COSIGN_KEY=…          with REGISTRY: a key of cosign's own form (`cosign generate-key-pair`), or that of a KMS
#                         (awskms:///arn:…). An SSH key is none.
#   COSIGN_PASSWORD=…     of that key; empty for a KMS
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${DIST:-${CARGO_TARGET_DIR:-target}/dist}
say() { printf 'sign: %s\n' "$*"; }
die() { printf 'sign: error: %s\n' "$*" >&2; exit 1; }
. ci/registry.sh
namespace=quarterdeck-release

version=$(ci/version.sh)
shopt -s nullglob
# Of this version alone: an agent's folder still has what other builds packed.
sums=("$dist"/*[-_]"$version"[-_.]*.sha256)
bills=("$dist"/*[-_]"$version".cdx.json "$dist"/*[-_]"$version"[-_.]*.cdx.json)
[ ${#sums[@]} -gt 0 ] || die "nothing to sign in $dist: make images release"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
key=${SIGNING_KEY_FILE:-}
if [ -n "${REGISTRY:-}" ]; then
  for program in cosign skopeo; do
    command -v "$program" >/dev/null || die "REGISTRY is set, and $program is missing"
  done
  : "${COSIGN_KEY:?a key file that cosign made, or the reference of a KMS key}"
  export COSIGN_PASSWORD=${COSIGN_PASSWORD-}
  if [ -f "$COSIGN_KEY" ] && ! grep -q -E '^-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----' "$COSIGN_KEY"; then
    die 'COSIGN_KEY is no key of cosign: cosign generate-key-pair, or cosign import-key-pair'
  fi
fi
if [ -z "$key" ]; then
  say 'no SIGNING_KEY_FILE: a key for this run alone'
  key=$work/key
  ssh-keygen -q -t ed25519 -N '' -C "$namespace" -f "$key"
fi

# The bills of materials too; names are relative to the folder.
{
  cat "${sums[@]}"
  [ ${#bills[@]} = 0 ] || (cd "$dist" && sha256sum "${bills[@]##*/}")
} | LC_ALL=C sort -k 2 -u >"$dist/SHA256SUMS"
rm -f "$dist/SHA256SUMS.sig"
ssh-keygen -q -Y sign -n "$namespace" -f "$key" "$dist/SHA256SUMS"
printf 'release %s\n' "$(ssh-keygen -y -f "$key")" >"$dist/allowed_signers"

verify() { ssh-keygen -q -Y verify -n "$namespace" -I release -f "$dist/allowed_signers" -s "$dist/SHA256SUMS.sig" >/dev/null 2>&1; }
verify <"$dist/SHA256SUMS" || die 'the signature does not hold'
if sed '1s/^./x/' "$dist/SHA256SUMS" | verify; then die 'the signature holds for other checksums'; fi
(cd "$dist" && sha256sum --check --quiet SHA256SUMS) || die 'a file is not what was signed'
say "$(wc -l <"$dist/SHA256SUMS") files signed: ssh-keygen -Y verify -n $namespace -I release -f allowed_signers -s SHA256SUMS.sig <SHA256SUMS"

if [ -n "${REGISTRY:-}" ]; then
  registry_log_in "$work/docker"
  # The images that an environment declares: each of them, or none would start.
  mapfile -t images < <(registry_images gitops/apps/staging/kustomization.yaml)
  for name in "${images[@]}"; do
    [ -f "$dist/$name-$version.tar" ] || die "$dist has no $name-$version.tar: make images"
  done
  # commit IMAGE: what it was made of; nothing where there is none.
  commit() { skopeo inspect --format '{{ index .Labels "org.opencontainers.image.revision" }}' "$1" 2>"$work/inspect.log" || true; }
  # Tags do not move. What this run left half done goes on; a version that another commit released stays what it is.
  there=() elsewhere=
  for name in "${images[@]}"; do
    released=$(commit "docker://$REGISTRY/$name:$version")
    [ -n "$released" ] || continue
    there+=("$name")
    if [ "$released" != "$(commit "docker-archive:$dist/$name-$version.tar")" ]; then elsewhere=$released; fi
  done
  if [ -n "$elsewhere" ]; then
    [ ${#there[@]} = ${#images[@]} ] || die "$REGISTRY has a part of $version, of $elsewhere: this commit needs a version of its own"
    say "$version was released by $elsewhere: nothing is pushed; a release of this commit needs a version of its own"
    exit
  fi
  cosign public-key --key "$COSIGN_KEY" >"$work/cosign.pub"
  for name in "${images[@]}"; do
    image=$REGISTRY/$name
    if [[ " ${there[*]} " != *" $name "* ]]; then
      skopeo copy --quiet "docker-archive:$dist/$name-$version.tar" "docker://$image:$version"
    fi
    digest=$image@$(skopeo inspect --format '{{.Digest}}' "docker://$image:$version")
    # A signature is an image with a tag as well: it is made once.
    cosign verify --key "$work/cosign.pub" "$digest" >"$work/verify.log" 2>&1 || cosign sign --yes --key "$COSIGN_KEY" "$digest"
  done
  say "${#images[@]} images of $version pushed and signed at $REGISTRY"
fi
