#!/usr/bin/env bash
# sbom.sh [TAG]: lists what each image is made of, Debian's packages and Python's, in CycloneDX:
# build/sbom/trainingrun-ROLE.cdx.json. The lister is Syft: the one on PATH or that SYFT names, else
# it is built once from its Go module into the cache. Nothing is asked for over the network.
#   ROLES, REGISTRY, BUILDER   as for images.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. images/engine.sh
tag=${1:-0.1.0}
version=v1.54.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trainingrun/syft-$version

# Prints the program.
syft() {
  local found=${SYFT:-$(type -P syft || true)}
  [ -n "$found" ] || found=$cache/syft
  if [ ! -x "$found" ]; then
    [ -z "${SYFT:-}" ] || die "SYFT=$SYFT is no program: name one, or leave it out"
    command -v go >/dev/null || die "no syft on PATH, and no Go to build it: install one of them"
    echo "building syft $version (ten minutes or more, once)" >&2
    GOBIN=$cache CGO_ENABLED=0 go install -ldflags '-s -w' "github.com/anchore/syft/cmd/syft@$version" >&2 ||
      die "syft could not be built: what go says stands above"
  fi
  echo "$found"
}

program=$(syft)
builder=$(engine)
mkdir -p build/sbom
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The packages, and not every file of theirs.
export SYFT_CHECK_FOR_APP_UPDATE=false SYFT_FILE_METADATA_SELECTION=none
for role in ${ROLES:-$ALL_ROLES}; do
  name=${REGISTRY:-localhost}/trainingrun-$role:$tag
  archive "$builder" "$name" "$work/image.tar"
  "$program" scan "docker-archive:$work/image.tar" --quiet --source-name "trainingrun-$role" --source-version "$tag" \
    --output "cyclonedx-json=build/sbom/trainingrun-$role.cdx.json" || die "$name could not be read: what syft says stands above"
  rm -f "$work/image.tar"
  echo "wrote build/sbom/trainingrun-$role.cdx.json"
done
