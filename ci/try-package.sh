#!/usr/bin/env bash
# Tries what a release packs, as its users would: try-package.sh DEB TARBALL. As root, without touching this machine.
#   the unit      systemd-analyze verify, and no more exposed than $EXPOSURE (of 100)
#   the package   its contents, installed by dpkg with its scripts into a Debian root that is thrown away, its program
#                 started there as the unit says (user, command), and removed and purged again
#   the tarball   unpacked, its three commands typed
# systemd itself does not start it here: that needs a machine that it has booted.
set -euo pipefail
cd "$(dirname "$0")/.."
deb=$(realpath "${1:?usage: try-package.sh DEB TARBALL}")
tarball=$(realpath "${2:?usage: try-package.sh DEB TARBALL}")
exposure=${EXPOSURE:-15}
say() { printf 'try-package: %s\n' "$*"; }
die() { printf 'try-package: error: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die 'a root file system is made: run it as root'

# started LOG COMMAND...: in a network of its own, until its liveness answers; then SIGTERM, and it must end well.
if [ "${TRY_PACKAGE_INSIDE:-}" = 1 ]; then
  shift 2
  log=$1
  shift
  ip link set lo up
  begun=$(date +%s%N)
  "$@" >"$log" 2>&1 &
  pid=$!
  until curl --silent --fail --output /dev/null --max-time 2 http://127.0.0.1:8090/readyz; do
    kill -0 "$pid" 2>/dev/null || die "it ended: $(tail -n 3 "$log")"
    waited=$((($(date +%s%N) - begun) / 1000000))
    [ "$waited" -lt 30000 ] || die "not ready after 30 s: $(tail -n 3 "$log")"
    sleep 0.02
  done
  waited=$((($(date +%s%N) - begun) / 1000000))
  curl --silent --fail --output /dev/null http://127.0.0.1:8091/healthz || die 'its liveness does not answer'
  curl --silent http://127.0.0.1:8090/login | grep -q '<form' || die 'there is no page to log in'
  memory=$(awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$pid/status")
  who=$(awk '/^Uid/ { print $2 }' "/proc/$pid/status")
  kill -TERM "$pid"
  wait "$pid" || die "it ended with $? on SIGTERM: $(tail -n 3 "$log")"
  say "ready after $waited ms, $memory MB resident, user $who; ended well on SIGTERM"
  exit
fi
started() { TRY_PACKAGE_INSIDE=1 unshare --net --mount --pid --fork --kill-child --mount-proc -- bash ci/try-package.sh "$deb" "$tarball" "$@"; }

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
chmod 755 "$work"

say 'a Debian root to install into'
root=$work/root
cache=${XDG_CACHE_HOME:-$HOME/.cache}/quarterdeck/package-root-$(. /etc/os-release && echo "${VERSION_CODENAME:?}").tar
if [ -z "$(find "$cache" -mtime -7 2>/dev/null)" ]; then
  mkdir -p "$(dirname "$cache")"
  mmdebstrap --quiet --variant=minbase --include=adduser,ca-certificates "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$work/new.tar"
  mv "$work/new.tar" "$cache"
fi
mkdir "$root"
tar -xf "$cache" -C "$root"
cp "$deb" "$root/tmp/quarterdeck.deb"
chroot "$root" dpkg --install /tmp/quarterdeck.deb >"$work/install.log" 2>&1 || die "dpkg: $(tail -n 5 "$work/install.log")"
[ "$(stat -c '%a %U' "$root/usr/bin/quarterdeck")" = '755 root' ] || die 'the program is not as it should be'
[ "$(chroot "$root" stat -c '%a %U %G' /etc/quarterdeck/admin-password)" = '640 root quarterdeck' ] || die 'everybody reads the password'
say "installed: $(chroot "$root" dpkg-query --show --showformat '${Package} ${Version}, ${Installed-Size} kB' quarterdeck)"

unit=$root/lib/systemd/system/quarterdeck.service
# The targets that it names are this machine's; a minimal root has none.
machine=$work/machine
mkdir -p "$machine/lib/systemd" "$machine/usr/bin"
cp -r /lib/systemd/system "$machine/lib/systemd/"
cp "$unit" "$machine/lib/systemd/system/"
cp "$root/usr/bin/quarterdeck" "$machine/usr/bin/"
systemd-analyze verify --root="$machine" --man=no quarterdeck.service 2>"$work/verify.log" || die "$(cat "$work/verify.log")"
if grep -q quarterdeck "$work/verify.log"; then die "$(cat "$work/verify.log")"; fi
systemd-analyze security --offline=true --threshold="$exposure" --no-pager "$unit" >"$work/security.log" ||
  die "the unit is more exposed than $exposure of 100: $(tail -n 1 "$work/security.log")"
say "unit: verified; $(tail -n 1 "$work/security.log" | sed 's/^[^O]*//')"

user=$(sed -n 's/^User=//p' "$unit")
for key in ExecStartPre ExecStart; do
  read -ra command < <(sed -n "s/^$key=//p" "$unit")
  as_unit=(setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all
    chroot --userspec="$user:$user" "$root" "${command[@]}")
  if [ "$key" = ExecStartPre ]; then "${as_unit[@]}"; else started "$work/unit.log" "${as_unit[@]}"; fi
done
chroot "$root" dpkg --purge quarterdeck >"$work/purge.log" 2>&1 || die "dpkg --purge: $(tail -n 5 "$work/purge.log")"
left=$(find "$root/usr" "$root/etc" "$root/var/lib/quarterdeck" "$root/lib" -name '*quarterdeck*' ! -path '*/dpkg/*' 2>/dev/null || true)
[ -z "$left" ] || die "left after a purge: $left"
say 'removed and purged, nothing left'

mkdir "$work/tarball"
tar -xzf "$tarball" -C "$work/tarball"
folder=$(echo "$work"/tarball/*)
(cd "$folder" && head -c 15 /dev/urandom | base64 >admin-password && bin/quarterdeck check-config)
started "$work/tarball.log" env --chdir="$folder" bin/quarterdeck serve
