#!/bin/sh
# run.sh [PART...] - jobd beside bare servers and its peers in one run: ratios of medians, and one table in
# the end that says of each target what was measured and whether it is met.
#
# Installs the peers from Debian packages, starts them on loopback on free ports, stops them in the end.
#
#   PART         of targets.py: speed, peers, memory, deep, durable, commands, or a function of speed.py, durable.py
#                or commands.py; all, and the channel and the scanner too, by default
#   JOBD_BUILD   build directory, built (the source's own)
#   ROUNDS       rounds of each measurement (5)
#   DEEP_JOBS    jobs that wait in the part deep (1000000)
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
: "${JOBD_BUILD:=$source}" "${ROUNDS:=5}" "${CC:=cc}"
export JOBD_BUILD ROUNDS
"$source/etc/install-packages.sh" build bench

[ -x "$JOBD_BUILD/jobd" ] || {
	echo "run.sh: no jobd in $JOBD_BUILD: build it first, or say JOBD_BUILD=DIRECTORY" >&2
	exit 1
}
make -s -C "$JOBD_BUILD" tests/bench/channel tests/bench/channel_kills tests/bench/scan tests/bench/spawn \
	jobd-exec

programs=$(mktemp -d "${TMPDIR:-/tmp}/jobd-bench.XXXXXX")
trap 'rm -rf "$programs"' EXIT
trap 'exit 130' INT TERM HUP

build() {	# PROGRAM LIBRARY...
	program=$1
	shift
	$CC -std=gnu17 -O2 -D_GNU_SOURCE -I"$source" -o "$programs/$program" "$source/tests/bench/$program.c" "$@"
}
for program in jobd_client connections fill submits beanstalkd_client redis_client gearman_raw_client \
    gearman_raw_worker; do
	build "$program"
done
build round_trip "$JOBD_BUILD/libchannel.a" "$JOBD_BUILD/liblib.a"
build echo_server $(pkg-config --cflags --libs libevent_core libevent_extra jansson)
build gearman_client -lgearman
build gearman_worker -lgearman
ln -s "$JOBD_BUILD/tests/bench/spawn" "$programs/spawn"
export BENCH_PROGRAMS="$programs"

echo "== machine: $(nproc) cores, kernel $(uname -r), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)"
if [ $# -eq 0 ]; then
	"$JOBD_BUILD/tests/bench/channel" --rounds "$ROUNDS"
	"$JOBD_BUILD/tests/bench/channel_kills"
	echo
	"$JOBD_BUILD/tests/bench/scan"
	"$JOBD_BUILD/tests/bench/spawn" "$JOBD_BUILD/jobd-exec"
fi
python3 -B "$source/tests/bench/targets.py" "$@"
