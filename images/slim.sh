#!/bin/sh
# slim.sh VENV [PATH…]: for a build stage. Takes out of a virtual environment what a container never
# reads (tests, type stubs, headers, activation scripts, and each PATH below its site-packages), then
# compiles the rest: bytecode that is never checked against its source is the same in every build.
set -eu
venv=$1
shift
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cd "$site"
# A PATH may be a pattern. Of a whole package its metadata go, too: no list shall name what is not there.
# shellcheck disable=SC2048
for path in $*; do
  rm -rf "./$path"
  case $path in */*) ;; *) rm -rf "./$path"-[0-9]*.dist-info ;; esac
done
find . -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.hpp' -o -name '*.a' \) -delete
rm -rf "$venv"/bin/[Aa]ctivate* "$venv/include" "$venv/share/man" "$venv/share/doc"
"$venv/bin/python" -m compileall -q -j 1 --invalidation-mode unchecked-hash . ||
  echo "slim.sh: some files are no Python of this version and stay as source" >&2
