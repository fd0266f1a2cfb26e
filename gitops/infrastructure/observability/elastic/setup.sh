#!/bin/sh
# Each call replaces what is there, so it may run as often as it likes.
set -eu
cd "$(dirname "$0")"

# call AUTHORITY curl's ARGUMENTS. The password goes by standard input, not by an argument that everybody may read.
call() {
  ca=$1
  shift
  printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD" |
    curl --config - --silent --show-error --fail-with-body --max-time 60 --cacert "/ca/$ca/ca.crt" "$@"
  echo
}

put() {
  call elasticsearch -X PUT "$ELASTICSEARCH/$1" -H 'content-type: application/json' --data-binary "@$2"
}

# The order counts: a template is refused whose pipeline or lifecycle is not there.
put _ilm/policy/quarterdeck-shop-logs lifecycle.json
put _ingest/pipeline/quarterdeck-shop-logs pipeline.json
put _index_template/quarterdeck-shop-logs template.json
call kibana -X POST "$KIBANA/api/saved_objects/_import?overwrite=true" -H 'kbn-xsrf: setup' -F file=@searches.ndjson
