#!/bin/sh
# planted.sh - are the tests of the scheduler worth anything?  Each patch in tests/sim/planted
# plants one bug; the simulation (or, where it cannot, the unit test) must fail with it.
#
#   planted.sh [NAME...]	all, or the named ones
#   planted.sh -n		only: does each still apply?
#
#   CC		compiler (cc)
#   SEEDS	of the simulation (1-1000)
#
# Exit status: 0 when every bug was caught.
set -u

source=$(cd "$(dirname "$0")/../.." && pwd)
: "${CC:=cc}" "${SEEDS:=1-1000}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
flags="-std=gnu17 -O1 -g -w -D_GNU_SOURCE -I$work/tree"
flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all"

if [ "${1-}" = -n ]; then
	status=0
	for file in "$source"/tests/sim/planted/*.patch; do
		(cd "$source" && patch -s -p1 --dry-run) <"$file" || status=1
	done
	exit "$status"
fi

# The pieces that a bug can be in, copied; everything else is compiled once.
mkdir -p "$work/tree/daemon/broker" "$work/objects" "$work/sims" "$work/core"
for part in lib proto workers tests daemon/broker/core daemon/broker/store; do
	cp -R "$source/$part" "$work/tree/$(dirname $part)/"
done
sims="allowed bench clients crash groups judge life model model_group model_life model_move model_store"
sims="$sims model_unique operator promise saved sim store workers world writer"
others="lib/alloc lib/buckets lib/buf lib/clock lib/heap lib/idset lib/log lib/map lib/names lib/parse lib/slab lib/utf8
	proto/jobspec proto/traceparent
	proto/json_scan proto/json_decode proto/retry_policy proto/rpc proto/rpc_params proto/rpc_rows"
texts="daemon/broker/store/record_print daemon/broker/store/record_read daemon/broker/store/record_unique"
compile() {
	$CC $flags -c "$work/tree/$1.c" -o "$2" || exit 1
}
for file in $others $texts; do
	compile "$file" "$work/objects/$(basename "$file").o"
done
for file in $sims; do
	compile "tests/sim/$file" "$work/sims/$file.o"
done
compile tests/unit/core "$work/unit.o"
compile tests/unit/core_rig "$work/unit_rig.o"
compile tests/unit/core_life "$work/unit_life.o"
compile tests/unit/core_pools "$work/unit_pools.o"

# build: the simulation and the unit test with the core that is in the tree now
build() {
	for file in "$work"/tree/daemon/broker/core/*.c; do
		object=$work/core/$(basename "$file" .c).o
		[ -f "$object" ] && continue
		$CC $flags -c "$file" -o "$object" || return 1
	done
	$CC $flags "$work"/objects/*.o "$work"/sims/*.o "$work"/core/*.o -o "$work/sim" &&
	    $CC $flags "$work/unit.o" "$work"/objects/*.o "$work"/core/*.o -lcmocka -o "$work/unit" &&
	    $CC $flags "$work/unit_life.o" "$work/unit_rig.o" "$work"/objects/*.o "$work"/core/*.o -lcmocka \
	    -o "$work/unit_life" &&
	    $CC $flags "$work/unit_pools.o" "$work/unit_rig.o" "$work"/objects/*.o "$work"/core/*.o -lcmocka \
	    -o "$work/unit_pools"
}

# change PATCH [-R]: applies it, or takes it back; what it touches is compiled anew
change() {
	(cd "$work/tree" && patch -s -p1 ${2-}) <"$source/tests/sim/planted/$1.patch" || return 1
	for file in $(sed -n 's/^+++ b\///p' "$source/tests/sim/planted/$1.patch"); do
		case $file in
		*.h) rm -f "$work"/core/*.o ;;
		*) rm -f "$work/core/$(basename "$file" .c).o" ;;
		esac
	done
}

# caught: does a test fail?  Says which.
caught() {
	if ! timeout 120 "$work/sim" --seeds "$SEEDS" >"$work/out" 2>&1; then
		how=$(sed -n 's/^violation at [0-9]* ns: //p; s/^core_check: [^:]*:[0-9]*: //p
			s/^SUMMARY: //p' "$work/out" | head -1 | cut -c1-90)
		seed=$(sed -n 's/^not ok 1 - \(seed [0-9]*\).*/\1/p' "$work/out")
		echo "simulation, $seed: $how"
	elif ! timeout 60 "$work/unit" >"$work/out" 2>&1 ||
	    ! timeout 60 "$work/unit_life" >"$work/out" 2>&1 ||
	    ! timeout 60 "$work/unit_pools" >"$work/out" 2>&1; then
		echo "unit test"
	else
		return 1
	fi
}

build || exit 1
if how=$(caught); then
	echo "planted: the tests fail without any bug: $how" >&2
	exit 1
fi
failed=0
[ $# -gt 0 ] || set -- $(cd "$source/tests/sim/planted" && ls | sed -n 's/\.patch$//p')
for bug in "$@"; do
	if ! change "$bug"; then
		echo "not ok - $bug: the patch does not apply any more"
		failed=1
		continue
	fi
	if ! build; then
		echo "not ok - $bug: does not build"
		failed=1
	elif how=$(caught); then
		echo "ok - $bug ($how)"
	else
		echo "not ok - $bug: nothing noticed"
		failed=1
	fi
	change "$bug" -R || exit 1
done
exit "$failed"
