#!/usr/bin/env bash
# bare-api.sh COMMAND...: runs COMMAND with a KUBECONFIG for an API server that has nothing in it, neither Tekton nor
# a StorageClass. For test.sh; call it in a network namespace of its own (unshare --net).
set -euo pipefail
assets=$("$(dirname "$0")/../assets.sh")
dir=$(mktemp -d)
trap '{ kill -9 $(jobs -p) && wait; } 2>/dev/null; rm -rf "$dir"' EXIT # -9: without its etcd the API server ends late
ip link set lo up

openssl ecparam -name prime256v1 -genkey -noout -out "$dir/sa.key"
echo 'token,admin,admin,"system:masters"' >"$dir/tokens"
"$assets/etcd" --data-dir="$dir/etcd" --unsafe-no-fsync >"$dir/log" 2>&1 &
"$assets/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --cert-dir="$dir/certs" --token-auth-file="$dir/tokens" \
  --service-account-issuer=https://test --service-account-key-file="$dir/sa.key" --service-account-signing-key-file="$dir/sa.key" \
  --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 --advertise-address=127.0.0.1 --secure-port=6443 >"$dir/log" 2>&1 &
cat >"$dir/kubeconfig" <<'K'
apiVersion: v1
kind: Config
clusters: [{name: bare, cluster: {server: "https://127.0.0.1:6443", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: token}}]
contexts: [{name: bare, context: {cluster: bare, user: admin}}]
current-context: bare
K
export KUBECONFIG=$dir/kubeconfig
for _ in $(seq 300); do
  if "$assets/kubectl" get --raw /readyz >/dev/null 2>&1; then break; fi
  sleep 0.1
done
"$@"
