#!/usr/bin/env bash
# Declares a version for an environment: changes the tags of our images in gitops/apps/<environment> on a branch of a fresh
# clone, and offers it as a pull request. Nothing is deployed by anything else than a merge.
#   promote.sh [VERSION]     this checkout's version without it
#   ENVIRONMENT=staging      or production
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(ci/version.sh)}
environment=${ENVIRONMENT:-staging}
say() { printf 'promote: %s\n' "$*"; }
die() { printf 'promote: error: %s\n' "$*" >&2; exit 1; }
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$ ]] || die "$version is no version"
file=gitops/apps/$environment/kustomization.yaml
[ -f "$file" ] || die "there is no environment $environment"

clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "${GITOPS_REPOSITORY:-$PWD}" "$clone"
git -C "$clone" switch --quiet --create "promote-$environment-$version"
# Only below `images:`, and only ours.
sed -i -E '/^images:/,/^[a-z]/ { /name: quarterdeck\//,/newTag:/ s/(newTag: )"?[^" ]+"?/\1'"$version"'/ }' "$clone/$file"
if git -C "$clone" diff --quiet; then
  say "$environment declares $version already"
  exit
fi
[ "$(git -C "$clone" diff --numstat | awk '{ print $1 }')" = "$(grep -c 'name: quarterdeck/' "$clone/$file")" ] ||
  die 'not every image got the version'
git -C "$clone" -c user.name="${GIT_AUTHOR_NAME:-pipeline}" -c user.email="${GIT_AUTHOR_EMAIL:-pipeline@quarterdeck.example}" \
  -c commit.gpgsign=false commit --quiet --all --message "deploy($environment): $version"
ci/pull-request.sh "$clone" "deploy($environment): $version" "Declares $version for $environment. To undo it, revert this commit."
