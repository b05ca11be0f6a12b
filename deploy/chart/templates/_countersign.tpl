{{/* The objects are those of deploy/, as kustomize makes them: make chart puts them into files/. Templates change of them
what values say, and nothing else; a test compares the two. */}}

{{/* countersign.text: a file of objects, in the release's namespace. */}}
{{- define "countersign.text" -}}
{{- $ns := .root.Release.Namespace -}}
{{- .root.Files.Get .file | replace "system:serviceaccount:countersign:" (printf "system:serviceaccount:%s:" $ns) | replace "countersign.countersign" (printf "countersign.%s" $ns) -}}
{{- end -}}

{{/* countersign.place: an object's namespace and that of its subjects, and the labels of the release. */}}
{{- define "countersign.place" -}}
{{- $ns := .root.Release.Namespace -}}
{{- $o := .object -}}
{{- if eq (dig "metadata" "namespace" "" $o) "countersign" }}{{ $_ := set $o.metadata "namespace" $ns }}{{ end -}}
{{- range $s := (default list $o.subjects) }}{{ if eq (default "" $s.namespace) "countersign" }}{{ $_ := set $s "namespace" $ns }}{{ end }}{{ end -}}
{{- $labels := dict "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") "app.kubernetes.io/instance" .root.Release.Name "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_") -}}
{{- $_ := set $o.metadata "labels" (merge (default dict $o.metadata.labels) $labels) -}}
{{- end -}}

{{/* countersign.config: the configuration with what sqlite and postgres say. */}}
{{- define "countersign.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.sqlite.enabled }}{{ $_ := set $config "record" (merge (dict "sqlite" (dict "path" "/var/lib/countersign/record.db")) (default dict $config.record)) }}{{ end -}}
{{- if .Values.postgres.enabled }}{{ $_ := set $config "record" (merge (dict "postgres" (dict "urlFile" "/etc/countersign-secrets/record-url")) (default dict $config.record)) }}{{ end -}}
{{- if $config }}{{ toYaml $config }}{{ end -}}
{{- end -}}

{{/* countersign.deployment: what values change of the Deployment. */}}
{{- define "countersign.deployment" -}}
{{- $v := .root.Values -}}
{{- $spec := .object.spec -}}
{{- $meta := $spec.template.metadata -}}
{{- $pod := $spec.template.spec -}}
{{- $c := first $pod.containers -}}
{{- $_ := set $spec "replicas" (int $v.replicas) -}}
{{- $tag := default .root.Chart.AppVersion $v.image.tag -}}
{{- $image := printf "%s:%s" $v.image.repository $tag -}}
{{- if $v.image.digest }}{{ $image = printf "%s@%s" $v.image.repository $v.image.digest }}{{ end -}}
{{- $_ = set $c "image" $image -}}
{{- if ne $v.image.pullPolicy "IfNotPresent" }}{{ $_ = set $c "imagePullPolicy" $v.image.pullPolicy }}{{ end -}}
{{- $_ = set $c "resources" $v.resources -}}
{{- $args := $c.args -}}
{{- if ne $v.logLevel "info" }}{{ $args = append $args (printf "--log-level=%s" $v.logLevel) }}{{ end -}}
{{- if index $v.components "cert-manager" -}}
{{- $args = append $args "--interceptor-certificate=/etc/countersign-certificate" -}}
{{- $_ = set $c "volumeMounts" (append $c.volumeMounts (dict "name" "certificate" "mountPath" "/etc/countersign-certificate" "readOnly" true)) -}}
{{- $_ = set $pod "volumes" (append $pod.volumes (dict "name" "certificate" "secret" (dict "secretName" "countersign-certificate"))) -}}
{{- end -}}
{{- $_ = set $c "args" (concat $args $v.extraArgs) -}}
{{- if $v.opentelemetry.enabled -}}
{{- $_ = set $c "env" (concat $c.env (list
      (dict "name" "OTEL_EXPORTER_OTLP_ENDPOINT" "value" $v.opentelemetry.endpoint)
      (dict "name" "OTEL_EXPORTER_OTLP_PROTOCOL" "value" $v.opentelemetry.protocol)
      (dict "name" "OTEL_METRICS_EXPORTER" "value" (ternary "otlp" "none" $v.opentelemetry.metrics)))) -}}
{{- end -}}
{{- with $v.extraEnv }}{{ $_ := set $c "env" (concat $c.env .) }}{{ end -}}
{{- if $v.sqlite.enabled -}}
{{- if gt (int $v.replicas) 1 }}{{ fail "sqlite.enabled is for one replica: a file has one writer. Set replicas: 1, or use postgres" }}{{ end -}}
{{- $_ = set $spec "strategy" (dict "type" "Recreate") -}}
{{- $_ = set $c "volumeMounts" (append $c.volumeMounts (dict "name" "record" "mountPath" "/var/lib/countersign")) -}}
{{- $_ = set $pod "volumes" (append $pod.volumes (dict "name" "record" "persistentVolumeClaim" (dict "claimName" "countersign-record"))) -}}
{{- end -}}
{{- if $v.openshift }}{{ $_ := set $pod "securityContext" (omit $pod.securityContext "runAsUser" "runAsGroup" "fsGroup") }}{{ end -}}
{{- with $v.imagePullSecrets }}{{ $_ := set $pod "imagePullSecrets" . }}{{ end -}}
{{- with $v.nodeSelector }}{{ $_ := set $pod "nodeSelector" . }}{{ end -}}
{{- with $v.tolerations }}{{ $_ := set $pod "tolerations" . }}{{ end -}}
{{- with $v.affinity }}{{ $_ := set $pod "affinity" . }}{{ end -}}
{{- with $v.topologySpreadConstraints }}{{ $_ := set $pod "topologySpreadConstraints" . }}{{ end -}}
{{- with $v.priorityClassName }}{{ $_ := set $pod "priorityClassName" . }}{{ end -}}
{{- $_ = set $meta "labels" (merge $meta.labels (dict "app.kubernetes.io/version" (.root.Chart.AppVersion | replace "+" "_")) $v.podLabels) -}}
{{- $_ = set $meta "annotations" (merge $meta.annotations $v.podAnnotations) -}}
{{/* A change of the configuration is a new rollout. */}}
{{- with include "countersign.config" .root }}{{ $_ := set $meta.annotations "checksum/config" (sha256sum .) }}{{ end -}}
{{- end -}}
