#!/bin/sh
# run.sh SECONDS - builds the fuzz targets with clang and the sanitizers, and runs each for so long.
#
# BUILD or JOBD_BUILD: the build directory to use and keep; without it a temporary one.
# JOBS: targets at once (2).  One line per target.  Exit 1 when one has crashed; its input is kept, and the line says where.
set -eu

seconds=${1:?usage: tests/fuzz/run.sh SECONDS}
src=$(cd "$(dirname "$0")/../.." && pwd)
jobs=${JOBS:-2}
work=$(mktemp -d)
build=${BUILD:-${JOBD_BUILD:-$work/build}}
keep=0
trap '[ $keep = 1 ] || rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Configures where that has not been done, and builds all targets.
build_targets() {
	mkdir -p "$build"
	cd "$build"
	build=$PWD
	if [ ! -x "$src/configure" ]; then
		(cd "$src" && autoreconf -fi) >"$work/build.log" 2>&1 || return 1
	fi
	if [ ! -f Makefile ]; then
		"$src/configure" -q CC=clang CFLAGS='-O1 -g' --enable-fuzzing \
		    --with-sanitizers=address,undefined >"$work/build.log" 2>&1 || return 1
	fi
	# shellcheck disable=SC2046,SC2086	# one argument each
	make -s -j"$jobs" $(printf 'tests/fuzz/%s ' $targets) >"$work/build.log" 2>&1
}

# Runs target $1: a line to $work/$1.line, its status to $work/$1.status.
run_target() {
	mkdir -p "$work/$1"
	set -- "$1" "$work/$1"
	[ ! -d "$src/tests/fuzz/corpus/$1" ] || set -- "$@" "$src/tests/fuzz/corpus/$1"
	target=$1
	shift
	status=0
	"$build/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
	    -max_len=4096 -print_final_stats=1 -artifact_prefix="$work/$target-" "$@" \
	    >"$work/$target.log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
	cov=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/$target.log" | tail -n 1)
	if [ $status = 0 ]; then
		echo "$target: ok, ${runs:-0} runs in $seconds s, coverage ${cov:-0}"
	else
		echo "$target: FAILED, see $work/$target.log and the input beside it"
	fi >"$work/$target.line"
	echo $status >"$work/$target.status"
}

targets=$(cd "$src/tests/fuzz" && for f in *.c; do echo "${f%.c}"; done)
if ! build_targets; then
	tail -n 30 "$work/build.log" >&2
	echo "the fuzz targets cannot be built" >&2
	exit 1
fi

running=0
for t in $targets; do
	run_target "$t" &
	running=$((running + 1))
	if [ $running -ge "$jobs" ]; then
		wait
		running=0
	fi
done
wait

for t in $targets; do
	cat "$work/$t.line"
	[ "$(cat "$work/$t.status")" = 0 ] || keep=1
done
exit $keep
