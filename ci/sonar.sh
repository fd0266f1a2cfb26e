#!/usr/bin/env bash
# Starts a SonarQube of its own, gives it this checkout's last commit with clippy's report and, where there is one, its coverage,
# waits until both are processed, prints the quality gate and ends with 1 when it is not passed.
#   SONAR_URL=… SONAR_TOKEN=…    a server that is there already
#   LCOV=FILE                    coverage; else that of `make coverage`, when it is of this commit
#   CLIPPY=FILE                  a report of `cargo clippy --message-format=json` that is there already
# Server and scanner come from Maven Central into quarterdeck/sonar of the user's cache directory (about 2 GB), and run on
# Java 21 or newer. Wants 3 GB of memory and some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
server_version=26.9.0.129388
scanner_version=8.1.0.6389
cache=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/sonar
project=quarterdeck
say() { printf 'sonar: %s\n' "$*"; }
die() { printf 'sonar: error: %s\n' "$*" >&2; exit 1; }
xtask/setup.sh sonar

# The newest Java of this machine.
java_home() {
  local home version best=0 found=
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -f "$home/release" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
    if [ "${version:-0}" -gt "$best" ]; then best=$version found=$home; fi
  done
  [ "$best" -ge 21 ] || die "Java 21 or newer is missing (Debian package openjdk-21-jre-headless or newer)"
  echo "$found"
}
JAVA_HOME=$(java_home)
export JAVA_HOME SONAR_JAVA_PATH=$JAVA_HOME/bin/java

# fetch FOLDER GROUP:ARTIFACT:VERSION: a zip of Maven Central, unpacked once.
fetch() {
  [ ! -d "$cache/$1" ] || return 0
  say "downloading $2"
  mkdir -p "$cache/zip"
  mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get -Dartifact="$2:zip" -Dtransitive=false \
    -Dmaven.repo.local="$cache/repository"
  unzip -q -o "$(find "$cache/repository" -name "$(cut -d: -f2 <<<"$2")-$(cut -d: -f3 <<<"$2").zip")" -d "$cache/zip"
  mv "$cache/zip/$1" "$cache/$1"
  rm -rf "$cache/repository"
}
fetch "sonarqube-$server_version" "org.sonarsource.sonarqube:sonar-application:$server_version"
fetch "sonar-scanner-$scanner_version" "org.sonarsource.scanner.cli:sonar-scanner-cli:$scanner_version"

