{{/* Name of the operator's objects. The release "trainingrun" gives "trainingrun-operator". */}}
{{- define "trainingrun.fullname" -}}
{{- printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of the operator's service account. */}}
{{- define "trainingrun.serviceAccountName" -}}
{{- default (include "trainingrun.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Labels that select the operator's pods; they never change. */}}
{{- define "trainingrun.selectorLabels" -}}
app.kubernetes.io/name: trainingrun
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of all objects of the chart. */}}
{{- define "trainingrun.labels" -}}
{{ include "trainingrun.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* What the schema cannot say in a sentence; refuses the values, and renders nothing. */}}
{{- define "trainingrun.check" -}}
{{- if eq (int .Values.metrics.port) 8080 -}}
{{- fail "metrics.port: 8080 is the port of the probes, choose another one" -}}
{{- end -}}
{{- end -}}

{{/* Image of a part: list of the root and the part. Its own value, else the name that `make images` gives it. */}}
{{- define "trainingrun.image" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $images := $root.Values.images -}}
{{- $tag := default $root.Chart.AppVersion $images.tag -}}
{{- default (printf "%s/trainingrun-%s:%s" $images.registry $part $tag) (get $images $part) -}}
{{- end -}}
