#!/bin/sh
# run.sh - check the models of the channel with spin: the designs must have no error, each mutation must
# have one.  Prints a line for each.  Needs spin and a C compiler; exit 77 (skipped) without spin.
set -u

here=$(cd "$(dirname "$0")" && pwd)
command -v spin >/dev/null || { echo "skip: spin is not installed"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cp "$here"/*.pml "$dir" && cd "$dir" || exit 1
failed=0

# check WANT MODEL [DEFINITION...]
# WANT is `right` (no error), or the error that must be found: `stuck` (a process waits for ever) or
# `violated` (an assertion)
check()
{
	want=$1 model=$2
	shift 2
	flags=
	for d; do flags="$flags -D$d"; done
	what="$model${*:+ $*}"
	if ! { spin $flags -a "$model.pml" && ${CC:-cc} -O2 -w -DSAFETY -DVECTORSZ=4096 -o pan pan.c; } \
	    >build.log 2>&1; then
		fail "$what: does not build" build.log
		return
	fi
	timeout 120 ./pan -m1000000 -w22 >pan.log 2>&1
	states=$(sed -n 's/^ *\([0-9][0-9]*\) states, stored.*/\1/p' pan.log)
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
	found=$(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' pan.log)
	case $want:$found in
	right:)
		if [ "$errors" != 0 ] || grep -q 'max search depth too small' pan.log; then
			fail "$what: the search did not end" pan.log
		else
			echo "ok   $what: no error in $states states"
		fi ;;
	stuck:'invalid end state' | violated:'assertion violated ('*)
		echo "ok   $what: $found, as it must be" ;;
	*)
		fail "$what: ${found:-no error in $states states}, and should be $want" /dev/null ;;
	esac
}

fail()
{
	echo "FAIL $1"
	tail -5 "$2"
	failed=1
}

for mode in 0 2; do
	check right wake MODE=$mode
	check stuck wake MODE=$mode NO_PRODUCER_FENCE
	check stuck wake MODE=$mode NO_CONSUMER_FENCE
	check stuck wake MODE=$mode NO_RECHECK
done
check right wake MODE=0 DEATH
check stuck wake MODE=1
check right kick
check right kick ROOM=2
check stuck kick NO_PRODUCER_FENCE
check stuck kick NO_CONSUMER_FENCE
check stuck kick NO_RECHECK
check stuck kick DRAIN_LATE
check stuck kick NOT_LATCHED
check right round
check right round WINDOW=2
check stuck round NO_SUBMIT_FENCE
check stuck round NO_SIGNAL_FENCE
check stuck round NO_ARM_FENCE
check stuck round NO_SLEEP_FENCE
check right crash
check right crash NO_FINAL_HARVEST
check violated crash REQUEUE_ON_TIMEOUT
check violated crash NO_TABLE
exit $failed
