#!/usr/bin/env bash
# Declares a version for an environment: changes the tags of our images in gitops/apps/<environment> on a branch of a fresh
# clone, and offers it as a pull request. Nothing is deployed by anything else than a merge.
#   promote.sh [VERSION]     this checkout's version without it, unless that was taken back
#   ENVIRONMENT=staging      or production
#   GITHUB_TOKEN=…           offers it; then GITHUB_REPOSITORY, GITOPS_REPOSITORY and REGISTRY must be set, and REGISTRY, the
#                            environment's, must have the images; without it the change is only shown
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(ci/version.sh)}
environment=${ENVIRONMENT:-staging}
say() { printf 'promote: %s\n' "$*"; }
die() { printf 'promote: error: %s\n' "$*" >&2; exit 1; }
. ci/registry.sh
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || die "$version is no version that an image's tag can be"
file=gitops/apps/$environment/kustomization.yaml
[ -f "$file" ] || die "there is no environment $environment"
if [ -n "${GITHUB_TOKEN:-}" ]; then
  : "${GITHUB_REPOSITORY:?owner/name of the repository that the pull request is opened in}"
  : "${GITOPS_REPOSITORY:?address of that repository, to clone it and to push a branch}"
  : "${REGISTRY:?where ci/sign.sh pushed the images: a version that no registry has must not be declared}"
  command -v skopeo >/dev/null || die 'skopeo is missing: the registry must be asked for the images'
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clone=$work/clone
git clone --quiet "${GITOPS_REPOSITORY:-$PWD}" "$clone"
branch=promote-$environment-$version
git -C "$clone" switch --quiet --create "$branch"
# Only below `images:`, and only ours.
sed -i -E '/^images:/,/^[a-z]/ { /name: quarterdeck\//,/newTag:/ s/(newTag: )"?[^" ]+"?/\1'"$version"'/ }' "$clone/$file"
if git -C "$clone" diff --quiet; then
  say "$environment declares $version already"
  exit
fi
# Each build of main has the version that a roll-back took away, until there is a new one: it must not offer it again by itself.
if [ $# = 0 ]; then
  last=$(git -C "$clone" log --format=%s | grep -m 1 -E "^(deploy|revert)\($environment\): ${version//./\\.}( |\$)" || true)
  [[ $last != revert* ]] ||
    die "$version of $environment was taken back: a mended release needs a version of its own. To offer it all the same: promote.sh $version"
fi
if [ -n "${GITHUB_TOKEN:-}" ] && git -C "$clone" ls-remote --exit-code origin "refs/heads/$branch" >/dev/null; then
  say "$version was offered for $environment already: merge $branch, or delete it"
  exit
fi
[ "$(git -C "$clone" diff --numstat -- "$file" | awk '{ print $1 }')" = "$(grep -c 'name: quarterdeck/' "$clone/$file")" ] ||
  die 'not every image got the version'
if [ -n "${GITHUB_TOKEN:-}" ]; then
  # Each environment's registry is its own: what another one runs need not be there.
  registry_log_in "$work/docker"
  for name in $(registry_images "$clone/$file"); do
    skopeo inspect --format '{{.Digest}}' "docker://$REGISTRY/$name:$version" >/dev/null 2>"$work/inspect.log" ||
      die "$environment cannot pull $REGISTRY/$name:$version ($(tail -n 1 "$work/inspect.log")): ci/sign.sh pushes it there"
  done
fi
# A roll-back holds what follows the registry by itself (ci/roll-back.sh); a new version lets it go on.
images=$clone/gitops/clusters/$environment/images.yaml
if [ -f "$images" ] && grep -q '^  suspend: true$' "$images"; then
  sed -i '/^  suspend: true$/d' "$images"
  say "$environment follows the registry again"
fi
git -C "$clone" -c user.name="${GIT_AUTHOR_NAME:-pipeline}" -c user.email="${GIT_AUTHOR_EMAIL:-pipeline@quarterdeck.example}" \
  -c commit.gpgsign=false commit --quiet --all --message "deploy($environment): $version"
ci/pull-request.sh "$clone" "deploy($environment): $version" "Declares $version for $environment. To undo it, revert this commit."
