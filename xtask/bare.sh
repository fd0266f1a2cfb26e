#!/usr/bin/env bash
# Proves the README on a bare machine: makes a minimal Debian root with mmdebstrap, mounts the Rust toolchain and cargo's
# registry into it, clones this checkout's last commit there, and runs the README's commands.
#   bare.sh              make test, make up until healthy, make down
#   bare.sh COMMAND...   these shell commands instead, one after the other
# Needs root. The root is unpacked anew for each run; its tarball and cargo's output stay in the user's cache directory.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/bare
home=/root/quarterdeck
say() { printf 'bare: %s\n' "$*"; }
die() { printf 'bare: error: %s\n' "$*" >&2; exit 1; }

# step TITLE COMMAND...: runs it, and says how many seconds it took.
step() {
  local title=$1 begun=$SECONDS status=0
  shift
  say "$title"
  "$@" || status=$?
  [ "$status" = 0 ] || die "$title: failed with $status after $((SECONDS - begun)) s"
  say "$title: $((SECONDS - begun)) s"
}

make_tarball() {
  local suite
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
  tarball=$cache/root-$suite.tar
  # A root is as bare as Debian makes it, with what the README asks for besides Rust: make.
  if [ -z "$(find "$tarball" -mtime -7 2>/dev/null)" ]; then
    mmdebstrap --quiet --variant=minbase --include=make "$suite" "$cache/new.tar"
    mv "$cache/new.tar" "$tarball"
  fi
}

# How this machine reaches packages: apt's sources, npm's and pip's settings, names, trusted certificates.
copy_network() {
  local root=$1 file number=0 name value
  rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
  cp -a /etc/apt/. "$root/etc/apt/"
  cp -an /usr/share/keyrings/. "$root/usr/share/keyrings/"
  # Authorities that this machine trusts besides: npm's settings may name the bundle, which ca-certificates makes anew.
  if [ -d /usr/local/share/ca-certificates ]; then
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp -aL /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
  fi
  for file in /etc/resolv.conf /etc/hosts /etc/npmrc /etc/pip.conf "$HOME/.npmrc" "$HOME/.config/pip/pip.conf" \
    "$HOME/.cargo/config.toml"; do
    [ -f "$file" ] || continue
    local to=$root${file/#$HOME//root}
    mkdir -p "$(dirname "$to")"
    cp -L "$file" "$to"
  done
  # Variables of the same kind; a file that one names is copied, since packages rewrite their own bundle.
  mkdir -p "$root/etc/bare"
  : >"$root/etc/bare/environment"
  while IFS='=' read -r name value; do
    case $name in
      http_proxy | https_proxy | no_proxy | all_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | ALL_PROXY) ;;
      npm_config_* | PIP_INDEX_URL | PIP_DEFAULT_TIMEOUT | QD_* | CARGO_PROFILE_* | CARGO_INCREMENTAL) ;;
      SSL_CERT_FILE | NODE_EXTRA_CA_CERTS | PIP_CERT | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE | GIT_SSL_CAINFO)
        [ -f "$value" ] || continue
        number=$((number + 1))
        cp -L "$value" "$root/etc/bare/certificates-$number.pem"
        value=/etc/bare/certificates-$number.pem
        ;;
      *) continue ;;
    esac
    printf '%s=%s\n' "$name" "$value" >>"$root/etc/bare/environment"
  done < <(env)
}

# In namespaces of its own. The root becomes the namespace's own root (pivot_root): the kernel lets nobody below a plain
# chroot make user namespaces, and Postgres under root needs one.
enter() {
  local root=$1 file
  shift
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind -o ro /sys "$root/sys"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for file in null zero full random urandom tty; do
    : >"$root/dev/$file"
    mount --bind "/dev/$file" "$root/dev/$file"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s /proc/self/fd/0 "$root/dev/stdin"
  ln -s /proc/self/fd/1 "$root/dev/stdout"
  ln -s /proc/self/fd/2 "$root/dev/stderr"

  mkdir -p "$root/opt/rust" "$root/root/.cargo/registry" "$root$home/target"
  mount --bind -o ro "$(rustc --print sysroot)" "$root/opt/rust"
  mount --bind "${CARGO_HOME:-$HOME/.cargo}/registry" "$root/root/.cargo/registry"
  mount --bind "$cache/target" "$root$home/target"

  mkdir "$root/old"
  cd "$root"
  pivot_root . old
  umount -l /old
  local environment=()
  mapfile -t environment </etc/bare/environment
  exec /usr/bin/env -i ${environment[@]+"${environment[@]}"} HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
    PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash "$home/xtask/bare.sh" --commands "$@"
}

# Every process is ready, the edge among them, which starts last. Ends with the platform, where that fails.
wait_until_healthy() {
  local up=$1 table
  while kill -0 "$up" 2>/dev/null; do
    table=$(make --no-print-directory status 2>/dev/null) || table=
    if awk 'NR > 1 && $1 != "total" { if ($1 == "edge") edge = 1; if ($2 != "ready") bad = 1 }
            END { exit bad || !edge }' <<<"$table"; then
      printf '%s\n' "$table"
      return
    fi
    sleep 1
  done
  return 1
}

up_and_down() {
  DEMO=0 make up &
  local up=$!
  step 'make up, until healthy' wait_until_healthy "$up"
  step 'make down' make down
  wait "$up" || die "make up ended with $?"
}

case ${1:-} in
  --enter)
    shift
    enter "$@"
    ;;
  --commands)
    shift
    cd "$home"
    if [ $# -gt 0 ]; then
      for command in "$@"; do step "$command" bash -c "$command"; done
    else
      step 'make test' make test
      up_and_down
    fi
    exit
    ;;
esac

[ "$(id -u)" = 0 ] || die "a root file system is made and mounted: run it as root"
command -v rustc >/dev/null || die "rustc is missing: install Rust 1.95 or newer from https://rustup.rs"
# cargo makes its registry with the first download: a machine on which nothing was built has none to mount.
mkdir -p "$cache/target" "${CARGO_HOME:-$HOME/.cargo}/registry"
# Two would wait for each other's cargo.
exec 9>"$cache/lock"
flock --nonblock 9 || die 'another run is under way'
step 'a bare Debian root' make_tarball
root=$(mktemp -d "$cache/root.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
step 'unpacking it' tar -xf "$tarball" -C "$root"
copy_network "$root"
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then say "uncommitted changes stay outside"; fi
step "cloning $(git rev-parse --short HEAD)" git clone --quiet --no-hardlinks "$PWD" "$root$home"
unshare --mount --pid --fork --kill-child --propagation private -- bash xtask/bare.sh --enter "$root" "$@"
say "passed after $SECONDS s"
