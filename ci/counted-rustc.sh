#!/bin/sh
# A compiler of this workspace's code for coverage.sh: what runs is counted. Not for the browser, where nothing writes it down.
for argument in "$@"; do
  case $argument in wasm32-*) exec "$@" ;; esac
done
exec "$@" -C instrument-coverage
