#!/usr/bin/env bash
# images.sh [TAG]: builds the four images with whichever of docker, podman or buildah is there.
# BASE, REGISTRY (a prefix such as registry.example.com/team) and BUILD_OPTIONS may be set.
set -euo pipefail
cd "$(dirname "$0")"
tag=${1:-0.1.0}
for builder in docker podman buildah ''; do
  [ -n "$builder" ] || { echo "none of docker, podman and buildah is installed" >&2; exit 2; }
  command -v "$builder" >/dev/null && break
done
for role in daemon actor trainer operator; do
  name=${REGISTRY:-localhost}/trainingrun-$role:$tag
  # shellcheck disable=SC2086 # options are meant to be split
  "$builder" build ${BASE:+--build-arg BASE=$BASE} ${BUILD_OPTIONS:-} -f "Dockerfile.$role" -t "$name" .
  echo "built $name"
done
