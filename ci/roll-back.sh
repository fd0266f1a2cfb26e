#!/usr/bin/env bash
# Takes the last deploy of an environment back: reverts what declared its newest version, on a branch of a fresh clone, and
# offers it as a pull request. Where Flux follows the registry by itself (staging) the same change suspends that, else the
# version would be back within minutes; the next ci/promote.sh lets it go on.
#   roll-back.sh                     the newest version, in as many commits as declared it (Flux makes one for each image it finds)
#   roll-back.sh COMMIT              this one
#   roll-back.sh --only-of [VERSION] the newest version if it is that one, this checkout's without it; else it was not rolled
#                                    out, and nothing is done: the release before is good
#   ENVIRONMENT=staging
#   GITHUB_TOKEN=…                   offers it; then GITHUB_REPOSITORY and GITOPS_REPOSITORY must be set
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${ENVIRONMENT:-staging}
say() { printf 'roll-back: %s\n' "$*"; }
die() { printf 'roll-back: error: %s\n' "$*" >&2; exit 1; }
wanted='' only=''
case ${1:-} in
  --only-of) only=${2:-$(ci/version.sh)} ;;
  -*) die "usage: roll-back.sh [COMMIT | --only-of [VERSION]]" ;;
  *) wanted=${1:-} ;;
esac
file=gitops/apps/$environment/kustomization.yaml
images=gitops/clusters/$environment/images.yaml
[ -f "$file" ] || die "there is no environment $environment"
if [ -n "${GITHUB_TOKEN:-}" ]; then
  : "${GITHUB_REPOSITORY:?owner/name of the repository that the pull request is opened in}"
  : "${GITOPS_REPOSITORY:?address of that repository, to clone it and to push a branch}"
fi

clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet "${GITOPS_REPOSITORY:-$PWD}" "$clone"
# at COMMIT: the versions that the environment declared then.
at() { git -C "$clone" show "$1:$file" | ci/declared.sh -; }
subject() { git -C "$clone" log -1 --format=%s "$1"; }
# Other changes of that file are nobody's release, and a release that was taken back is not taken back twice.
is_release() {
  [[ $1 == "deploy($environment): "* || $1 == "chore(gitops): new images in $environment" ]]
}

version=$(at HEAD | tail -n 1)
commits=()
if [ -n "$only" ] && [ "$version" != "$only" ]; then
  say "$environment declares $version and not $only, which was not rolled out: nothing is taken back"
  exit
fi
if [ -n "$wanted" ]; then
  version=$(at "$wanted" | tail -n 1)
  is_release "$(subject "$wanted")" || die "$wanted is no release: $(subject "$wanted")"
  commits=("$wanted")
else
  for commit in $(git -C "$clone" log --format=%H -- "$file"); do
    is_release "$(subject "$commit")" && at "$commit" | grep -q -x -F "$version" || break
    commits+=("$commit")
  done
  [ ${#commits[@]} -gt 0 ] || die "the last change is no release: $(subject "$(git -C "$clone" log -1 --format=%H -- "$file")")"
fi

git -C "$clone" switch --quiet --create "roll-back-$environment-$(git -C "$clone" rev-parse --short "${commits[0]}")"
git -C "$clone" config user.name "${GIT_AUTHOR_NAME:-pipeline}"
git -C "$clone" config user.email "${GIT_AUTHOR_EMAIL:-pipeline@quarterdeck.example}"
git -C "$clone" revert --no-commit "${commits[@]}" >/dev/null ||
  die "$version cannot be reverted by itself: $(subject "${commits[0]}")"
if [ -z "$wanted" ] && ci/declared.sh "$clone/$file" | grep -q -x -F "$version"; then
  die "other changes of $file lie between the commits that declared $version: revert them by hand"
fi
if [ -f "$clone/$images" ]; then
  # In the automation's own document, right below its `spec:`; no second time.
  sed -i '/^  suspend: true$/d; /^kind: ImageUpdateAutomation$/,/^---/ s/^spec:$/spec:\n  suspend: true/' "$clone/$images"
  [ "$(grep -c '^  suspend: true$' "$clone/$images")" = 1 ] || die "$images has not one ImageUpdateAutomation to suspend"
  say "$environment no longer follows the registry, until the next version is promoted"
fi
git -C "$clone" -c commit.gpgsign=false commit --quiet --all --message "revert($environment): $version" \
  --message "$(git -C "$clone" log --no-walk --format='This reverts commit %H: %s' "${commits[@]}")"
ci/pull-request.sh "$clone" "revert($environment): $version" "Takes $version of $environment back to $(at HEAD | paste -s -d ' ')."
