# Sourced by what asks or fills $REGISTRY, and has a `die`.

# registry_log_in DIRECTORY: at a registry of AWS', for this run alone: skopeo and cosign read what lies in the directory, which
# must not be there yet and goes with the run. At any other registry the log-in of this user counts.
registry_log_in() {
  local host=${REGISTRY%%/*}
  [[ $host =~ ^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com$ ]] || return 0
  command -v aws >/dev/null || die "REGISTRY is one of AWS', and aws is missing"
  export DOCKER_CONFIG=$1 REGISTRY_AUTH_FILE=$1/config.json
  mkdir -m 700 "$DOCKER_CONFIG"
  aws ecr get-login-password --region "${BASH_REMATCH[1]}" | skopeo login --username AWS --password-stdin "$host" >/dev/null ||
    die "no log-in at $host: the agent's role must be one of pipeline_role_arns"
}

# registry_images FILE: the images that an environment's overlay declares, a name each.
registry_images() { sed -n 's#^.*name: quarterdeck/##p' "$1"; }
