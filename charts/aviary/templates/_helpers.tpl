{{/*
The names are those of Flagger's chart, so that `helm upgrade` from that chart keeps the Deployment's selector,
which Kubernetes does not allow to change.
*/}}
{{- define "flagger.name" -}}
{{- default "flagger" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "flagger.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "flagger.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "flagger.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "flagger.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "flagger.selector" -}}
app.kubernetes.io/name: {{ include "flagger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "flagger.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "flagger.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "console.selector" -}}
app.kubernetes.io/name: {{ include "flagger.name" . }}-console
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "console.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "console.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{/* The heap may use three quarters of the memory limit. Node would take half of the limit. Empty without a limit in Mi or Gi. */}}
{{- define "flagger.heapMegabytes" -}}
{{- $limit := toString (dig "limits" "memory" "" .Values.resources) -}}
{{- if hasSuffix "Gi" $limit -}}
{{- div (mul (trimSuffix "Gi" $limit | float64 | mulf 1024 | int) 3) 4 -}}
{{- else if hasSuffix "Mi" $limit -}}
{{- div (mul (trimSuffix "Mi" $limit | int) 3) 4 -}}
{{- end -}}
{{- end -}}

{{/* A values file that was copied from Flagger's chart names Flagger's image, which does not know this chart's arguments. */}}
{{- define "flagger.isFlaggerImage" -}}
{{- if has .Values.image.repository (list "ghcr.io/fluxcd/flagger" "docker.io/fluxcd/flagger" "fluxcd/flagger" "docker.io/weaveworks/flagger" "weaveworks/flagger") }}true{{ end -}}
{{- end -}}

{{- define "flagger.image" -}}
{{- if include "flagger.isFlaggerImage" . -}}
ghcr.io/aviary-delivery/aviary:{{ .Chart.AppVersion }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}
