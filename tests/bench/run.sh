#!/bin/sh
# run.sh - jobd beside its peers in one run: ratios of medians, against the targets.
#
# Installs the peers from Debian packages, starts them on loopback on free ports, stops them in the end.
#
#   JOBD_BUILD   build directory, built (the source's own)
#   ROUNDS       rounds of each measurement (5)
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
: "${JOBD_BUILD:=$source}" "${ROUNDS:=5}" "${CC:=cc}"
export JOBD_BUILD ROUNDS
"$source/etc/install-packages.sh" build bench

[ -x "$JOBD_BUILD/jobd" ] || {
	echo "run.sh: no jobd in $JOBD_BUILD: build it first, or say JOBD_BUILD=DIRECTORY" >&2
	exit 1
}
make -s -C "$JOBD_BUILD" tests/bench/channel tests/bench/channel_kills tests/bench/scan

programs=$(mktemp -d "${TMPDIR:-/tmp}/jobd-bench.XXXXXX")
trap 'rm -rf "$programs"' EXIT
trap 'exit 130' INT TERM HUP

build() {	# PROGRAM LIBRARY...
	program=$1
	shift
	$CC -std=gnu17 -O2 -D_GNU_SOURCE -I"$source" -o "$programs/$program" "$source/tests/bench/$program.c" "$@"
}
build jobd_client
build beanstalkd_client
build gearman_client -lgearman
build gearman_worker -lgearman

echo "== machine: $(nproc) cores, kernel $(uname -r), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
python3 -B "$source/tests/bench/peers.py" "$programs"
python3 -B "$source/tests/bench/memory.py"

echo
"$JOBD_BUILD/tests/bench/channel" --rounds "$ROUNDS"
"$JOBD_BUILD/tests/bench/channel_kills"
echo
"$JOBD_BUILD/tests/bench/scan"
