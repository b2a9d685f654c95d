{{/*
Whether an object for another operator is wanted: list of the root, the choice (auto, always, never)
and the kind that the cluster must serve for "auto". Answers "yes" or nothing.
*/}}
{{- define "trainingrun.wanted" -}}
{{- $root := index . 0 -}}
{{- $choice := index . 1 -}}
{{- $kind := index . 2 -}}
{{- if or (eq $choice "always") (and (eq $choice "auto") ($root.Capabilities.APIVersions.Has $kind)) -}}
yes
{{- end -}}
{{- end -}}
