#!/bin/sh
# channel.sh - the crash tests of the channel.  Run in the build directory.
#
#   channel.sh [--gate]	the long campaigns: a million jobs, 500 runs of the soak (about five minutes)
set -u

dir=${JOBD_BUILD:-.}/tests/crash
failed=0

run()
{
	name=$1
	shift
	echo "# $name $*"
	timeout 900 "$dir/$name" "$@" && return
	echo "FAIL $name $*: exit $?"
	failed=1
}

case ${1:-} in
'')
	run step_kill 400
	run channel_storm 20000 1000
	run hostile 10000 150
	run hang_soak 40 1000 ;;
--gate)
	run step_kill 1000
	run channel_storm 1000000 10000
	run hostile 300000 3000
	run hang_soak 600 4000 ;;
*)
	echo "usage: channel.sh [--gate]" >&2
	exit 2 ;;
esac
exit $failed
