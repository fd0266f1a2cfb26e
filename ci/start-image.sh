#!/usr/bin/env bash
# Starts the console's image as a container engine would, from the archive and by what its configuration says, and waits for
# its own health check: start-image.sh ARCHIVE. As root; in namespaces of its own, so that no port can be taken.
#
# Its user, its entry point and its health check are the image's; the root is read-only, no capability is left, and only
# what the image's description names is mounted: the configuration (read-only) and the data.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'start-image: %s\n' "$*"; }
die() { printf 'start-image: error: %s\n' "$*" >&2; exit 1; }

# field FILE EXPRESSION: of the image's configuration, a line a value.
field() {
  python3 -c '
import json, sys
value = json.load(open(sys.argv[1]))["config"]
for key in sys.argv[2].split("."):
    value = (value or {}).get(key)
for line in value if isinstance(value, list) else [value]:
    print("" if line is None else line)' "$1" "$2"
}

inside() {
  local root=$1 work=$2 user entry command health as_image begun pid waited
  user=$(field "$work/config.json" User)
  [ "$user" = 10001:10001 ] || die "the image's user is $user"
  mapfile -t entry < <(field "$work/config.json" Entrypoint)
  mapfile -t command < <(field "$work/config.json" Cmd)
  mapfile -t health < <(field "$work/config.json" Healthcheck.Test)
  [ "${health[0]}" = CMD ] || die "the image's health check is ${health[*]}"
  # In the image's root, as its user, with nothing else of root's.
  as_image=(setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all
    chroot --userspec="$user" --groups= "$root")
  ip link set lo up

  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for file in null zero urandom random; do
    : >"$root/dev/$file"
    mount --bind "/dev/$file" "$root/dev/$file"
  done
  mount --bind -o ro "$work/etc" "$root/etc/quarterdeck"
  mount -t tmpfs -o "mode=700,uid=10001,gid=10001,size=256m" tmpfs "$root/var/lib/quarterdeck"
  mount -o remount,bind,ro "$root"

  begun=$(date +%s%N)
  "${as_image[@]}" "${entry[@]}" "${command[@]}" >"$work/output.log" 2>&1 &
  pid=$!
  until "${as_image[@]}" "${health[@]:1}" 2>"$work/health.log"; do
    kill -0 "$pid" 2>/dev/null || die "it ended: $(tail -n 3 "$work/output.log")"
    waited=$((($(date +%s%N) - begun) / 1000000))
    [ "$waited" -lt 30000 ] || die "not healthy after 30 s: $(cat "$work/health.log")"
    sleep 0.02
  done
  waited=$((($(date +%s%N) - begun) / 1000000))
  say "healthy after $waited ms, $(awk '/^VmRSS/ { printf "%.0f MB resident", $2 / 1024 }' "/proc/$pid/status")"
  if "${as_image[@]}" /usr/bin/image-health 8099 2>/dev/null; then die 'the health check passes where nobody listens'; fi
  if : 2>/dev/null >"$root/usr/written"; then die 'the root can be written'; fi
  kill -TERM "$pid"
  wait "$pid" || die "it ended with $? on SIGTERM: $(tail -n 3 "$work/output.log")"
  say 'ended well on SIGTERM'
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
  exit
fi

archive=${1:?usage: start-image.sh ARCHIVE}
[ "$(id -u)" = 0 ] || die 'namespaces and mounts are made: run it as root'
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
skopeo copy --quiet "docker-archive:$archive" "oci:$work/oci:image"
skopeo inspect --raw --config "docker-archive:$archive" >"$work/config.json"
umoci --log error raw unpack --image "$work/oci:image" "$work/root"
# What the packages' own configuration is, but for passwords and tokens of nobody.
cp -r packaging/etc "$work/etc"
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$work/etc/admin-password"
chown -R 10001:10001 "$work/etc"
mkdir -p "$work/root/proc" "$work/root/dev" "$work/root/etc/quarterdeck" "$work/root/var/lib/quarterdeck"
chmod 755 "$work" "$work/root"
unshare --mount --mount-proc --net --pid --fork --kill-child --propagation private -- bash ci/start-image.sh --inside "$work/root" "$work"
