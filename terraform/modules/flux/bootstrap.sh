#!/usr/bin/env bash
# Installs Flux into a cluster, an empty one too, tells it what AWS it stands on and where its repository is, and hands over. Run
# by Terraform; every step may be repeated. Wants `aws`, `kubectl` and `flux`, and a way to the cluster's API.
set -euo pipefail
: "${CLUSTER:?}" "${REGION:?}" "${GITOPS_PATH:?}" "${FACTS:?}" "${GIT_SECRET_ID:?}" "${FLUX_VERSION:?}"

private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT
export KUBECONFIG=$private/kubeconfig
aws eks update-kubeconfig --region "$REGION" --name "$CLUSTER" >/dev/null

flux install --version "$FLUX_VERSION" \
  --components source-controller,kustomize-controller,helm-controller,notification-controller \
  --components-extra image-reflector-controller,image-automation-controller
# A release that does not become ready is waited for until its timeout; the commit that takes it back must not wait for that. Each
# installation above writes the arguments anew, so this adds the gate once.
kubectl patch deployment kustomize-controller --namespace flux-system --type json --patch \
  '[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--feature-gates=CancelHealthCheckOnNewRevision=true"}]'
printf '%s' "$FACTS" | kubectl apply --server-side --force-conflicts -f -

# The token goes from Secrets Manager into the cluster by a file that only this user reads.
umask 077
aws secretsmanager get-secret-value --region "$REGION" --secret-id "$GIT_SECRET_ID" --query SecretString --output text |
  tr -d '\n' >"$private/token"
kubectl create secret generic flux-system --namespace flux-system --dry-run=client -o yaml \
  --from-literal=username=git --from-file=password="$private/token" |
  kubectl apply --server-side --force-conflicts -f -

# The cluster's own folder names everything else, and has only kinds that `flux install` has brought: an empty cluster knows no
# others. Flux fills in the facts from then on, but for the first time nobody does; one that is missing ends this by name.
python3 -c '
import json, os, shlex
for name, value in json.loads(os.environ["FACTS"])["data"].items():
    print(f"export {name}={shlex.quote(value)}")' >"$private/facts.sh"
# shellcheck source=/dev/null
. "$private/facts.sh"
kubectl kustomize "$GITOPS_PATH" >"$private/cluster.yaml"
flux envsubst --strict <"$private/cluster.yaml" >"$private/substituted.yaml"
kubectl wait --for condition=established --timeout 2m customresourcedefinition --all
kubectl apply --server-side --force-conflicts -f "$private/substituted.yaml"
flux reconcile source git flux-system --timeout 5m
