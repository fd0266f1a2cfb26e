#!/usr/bin/env bash
# Makes the secrets of a new environment that are random and have a form of their own, each in a file of its secret's name
# (runbooks/guides/secrets.md), readable by this user alone: keys with which services sign their calls, the public halves,
# the keys of cookies and of vouchers' digests. The local platform makes its own.
#   keys.sh DIRECTORY     which must not be there yet
set -euo pipefail
directory=${1:?usage: keys.sh DIRECTORY}
say() { printf 'keys: %s\n' "$*"; }
die() { printf 'keys: error: %s\n' "$*" >&2; exit 1; }
command -v openssl >/dev/null || die 'openssl is missing: make setup'
[ ! -e "$directory" ] || die "$directory is there already: an environment's keys are made once"
umask 077
mkdir -p "$directory/service-auth"

# The last 32 bytes of a public key in DER are the key (RFC 8410); a JWKS has them in base64url (RFC 8037).
keys=
for service in storefront identity orders; do
  file=$directory/service-auth/$service
  openssl genpkey -algorithm ed25519 -out "$file"
  x=$(openssl pkey -in "$file" -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\n')
  keys+=${keys:+,}"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"$service\",\"x\":\"$x\"}"
done
printf '{"keys":[%s]}\n' "$keys" >"$directory/service-auth/jwks"
for name in cookie-key voucher-digest-key; do openssl rand -hex 32 >"$directory/$name"; done
say "written to $directory"
