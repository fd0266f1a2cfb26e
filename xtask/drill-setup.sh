#!/usr/bin/env bash
# Patroni for `make drill-db`, in a virtual environment of its own. Its other programs are in xtask/tools.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/patroni
[ ! -x "$venv/bin/patroni" ] || exit 0
echo "drill: installing Patroni into $venv"
# The distribution's own Python: one from elsewhere may vanish under the environment.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3)
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  ${sudo[@]+"${sudo[@]}"} apt-get install -y -qq --no-install-recommends python3-venv >/dev/null ||
    { echo "drill: error: $python cannot make virtual environments: install python3-venv" >&2; exit 1; }
fi
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check 'patroni[etcd3]==4.1.5' 'psycopg[binary]'
