#!/usr/bin/env bash
# load.sh [TAG]: gives the images that images.sh has built to a cluster on this machine.
#   TARGET     kind, minikube, k3s or containerd; default: the first of them that runs
#   CLUSTER    of kind or minikube, where there are several
#   ROLES, REGISTRY, BUILDER   as for images.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. images/engine.sh
tag=${1:-0.1.0}

# Whether a kind of cluster runs here.
runs() {
  case $1 in
    kind) command -v kind >/dev/null && [ -n "$(kind get clusters 2>/dev/null)" ] ;;
    minikube) command -v minikube >/dev/null && minikube ${CLUSTER:+--profile "$CLUSTER"} status >/dev/null 2>&1 ;;
    k3s) command -v k3s >/dev/null && k3s ctr version >/dev/null 2>&1 ;;
    containerd) command -v ctr >/dev/null && ctr version >/dev/null 2>&1 ;;
    *) die "TARGET=$1: choose kind, minikube, k3s or containerd" ;;
  esac
}

# Gives an archive to the cluster.
load() {
  case $target in
    kind) kind load image-archive "$1" ${CLUSTER:+--name "$CLUSTER"} ;;
    minikube) minikube ${CLUSTER:+--profile "$CLUSTER"} image load "$1" ;;
    k3s) k3s ctr images import "$1" ;;
    containerd) ctr --namespace k8s.io images import "$1" ;;
  esac
}

target=${TARGET:-}
if [ -n "$target" ]; then
  runs "$target" || die "no $target runs here that this user may use: start it (containerd and k3s: as root), or choose another TARGET"
else
  for each in kind minikube k3s containerd; do
    if runs "$each"; then target=$each && break; fi
  done
  [ -n "$target" ] || die "no cluster runs here: start kind, minikube, k3s or containerd. For a cluster elsewhere push: REGISTRY=registry.example.com/team ./images.sh $tag"
fi
builder=$(engine)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for role in ${ROLES:-$ALL_ROLES}; do
  name=${REGISTRY:-localhost}/trainingrun-$role:$tag
  archive "$builder" "$name" "$work/image.tar"
  load "$work/image.tar" >/dev/null || die "$target did not take $name: what it says stands above"
  rm -f "$work/image.tar"
  echo "loaded $name into $target"
done
