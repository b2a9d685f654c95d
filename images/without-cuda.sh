#!/bin/sh
# without-cuda.sh VENV: for a build stage. PyPI's torch is linked against NVIDIA's libraries and cannot be
# imported without them, though a machine without a GPU never calls them. This puts a stub in the place of
# each large one: the same name and version, and every function that torch refers to, which answers with an
# error. What is small (the CUDA runtime, which says that there is no GPU) stays as it is. Needs binutils.
#
# Another index has builds for processors alone (TORCH_INDEX in Dockerfile.trainer); this needs none.
set -eu
site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cd "$site"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -d nvidia ] || { echo "without-cuda.sh: $site has no folder nvidia: is this torch for CUDA?" >&2; exit 1; }
# Symbols by name, without their versions.
nm -D --undefined-only torch/lib/*.so | awk 'NF == 2 { sub(/@.*/, "", $2); print $2 }' | sort -u > "$work/wanted"

find nvidia -type f \( -name '*.so' -o -name '*.so.[0-9]*' \) -size +512k > "$work/large"
while read -r library; do
  name=$(basename "$library")
  case $name in
    # They hold data that torch refers to, or are called on machines without a GPU, too.
    libcudart.so.* | libcupti.so.* | libcufile.so.* | libnvshmem_host.so.*) strip --strip-unneeded "$library" 2>/dev/null || true; continue ;;
  esac
  nm -D --defined-only "$library" | awk 'NF == 3 { print $3 }' > "$work/defined"
  sed 's/@.*//' "$work/defined" | sort -u | comm -12 - "$work/wanted" > "$work/symbols"
  version=$(sed -n 's/.*@@//p' "$work/defined" | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
  {
    echo .text
    awk '{ printf ".globl %s\n.type %s, @function\n%s:\n", $1, $1, $1 }' "$work/symbols"
    # 100 is an error in each of these libraries (cudaErrorNoDevice). x86-64; on others: not tried.
    printf '%s\n' "mov \$100, %eax" ret '.section .note.GNU-stack,"",@progbits'
  } > "$work/stub.s"
  as -o "$work/stub.o" "$work/stub.s"
  set -- -shared -soname "$name"
  if [ -n "$version" ] && [ -s "$work/symbols" ]; then
    echo "$version { global: *; };" > "$work/versions"
    set -- "$@" --version-script "$work/versions"
  fi
  ld "$@" -o "$work/stub.so" "$work/stub.o"
  mv "$work/stub.so" "$library"
done < "$work/large"
# Code for devices, headers and archives.
find nvidia -type f \( -name '*.bc' -o -name '*.a' -o -name '*.h' -o -name '*.hpp' \) -delete
find nvidia -type d -name include -prune -exec rm -rf {} +
