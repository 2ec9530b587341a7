#!/bin/sh
# planted.sh - are the crash campaigns worth anything?  Each patch in tests/crash/planted plants one bug into a
# copy of the tree; the campaign that its first line names (`caught by: PROGRAM ARGUMENTS`) must fail with it.
#
#   planted.sh [NAME...]	all, or the named ones
#   planted.sh -n		only: does each still apply?
#
# Exit status: 0 when every bug was caught.
set -u

source=$(cd "$(dirname "$0")/../.." && pwd)
patches=$source/tests/crash/planted
if [ "${1-}" = -n ]; then
	status=0
	for file in "$patches"/*.patch; do
		(cd "$source" && patch -s -p1 --dry-run) <"$file" || status=1
	done
	exit "$status"
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/tree" "$work/build" &&
    (cd "$source" && tar -cf - --exclude=.git --exclude=autom4te.cache .) | tar -xf - -C "$work/tree" &&
    cd "$work/tree" && { [ -x configure ] || autoreconf -fi; } >"$work/log" 2>&1 &&
    cd "$work/build" && ../tree/configure -q >>"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }

build() {
	make -s -j "$(nproc)" -C "$work/build" CFLAGS="-O1 -w" >"$work/log" 2>&1 || {
		tail -n 20 "$work/log"
		return 1
	}
}

change() {	# NAME [-R]
	(cd "$work/tree" && patch -s -p1 ${2-}) <"$patches/$1.patch" &&
	    touch $(sed -n "s|^+++ b/|$work/tree/|p" "$patches/$1.patch")
}

campaign() {	# NAME: what its first line says
	# shellcheck disable=SC2046
	JOBD_BUILD=$work/build timeout 600 python3 -B "$source/tests/crash/"$(sed -n \
	    '1s/^caught by: //p' "$patches/$1.patch") >"$work/out" 2>&1
}

failed=0
[ $# -gt 0 ] || set -- $(cd "$patches" && ls | sed -n 's/\.patch$//p')
for bug in "$@"; do
	if ! change "$bug" || ! build; then
		echo "not ok - $bug: does not apply, or does not build"
		exit 1
	fi
	if campaign "$bug"; then
		echo "not ok - $bug: nothing noticed"
		failed=1
	elif how=$(grep -aE '^([a-z.]*Broken|AssertionError|assert)' "$work/out" | tail -1 | cut -c1-120); [ -n "$how" ]; then
		echo "ok - $bug ($how)"
	else
		echo "not ok - $bug: the campaign failed in another way"
		tail -n 20 "$work/out"
		failed=1
	fi
	change "$bug" -R || exit 1
done
exit "$failed"