work=$(mktemp -d "$cache/run.XXXXXX")
server=
stop() {
  [ -z "$server" ] || kill -TERM -- "-$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

# api METHOD PATH [curl's arguments]: the answer of the server.
api() {
  local method=$1 path=$2
  shift 2
  printf 'user = "%s"\n' "$login" | curl --silent --show-error --fail-with-body --max-time 30 --config - --request "$method" "$@" "$url/api/$path"
}
field() { python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]: value = value[key]
print(value)' "$@"; }

if [ -n "${SONAR_URL:-}" ]; then
  url=$SONAR_URL login=${SONAR_TOKEN:?the token of $SONAR_URL}:
else
  port=${SONAR_PORT:-9555}
  url=http://127.0.0.1:$port login=admin:admin
  # A tree of this run alone, with the downloaded files as hard links: the server takes its home from where its programs are.
  home=$work/server
  cp -al "$cache/sonarqube-$server_version" "$home"
  rm -rf "$home"/{data,logs,temp,conf}
  mkdir "$home"/{data,logs,temp,conf}
  cat >"$home/conf/sonar.properties" <<PROPERTIES
sonar.web.host=127.0.0.1
sonar.web.port=$port
sonar.search.host=127.0.0.1
sonar.search.port=$((port + 1))
sonar.telemetry.enable=false
sonar.updatecenter.activate=false
sonar.web.javaOpts=-Xmx512m -Xms128m
sonar.ce.javaOpts=-Xmx768m -Xms128m
sonar.search.javaOpts=-Xmx512m -Xms512m
PROPERTIES
  # Elasticsearch inside refuses root.
  as=()
  [ "$(id -u)" != 0 ] || as=(unshare --user --map-user=1000 --map-group=1000 --)
  begun=$SECONDS
  jar=$(find "$home/lib" -maxdepth 1 -name 'sonar-application-*.jar')
  set -m
  (cd "$home" && exec "${as[@]}" "$SONAR_JAVA_PATH" -Xms8m -Xmx64m --add-exports=java.base/jdk.internal.ref=ALL-UNNAMED \
    --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED \
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.management/sun.management=ALL-UNNAMED \
    --add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED -jar "$jar" -Dsonar.log.console=true) >"$work/server.log" 2>&1 &
  server=$!
  set +m
  # Elasticsearch gives no shards away on a disk that is 85 % full, and an analysis of minutes needs little of it.
  settings='{"persistent":{"cluster.routing.allocation.disk.threshold_enabled":false}}'
  until curl --silent --fail --output /dev/null --max-time 5 --request PUT --header 'content-type: application/json' \
    --data "$settings" "http://127.0.0.1:$((port + 1))/_cluster/settings"; do
    kill -0 "$server" 2>/dev/null || die "SonarQube ended: $(tail -n 20 "$work/server.log")"
    [ $((SECONDS - begun)) -lt 600 ] || die "SonarQube's Elasticsearch does not answer after 600 s"
    sleep 1
  done
  until [ "$(curl --silent --max-time 5 "$url/api/system/status" | field status 2>/dev/null)" = UP ]; do
    kill -0 "$server" 2>/dev/null || die "SonarQube ended: $(tail -n 20 "$work/server.log")"
    [ $((SECONDS - begun)) -lt 1200 ] || die "SonarQube is not up after 1200 s: $(tail -n 20 "$work/server.log")"
    sleep 2
  done
  say "SonarQube $server_version is up after $((SECONDS - begun)) s"
  api POST user_tokens/generate --data "name=scan" >"$work/token"
  SONAR_TOKEN=$(field token <"$work/token")
fi

begun=$SECONDS
if [ -n "${CLIPPY:-}" ]; then
  cp "$CLIPPY" "$work/clippy.json"
else
  # As `make check` asks, so that its answers are used again.
  cargo clippy --locked --all-targets --message-format=json -- -D warnings 2>/dev/null >"$work/clippy.json" || die 'clippy fails: make check'
fi
say "clippy's report: $(wc -l <"$work/clippy.json") lines after $((SECONDS - begun)) s"

# The commit, and not what is being typed meanwhile: a file that changes under the scanner spoils the whole report.
mkdir "$work/tree"
git archive HEAD | tar -x -C "$work/tree"

counted=${CARGO_TARGET_DIR:-target}/coverage
if [ -z "${LCOV:-}" ] && [ "$(cat "$counted/commit" 2>/dev/null)" = "$(git rev-parse HEAD)" ]; then
  LCOV=$counted/lcov.info
fi
coverage=()
[ -n "${LCOV:-}" ] || say 'without coverage: there is none of this commit (make coverage)'
[ -z "${LCOV:-}" ] || coverage=("-Dsonar.rust.lcov.reportPaths=$(realpath "$LCOV")")
begun=$SECONDS
SONAR_TOKEN=$SONAR_TOKEN SONAR_USER_HOME=$cache/user "$cache/sonar-scanner-$scanner_version/bin/sonar-scanner" \
  -Dsonar.host.url="$url" -Dsonar.projectKey="$project" -Dsonar.projectVersion="$(ci/version.sh)" \
  -Dsonar.sources=services,console,alerting,xtask,packaging,loadtests,ci -Dsonar.inclusions='**/*.rs,**/*.js,**/*.sh,**/*.py,**/Containerfile' \
  -Dsonar.exclusions='**/node_modules/**,**/dist/**,**/tests/**,**/target/**' -Dsonar.rust.clippy.enabled=false \
  -Dsonar.rust.clippyReport.reportPaths="$work/clippy.json" -Dsonar.scanner.skipJreProvisioning=true \
  -Dsonar.working.directory="$work/scanner" -Dsonar.projectBaseDir="$work/tree" -Dsonar.scm.disabled=true "${coverage[@]}" >"$work/scan.log" 2>&1 ||
  die "the scanner fails: $(grep -E 'ERROR' "$work/scan.log" | head -n 20)"
say "scanned in $((SECONDS - begun)) s"

begun=$SECONDS
task=$(sed -n 's/^ceTaskId=//p' "$work/scanner/report-task.txt")
while :; do
  status=$(api GET "ce/task?id=$task" | field task status)
  case $status in
    SUCCESS) break ;;
    FAILED | CANCELED) die "the report was not processed: $(api GET "ce/task?id=$task" | field task errorMessage)" ;;
  esac
  [ $((SECONDS - begun)) -lt 600 ] || die "the report is not processed after 600 s"
  sleep 2
done
say "processed after $((SECONDS - begun)) s"
api GET "measures/component?component=$project&metricKeys=ncloc,bugs,vulnerabilities,code_smells,security_hotspots,duplicated_lines_density,reliability_rating,security_rating,sqale_rating,coverage" |
  python3 -c 'import json, sys
for m in sorted(json.load(sys.stdin)["component"]["measures"], key=lambda m: m["metric"]): print("sonar:  ", m["metric"], m.get("value"))'
api GET "issues/search?components=$project&types=BUG,VULNERABILITY&resolved=false&ps=500" |
  python3 -c 'import json, sys
found = json.load(sys.stdin)
for i in found["issues"]:
  place = i["component"].partition(":")[2] + ":" + str(i.get("line", 0))
  print("sonar:  ", i["type"].lower(), i["rule"], place, i["message"])
if found["total"] > len(found["issues"]): print("sonar:  ", len(found["issues"]), "bugs and vulnerabilities of", found["total"])'
api GET "qualitygates/project_status?projectKey=$project" >"$work/gate"
python3 -c 'import json, sys
gate = json.load(sys.stdin)["projectStatus"]
for c in gate["conditions"]: print("sonar:  ", c["status"], c["metricKey"], c.get("actualValue"), c["comparator"], c.get("errorThreshold"))' <"$work/gate"
verdict=$(field projectStatus status <"$work/gate")
say "quality gate: $verdict"
[ "$verdict" = OK ]
