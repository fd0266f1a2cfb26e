#!/usr/bin/env bash
# Packs the console: a tarball, a Debian package, its debug information, each with checksum and bill of materials, and
# tries the package (ci/try-package.sh). Images are made by ci/images.sh. Wants release programs and the client.
#   PROFILE=debug    packs other programs than the release's, to try this out
# Writes to $DIST, cargo's target directory + /dist without it.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
dist=${DIST:-$CARGO_TARGET_DIR/dist}
profile=${PROFILE:-release}
say() { printf 'release: %s\n' "$*"; }

version=$(ci/version.sh)
mkdir -p "$dist"
work=$(mktemp -d "$dist/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "quarterdeck $version of $(git rev-parse --short HEAD), $profile programs"
packaging/collect.sh "$work/programs" "$profile"
program=$work/programs/console/usr/bin/quarterdeck
share=$work/programs/console/usr/share/quarterdeck

# The same input gives the same archive.
pack() { tar --sort=name --owner=0 --group=0 --numeric-owner --mtime "@$SOURCE_DATE_EPOCH" --directory "$1" -c "$2" | gzip -n -9 >"$3"; }

# Everything in one folder, paths relative to it.
name=quarterdeck-$version
folder=$work/$name
mkdir -p "$folder"/{bin,share,completions}
cp "$program" "$folder/bin/"
cp -r "$share/site" "$share/runbooks" "$folder/share/"
cp -r packaging/etc/rules packaging/etc/routing.yml packaging/etc/scrape.yml "$folder/"
sed -e 's#/usr/share/quarterdeck/#share/#' -e 's#/etc/quarterdeck/##' -e 's#/var/lib/quarterdeck#data#' packaging/etc/quarterdeck.yml >"$folder/quarterdeck.yml"
sed "s/@VERSION@/$version/" packaging/README-tarball.md >"$folder/README.md"
cp LICENSE "$folder/"
for shell in bash fish zsh; do "$program" completions "$shell" >"$folder/completions/quarterdeck.$shell"; done
pack "$work" "$name" "$dist/$name-x86_64-linux.tar.gz"

package=$work/package
mkdir -p "$package/DEBIAN" "$package/usr/bin" "$package/usr/share/doc/quarterdeck" "$package/usr/share/quarterdeck" \
  "$package/usr/share/bash-completion/completions" "$package/usr/share/zsh/vendor-completions" \
  "$package/usr/share/fish/vendor_completions.d" "$package/lib/systemd/system" "$package/etc"
cp "$program" "$package/usr/bin/"
cp -r "$share/site" "$share/runbooks" "$package/usr/share/quarterdeck/"
cp -r packaging/etc "$package/etc/quarterdeck"
cp packaging/systemd/quarterdeck.service "$package/lib/systemd/system/"
cp LICENSE "$package/usr/share/doc/quarterdeck/copyright"
cp "$folder/completions/quarterdeck.bash" "$package/usr/share/bash-completion/completions/quarterdeck"
cp "$folder/completions/quarterdeck.zsh" "$package/usr/share/zsh/vendor-completions/_quarterdeck"
cp "$folder/completions/quarterdeck.fish" "$package/usr/share/fish/vendor_completions.d/quarterdeck.fish"
sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$(du -sk --exclude DEBIAN "$package" | cut -f1)/" packaging/debian/control >"$package/DEBIAN/control"
cp packaging/debian/{conffiles,postinst,prerm,postrm} "$package/DEBIAN/"
chmod -R u=rwX,go=rX "$package"
dpkg-deb --root-owner-group -Zxz --build "$package" "$dist/quarterdeck_${version}_amd64.deb" >/dev/null

# For a debugger, beside the program: found by the link in it.
mkdir "$work/$name-debug"
cp "$work/programs/debug/quarterdeck.debug" "$work/$name-debug/"
pack "$work" "$name-debug" "$dist/$name-debug.tar.gz"

"$CARGO_TARGET_DIR/debug/xtask" sbom quarterdeck >"$work/sbom.json"
for file in "$name-x86_64-linux.tar.gz" "quarterdeck_${version}_amd64.deb"; do
  cp "$work/sbom.json" "$dist/$file.cdx.json"
done
printf '%-44s %8s\n' file MB
for file in "$name-x86_64-linux.tar.gz" "quarterdeck_${version}_amd64.deb" "$name-debug.tar.gz"; do
  (cd "$dist" && sha256sum "$file" >"$file.sha256")
  printf '%-44s %8s\n' "$file" "$(awk -v b="$(stat -c %s "$dist/$file")" 'BEGIN { printf "%.1f", b / 1e6 }')"
done
printf '%-44s %8s\n' 'program, stripped' "$(awk -v b="$(stat -c %s "$program")" 'BEGIN { printf "%.1f", b / 1e6 }')"
say "written to $dist"
ci/try-package.sh "$dist/quarterdeck_${version}_amd64.deb" "$dist/$name-x86_64-linux.tar.gz"
