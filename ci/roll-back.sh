#!/usr/bin/env bash
# Takes the last deploy of an environment back: reverts the commit that changed its versions last, on a branch of a fresh
# clone, and offers it as a pull request.
#   roll-back.sh [COMMIT]    ENVIRONMENT=staging
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${ENVIRONMENT:-staging}
die() { printf 'roll-back: error: %s\n' "$*" >&2; exit 1; }
file=gitops/apps/$environment/kustomization.yaml
[ -f "$file" ] || die "there is no environment $environment"

clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "${GITOPS_REPOSITORY:-$PWD}" "$clone"
commit=${1:-$(git -C "$clone" log -1 --format=%H -- "$file")}
subject=$(git -C "$clone" log -1 --format=%s "$commit")
# Other changes of that file are nobody's release, and a release that was taken back is not taken back twice.
[[ $subject == "deploy($environment): "* ]] || die "the last change is no release: $subject"
git -C "$clone" switch --quiet --create "roll-back-$environment-$(git -C "$clone" rev-parse --short "$commit")"
git -C "$clone" -c user.name="${GIT_AUTHOR_NAME:-pipeline}" -c user.email="${GIT_AUTHOR_EMAIL:-pipeline@quarterdeck.example}" \
  -c commit.gpgsign=false revert --no-edit "$commit" >/dev/null || die "$commit cannot be reverted by itself: $subject"
ci/pull-request.sh "$clone" "Revert \"$subject\"" "The console's verdict on this release was bad."
