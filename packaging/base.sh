#!/usr/bin/env bash
# Makes the base of all images where no registry can be reached: a root of the few Debian packages that our programs are
# linked with, unpacked without their scripts. No shell, no package manager.
#   base.sh DIRECTORY    writes DIRECTORY/root and DIRECTORY/git (what the console needs besides), and of what packages they
#                        are to DIRECTORY/root.tsv and DIRECTORY/git.tsv
# Needs apt-get with lists (`apt-get update`) and dpkg-deb; not root.
set -euo pipefail
out=$(realpath -m "${1:?usage: base.sh DIRECTORY}")
: "${SOURCE_DATE_EPOCH:?the time that files get: seconds since 1970}"

# Certificates for https to receivers and backends; the C library for everything.
base=(base-files ca-certificates libc6 libgcc-s1)
# The console reads clones with git.
git=(git libpcre2-8-0 zlib1g)

say() { printf 'base: %s\n' "$*"; }
rm -rf "$out"
mkdir -p "$out/debs" "$out/root" "$out/unpacked" "$out/git"
say "downloading ${base[*]} ${git[*]}"
(cd "$out/debs" && apt-get download -qq "${base[@]}" "${git[@]}" 2>/dev/null)

# unpack INTO LIST PACKAGE...: and write down which version it was, for the bill of materials.
unpack() {
  local into=$1 list=$2 package deb
  shift 2
  for package; do
    deb=$(find "$out/debs" -name "${package}_*.deb")
    dpkg-deb -x "$deb" "$into"
    dpkg-deb -W --showformat '${Package}\t${Version}\t${Architecture}\t${source:Package}\n' "$deb" >>"$list"
  done
}
unpack "$out/root" "$out/root.tsv" "${base[@]}"
unpack "$out/unpacked" "$out/git.tsv" "${git[@]}"

# One program with its libraries: everything that the console asks of git is built into it.
for file in usr/bin/git usr/share/doc/git/copyright; do
  install -D --preserve-timestamps -m "$(stat -c %a "$out/unpacked/$file")" "$out/unpacked/$file" "$out/git/$file"
done
find "$out/unpacked" \( -name 'libpcre2-8.so.*' -o -name 'libz.so.*' \) -print | while read -r file; do
  mkdir -p "$out/git/usr/lib"
  cp -P "$file" "$out/git/usr/lib/"
done

cd "$out/root"
# Without its scripts ca-certificates has no bundle yet.
mkdir -p etc/ssl/certs
find usr/share/ca-certificates -name '*.crt' -print0 | sort -z | xargs -0 cat >etc/ssl/certs/ca-certificates.crt
rm -rf usr/share/ca-certificates usr/sbin/update-ca-certificates etc/ca-certificates etc/kernel etc/dpkg \
  usr/share/man usr/share/locale usr/share/lintian usr/share/bug usr/lib/*/gconv usr/lib/*/audit \
  etc/update-motd.d etc/issue etc/issue.net usr/share/base-files
find usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -type l -delete
find . -depth -type d -empty ! -path ./tmp ! -path './var/*' -delete

# Who runs inside. Images say 10001; the name is for people.
mkdir -p etc tmp var/lib/quarterdeck
printf 'root:x:0:0:root:/root:/sbin/nologin\nquarterdeck:x:10001:10001::/var/lib/quarterdeck:/sbin/nologin\nnobody:x:65534:65534::/nonexistent:/sbin/nologin\n' >etc/passwd
printf 'root:x:0:\nquarterdeck:x:10001:\nnogroup:x:65534:\n' >etc/group
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf
chmod 1777 tmp
[ -e lib64 ] || ln -s usr/lib64 lib64
find "$out/root" "$out/git" -print0 | xargs -0 touch --no-dereference --date "@$SOURCE_DATE_EPOCH"
rm -rf "$out/debs" "$out/unpacked"
say "$(cat "$out"/*.tsv | wc -l) packages, $(du -sh "$out/root" | cut -f1)"
