# shellcheck shell=bash
# Tekton Pipelines and Triggers as pods, from the config/ folders of their own modules.
# Source lib/common.sh and lib/build.sh first.

# What is changed in them: image references; the release label; the readiness probes' and EventListeners' periods, which
# are 5 s + 10 s upstream and would be most of the time until all is ready; the resolvers' init program.
tekton_edit() { # VERSION
  sed -E -e 's#ko://github.com/tektoncd/(pipeline|triggers)/cmd/([a-z]+)#cluster.local/tekton-\1-\2:v1#g' \
    -e 's#("-shell-image", )"[^"]*"#\1"cluster.local/busybox:1"#' -e 's#("-shell-image-win", )"[^"]*"#\1"cluster.local/none:1"#' \
    -e "s/\"devel\"/\"$1\"/" \
    -e '/readinessProbe:/,/timeoutSeconds:/s/^( *(initialDelay|period)Seconds:) [0-9]+$/\1 1/' \
    -e '/"-period-seconds",/{n;s/"[0-9]+"/"1"/}' \
    -e '/- \/sbin\/tini/d' -e '/^        - --$/d'
}

documents() { # FILE...
  local file
  for file in "$@"; do
    cat "$file"
    printf '\n---\n'
  done
}

# Folder names starting with numbers are applied in that order upstream too.
pipelines_manifest() {
  (cd "$PIPELINE_CONFIG" && documents 100-namespace/*.yaml 200-*.yaml 201-*.yaml 300-crds/*.yaml 500-webhooks.yaml \
    clusterrole-*.yaml config-*.yaml controller.yaml events.yaml webhook.yaml) | tekton_edit "$PIPELINE_VERSION"
}
resolvers_manifest() {
  (cd "$PIPELINE_CONFIG" && documents resolvers/*.yaml) | tekton_edit "$PIPELINE_VERSION"
}
triggers_manifest() {
  (cd "$TRIGGERS_CONFIG" && documents 200-*.yaml 201-*.yaml 300-*.yaml 500-webhooks.yaml \
    clusterrole-*.yaml config-*.yaml controller*.yaml webhook*.yaml) | tekton_edit "$TRIGGERS_VERSION"
}
interceptors_manifest() {
  (cd "$TRIGGERS_CONFIG/interceptors" && documents core-interceptors.yaml 00-*.yaml core-interceptors-deployment.yaml) |
    tekton_edit "$TRIGGERS_VERSION"
}

# Again and again: between a webhook's registration and its pod being ready, what it guards cannot be written.
apply() { # MANIFEST_FUNCTION
  local file=$RUN/$1.yaml end=$((SECONDS + 120))
  "$1" >"$file"
  until kubectl apply --server-side --force-conflicts -f "$file" >"$LOG/apply.log" 2>&1; do
    [ $SECONDS -lt $end ] || die "cannot apply $file: $(tail -n 2 "$LOG/apply.log")"
    sleep 0.5
  done
}

wait_available() { # NAMESPACE WHAT...
  local namespace=$1
  shift
  kubectl -n "$namespace" wait --for=condition=Available "$@" --timeout=240s ||
    die "not available in $namespace: $(kubectl -n "$namespace" get pods 2>&1)"
}

install_tekton() {
  PIPELINE_CONFIG=$(module_dir github.com/tektoncd/pipeline)/config PIPELINE_VERSION=$(module_version github.com/tektoncd/pipeline)
  TRIGGERS_CONFIG=$(module_dir github.com/tektoncd/triggers)/config TRIGGERS_VERSION=$(module_version github.com/tektoncd/triggers)
  echo "applying manifests"
  apply pipelines_manifest
  apply triggers_manifest
  [ -z "${COUNTERSIGN_RESOLVERS:-}" ] || apply resolvers_manifest
  # ClusterInterceptors need the triggers webhook, and must exist before the interceptors' pod starts: it writes its CA
  # into them at its start and then every minute; an EventListener that starts in between exits and backs off.
  echo "waiting for pods"
  wait_available tekton-pipelines deploy/tekton-triggers-webhook
  apply interceptors_manifest
  wait_available tekton-pipelines deploy --all
  [ -z "${COUNTERSIGN_RESOLVERS:-}" ] || wait_available tekton-pipelines-resolvers deploy --all
  wait_for tekton 90 interceptors_have_ca # a busy machine: its first list may lack some, and the next is a minute later
}
interceptors_have_ca() {
  [ "$(kubectl get clusterinterceptor github cel -o jsonpath='{.items[*].spec.clientConfig.caBundle}' | wc -w)" = 2 ]
}
