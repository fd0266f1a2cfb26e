#!/usr/bin/env bash
# Runs the console alone, in front of services that are not ours: `make console`. Ctrl-C ends it.
#   PROMETHEUS=URL LOKI=URL TEMPO=URL    what it reads; without one of them, what is sent to it
#   QD_DATA, QD_CONSOLE_PORT, QD_OTLP_GRPC_PORT, QD_OTLP_HTTP_PORT
# What it is told lies in .data/alone: rules, routing and scrape targets there are yours to change, quarterdeck.yml is
# written anew at each start.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
mkdir -p "${QD_DATA:-.data}/alone"
here=$(realpath "${QD_DATA:-.data}")/alone
port=${QD_CONSOLE_PORT:-8090} grpc=${QD_OTLP_GRPC_PORT:-4317} http=${QD_OTLP_HTTP_PORT:-4318}

for file in routing.yml rules; do
  [ -e "$here/$file" ] || cp -r "packaging/etc/$file" "$here/$file"
done
[ -e "$here/scrape.yml" ] || sed "s#127.0.0.1:8090#127.0.0.1:$port#" packaging/etc/scrape.yml >"$here/scrape.yml"
[ -s "$here/admin-password" ] || (umask 077 && head -c 15 /dev/urandom | base64 >"$here/admin-password")

{
  echo "# Written by \`make console\`."
  sed -e '/^#/d' -e '/^$/d' -e "s#127.0.0.1:8090#127.0.0.1:$port#" -e "s#127.0.0.1:4317#127.0.0.1:$grpc#" \
    -e "s#127.0.0.1:4318#127.0.0.1:$http#" -e '/^health:/d' -e "s#/var/lib/quarterdeck#$here/data#" \
    -e "s#/usr/share/quarterdeck/site#$target/site#" -e "s#/usr/share/quarterdeck/runbooks#$PWD/runbooks#" \
    -e "s#/etc/quarterdeck/#$here/#" packaging/etc/quarterdeck.yml
  if [ -n "${PROMETHEUS:-}${LOKI:-}${TEMPO:-}" ]; then
    echo "sources:"
    for source in prometheus loki tempo; do
      variable=${source^^}
      if [ -n "${!variable:-}" ]; then printf '  %s: { url: "%s" }\n' "$source" "${!variable}"; fi
    done
  fi
} >"$here/quarterdeck.yml"

"$target/debug/quarterdeck" check-config --config "$here/quarterdeck.yml" >/dev/null
cat <<TEXT
console    http://127.0.0.1:$port, log in as admin with $(cat "$here/admin-password")
send       OTLP to http://127.0.0.1:$http or 127.0.0.1:$grpc (gRPC), logs to http://127.0.0.1:$port/loki/api/v1/push,
           metrics to http://127.0.0.1:$port/api/v1/write
scrape     add your programs to $here/scrape.yml and start again
TEXT
exec "$target/debug/quarterdeck" serve --config "$here/quarterdeck.yml" --log "${RUST_LOG:-warn}"
