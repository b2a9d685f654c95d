# Sourced by the scripts about images: which of docker, podman and buildah to use.
# shellcheck shell=bash

# The images of a release, each called trainingrun-ROLE.
# shellcheck disable=SC2034 # the scripts that source this file use it
ALL_ROLES="daemon actor search trainer operator league cli redis"

die() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# Prints the first one that can be used; BUILDER names it where several can.
engine() {
  local each silent=
  for each in ${BUILDER:-docker podman buildah}; do
    command -v "$each" >/dev/null || continue
    # A docker whose daemon is away can build nothing.
    if [ "$each" = docker ] && ! docker info >/dev/null 2>&1; then
      silent=" (docker is installed, but its daemon does not answer: start it)"
      continue
    fi
    echo "$each"
    return
  done
  [ -z "${BUILDER:-}" ] || die "BUILDER=$BUILDER cannot be used$silent: install it, or choose docker, podman or buildah"
  die "none of docker, podman and buildah can be used$silent: install one of them"
}

# dockerfile ROLE: prints the path of its Dockerfile, or fails where there is no such role.
dockerfile() {
  local each
  # One file has both: an image of searches is an actor's with what compiles them.
  [ "$1" != search ] || set -- actor
  for each in "Dockerfile.$1" "images/Dockerfile.$1"; do
    if [ -f "$each" ]; then echo "$each" && return; fi
  done
  die "no image is called '$1': choose among ${ALL_ROLES// /, }"
}

# archive BUILDER IMAGE FILE: writes an image to a file.
archive() {
  case $1 in
    buildah) buildah push --quiet "$2" "docker-archive:$3:$2" >/dev/null ;;
    *) "$1" save --output "$3" "$2" ;;
  esac || die "$2 cannot be saved: build it first, with make images"
}
