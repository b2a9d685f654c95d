#!/usr/bin/env bash
# images.sh [TAG]: builds the images with whichever of docker, podman and buildah is there, and pushes
# them where REGISTRY names a registry. These variables may be set:
#   ROLES          "daemon actor search trainer operator league cli redis", or some of them
#   REGISTRY       registry.example.com/team: build under this prefix, then push; sign in before
#   PUSH           no: build only
#   BASE           the base image; pin it by its digest: docker.io/library/debian@sha256:…
#   VARIANT        of the trainer: cuda (default) or cpu
#   BUILDER        docker, podman or buildah, where several are there
#   BUILD_OPTIONS  for the builder, as they stand
#   PUSH_OPTIONS   for its push, as they stand, such as --tls-verify=false (podman and buildah)
set -euo pipefail
cd "$(dirname "$0")"
. images/engine.sh
tag=${1:-0.1.0}
[[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || die "'$tag' is no tag: write one such as 0.1.0"
case ${VARIANT:=cuda} in cuda | cpu) ;; *) die "VARIANT=$VARIANT: choose cuda or cpu" ;; esac
case ${PUSH:=yes} in yes | no) ;; *) die "PUSH=$PUSH: choose yes or no" ;; esac
roles=${ROLES:-$ALL_ROLES}
for role in $roles; do dockerfile "$role" >/dev/null; done
builder=$(engine)

# What the labels say comes from the commit, so that the same commit gives the same labels.
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || revision=$revision-changed
created=$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null || echo 1970-01-01T00:00:00Z)
options=(--build-arg "VERSION=$tag" --build-arg "REVISION=$revision" --build-arg "CREATED=$created")
options+=(--build-arg "SOURCE=${SOURCE:-}" ${BASE:+--build-arg "BASE=$BASE"})
# Health checks are a part of Docker's format and not of OCI's.
[ "$builder" = docker ] || options+=(--format docker)
for role in $roles; do
  name=${REGISTRY:-localhost}/trainingrun-$role:$tag
  extra=()
  case $role in
    trainer) extra=(--build-arg "VARIANT=$VARIANT") ;;
    actor | search) extra=(--target "$role") ;;
  esac
  # shellcheck disable=SC2086 # options are meant to be split
  "$builder" build "${options[@]}" "${extra[@]}" ${BUILD_OPTIONS:-} -f "$(dockerfile "$role")" -t "$name" . ||
    die "$name could not be built: what $builder says stands above"
  echo "built $name"
done

# All are built before the first is pushed: a registry never holds half of a release.
[ -n "${REGISTRY:-}" ] && [ "$PUSH" = yes ] || exit 0
for role in $roles; do
  name=$REGISTRY/trainingrun-$role:$tag
  # shellcheck disable=SC2086 # options are meant to be split
  "$builder" push ${PUSH_OPTIONS:-} "$name" ||
    die "$name could not be pushed: what $builder says stands above (is it signed in? $builder login ${REGISTRY%%/*})"
  echo "pushed $name"
done
