# shellcheck shell=bash
# Keys and kubeconfigs of one cluster: a CA, serving certificates, client certificates for the API server's own calls,
# and static tokens for everyone else. Source lib/common.sh first.

ec_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# certificate NAME SUBJECT EXTENSIONS
certificate() {
  ec_key "$1.key"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile <(printf '%b' "$3") -out "$1.crt" 2>/dev/null
}

# kubeconfig NAME USER GROUP
kubeconfig() {
  local token
  token=$(openssl rand -hex 16)
  echo "$token,$2,$1,\"$3\"" >>tokens.csv
  cat >"$RUN/$1.kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: countersign, cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {token: $token}}]
contexts: [{name: countersign, context: {cluster: countersign, user: $1}}]
current-context: countersign
K
}

make_keys() {
  (
    umask 077
    mkdir -p "$RUN/pki"
    cd "$RUN/pki" || exit
    ec_key ca.key
    openssl req -x509 -new -key ca.key -subj /CN=countersign-ca -days 3650 -out ca.crt
    certificate apiserver /CN=kube-apiserver "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,IP:$NODE_IP,IP:$SVC_IP,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    certificate kubelet "/CN=$NODE" "extendedKeyUsage=serverAuth\nsubjectAltName=IP:$NODE_IP,DNS:$NODE"
    certificate apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet "extendedKeyUsage=clientAuth"
    certificate front-proxy /CN=front-proxy "extendedKeyUsage=clientAuth"
    ec_key sa.key
    openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
    kubeconfig admin admin system:masters
    kubeconfig controller-manager system:kube-controller-manager ''
    kubeconfig scheduler system:kube-scheduler ''
    kubeconfig proxy system:kube-proxy ''
    kubeconfig coredns system:coredns ''
    kubeconfig kubelet "system:node:$NODE" system:nodes
  )
}
