#!/usr/bin/env bash
# Asks the console for its verdict on a release: every instance runs the version, no alert of this environment fires that is
# worth waking somebody, and errors and latency stay within what the services promise, for as long as $WATCH says.
#   verify.sh [VERSION]                 this checkout's version without it
#   CONSOLE=http://127.0.0.1:8090       of the environment
#   CONSOLE_TOKEN=…, or CONSOLE_TOKEN_FILE=…
#   GITOPS_REPOSITORY=…                 then it first waits MERGE_WAIT=1800 seconds until main declares the version for
#                                       ENVIRONMENT=staging; a version that nobody merged was not rolled out: it ends with 3
#   WAIT=1800  WATCH=300                seconds until the version runs everywhere (a canary alone takes ten minutes); seconds
#                                       that it is watched
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-$(ci/version.sh)}
console=${CONSOLE:-http://127.0.0.1:8090}
wait_s=${WAIT:-1800}
watch_s=${WATCH:-300}
say() { printf 'verify: %s\n' "$*"; }
die() { printf 'verify: error: %s\n' "$*" >&2; exit 1; }
token=${CONSOLE_TOKEN:-}
# Whoever has a token has a console to show it to, and it is not the one on this machine.
if [ -n "$token" ]; then : "${CONSOLE:?address of the console that the token is for}"; fi
environment=${ENVIRONMENT:-staging}
merge_wait_s=${MERGE_WAIT:-1800}
[ -z "${CONSOLE_TOKEN_FILE:-}" ] || token=$(cat "$CONSOLE_TOKEN_FILE")

# query EXPRESSION: the series of an instant query, a line each: labels and value.
query() {
  local answer
  answer=$(ask "$1") || return
  python3 -c '
import json, sys
for series in json.loads(sys.argv[1])["data"]["result"]:
    labels = series["metric"]
    print(" ".join(f"{k}={v}" for k, v in sorted(labels.items()) if k != "__name__") or "all", series["value"][1])' "$answer"
}

# The token is read from standard input: it stands in no list of processes.
ask() {
  printf 'header = "authorization: Bearer %s"\n' "$token" |
    curl --silent --show-error --fail-with-body --max-time 20 --config - --get --data-urlencode "query=$1" "$console/api/v1/query"
}

# Series of each of these are what is wrong.
others="shop_build_info{version!=\"$version\"}"
paging='ALERTS{alertstate="firing", severity="critical"}'
errors='sum by (job) (rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[2m])) / sum by (job) (rate(http_server_request_duration_seconds_count[2m])) > 0.01'
slow='histogram_quantile(0.99, sum by (job, le) (rate(http_server_request_duration_seconds_bucket{job=~"storefront|orders|catalog"}[2m]))) > 1'

# merged: whether main declares this version alone.
merged() {
  git -C "$clone" fetch --quiet --depth 1 origin main || return
  [ "$(git -C "$clone" show "FETCH_HEAD:gitops/apps/$environment/kustomization.yaml" | ci/declared.sh -)" = "$version" ]
}

if [ -n "${GITOPS_REPOSITORY:-}" ]; then
  clone=$(mktemp -d)
  trap 'rm -rf "$clone"' EXIT
  git init --quiet "$clone"
  git -C "$clone" remote add origin "$GITOPS_REPOSITORY"
  begun=$SECONDS
  until merged; do
    if [ $((SECONDS - begun)) -ge "$merge_wait_s" ]; then
      printf 'verify: not rolled out: after %s s main does not declare %s for %s. Merge the pull request and start this again.\n' \
        "$merge_wait_s" "$version" "$environment" >&2
      exit 3
    fi
    sleep "${MERGE_POLL:-15}"
  done
  say "main declares $version for $environment"
fi

begun=$SECONDS
query 'vector(1)' >/dev/null || die "the console at $console does not answer"
until running=$(query "count(shop_build_info{version=\"$version\"})") && [ -n "$running" ] && [ -z "$(query "$others")" ]; do
  [ $((SECONDS - begun)) -lt "$wait_s" ] || die "after $wait_s s not everything runs $version: $(query "$others" | head -n 5)"
  sleep 2
done
say "$version runs in ${running##* } instances"

begun=$SECONDS
while :; do
  for what in paging errors slow; do
    found=$(query "${!what}") || die "the console does not answer"
    [ -z "$found" ] || die "$what: $(head -n 5 <<<"$found")"
  done
  [ $((SECONDS - begun)) -lt "$watch_s" ] || break
  sleep 5
done
# Nothing seen is not the same as nothing wrong.
[ -n "$(query 'sum(rate(http_server_request_duration_seconds_count[5m])) > 0')" ] || die 'no request was served: there is no verdict'
say "good: nothing fired, errors and latency within their limits for $watch_s s"
