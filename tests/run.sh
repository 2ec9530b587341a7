#!/bin/bash
# run.sh [--gate] [STAGE...] - install what is needed, build, and pass every test.
#
# Each stage prints one line with its time; a failed one shows the end of its log.  The last line is
# `N passed, M failed`, and the exit status agrees with it.  --gate adds the long campaigns (at most half an
# hour more).  With names of stages, only those (and the builds they need) are run.
set -u

source=$(cd "$(dirname "$0")/.." && pwd)
# Debian's own Python, which has Debian's jsonschema, also for scripts that begin with env python3.
export PATH=/usr/bin:/bin:$PATH
jobs=$(nproc)
gate=
limit=1200		# seconds that a stage may take
wanted=
for argument in "$@"; do
	case $argument in
	--gate) gate=--gate limit=2400 ;;
	-*)
		sed -n 's/^# //p' "$0" >&2
		exit 2
		;;
	*) wanted="$wanted $argument" ;;
	esac
done

umask 022
work=$(mktemp -d "${TMPDIR:-/tmp}/jobd-tests.XXXXXX")
chmod 711 "$work"	# started as root, the daemon and its workers are others
group=			# of the stage that runs
trap '[ -z "$group" ] || kill -KILL -- -"$group"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
passed=0
failed=0

# How many tests a stage's log tells of: automake's or unittest's totals, lines of `ok` and `FAIL`, else the
# stage counts as one.
count() {
	awk -v which="$2" '
		/^# PASS:/ { good += $3; seen = 1 }
		/^# (SKIP|FAIL|ERROR|XPASS):/ { bad += $3; seen = 1 }
		/^(ok |[a-z_]+: ok, )/ { good++; seen = 1 }
		/^not ok / { bad++; seen = 1 }
		/^(FAIL |[a-z_]+: FAILED)/ { bad++; seen = 1 }
		/^Ran [0-9]+ tests? in/ { good += $2; seen = 1 }
		/^FAILED \(/ { n = 0; s = $0; while (match(s, /(failures|errors)=[0-9]+/)) {
			split(substr(s, RSTART, RLENGTH), part, "="); n += part[2]; s = substr(s, RSTART + RLENGTH) }
			bad += n; good -= n }
		END { if (!seen) good = 1; print which == "good" ? good + 0 : bad + 0 }' "$1"
}

# What failed, with the lines after it, and the end of the log.
show_log() {
	grep -nE -A 6 '^(FAIL|ERROR)[: ]|: (error|fatal):' "$work/log" | head -n 60
	echo ...
	tail -n 25 "$work/log"
}

finish_stage() {	# NAME STATUS SECONDS
	local good bad
	good=$(count "$work/log" good)
	bad=$(count "$work/log" bad)
	if [ "$2" -eq 0 ] && [ "$bad" -eq 0 ]; then
		[ "$good" -gt 0 ] || good=1
		passed=$((passed + good))
		printf 'ok    %-28s %5d s  %5d passed\n' "$1" "$3" "$good"
		return
	fi
	[ "$bad" -gt 0 ] || { bad=1; good=$((good > 1 ? good : 0)); }
	passed=$((passed + good))
	failed=$((failed + bad))
	printf 'FAIL  %-28s %5d s  status %d\n' "$1" "$3" "$2"
	show_log | sed 's/^/    | /'
}

is_wanted() {
	[ -z "$wanted" ] && return 0
	case " $wanted " in *" $1 "*) return 0 ;; esac
	return 1
}

# Runs a command as a process group of its own, which is killed when it takes too long.
within() {	# SECONDS COMMAND...
	local limit=$1 status=0 command watchdog
	shift
	set -m
	"$@" </dev/null &
	command=$!
	group=$command
	(sleep "$limit"; echo "ERROR: not done in $limit s"; kill -KILL -- -"$command") &
	watchdog=$!
	set +m
	wait "$command" || status=$?
	group=
	kill -- -"$watchdog"
	wait "$watchdog"
	return "$status"
} 2>&1

stage() {	# NAME COMMAND...
	local name=$1 start=$SECONDS status=0
	shift
	is_wanted "$name" || return 0
	within "$limit" "$@" >"$work/log" || status=$?
	finish_stage "$name" "$status" $((SECONDS - start))
}

# ---- builds, each in a directory of its own, made when the first stage needs it ----

configure_of() {
	case $1 in
	gcc) echo "CC=gcc --prefix=$work/prefix" ;;
	clang) echo CC=clang ;;
	asan) echo CC=gcc --with-sanitizers=address,undefined ;;
	tsan) echo CC=gcc --with-sanitizers=thread ;;
	without)
		echo CC=gcc --without-curl --without-zstd --without-sqlite --without-libpq --without-openssl --without-ncurses --without-systemd ;;
	fuzz) echo CC=clang --enable-fuzzing --with-sanitizers=address,undefined ;;
	esac
}

build() {	# KIND
	[ -f "$work/$1/built" ] && return 0
	mkdir -p "$work/$1" && cd "$work/$1" || return
	# shellcheck disable=SC2046
	[ -f Makefile ] || "$source/configure" -q $(configure_of "$1") CFLAGS="-O2 -g" || return
	make -s -j "$jobs" && touch built
}

prepare() {
	if [ -f "$source/config.status" ]; then
		echo "the source directory is configured: run make distclean in it first"
		return 1
	fi
	"$source/etc/install-packages.sh" build test && cd "$source" && autoreconf -fi && build gcc
}

# ---- stages ----

unit() {	# KIND
	build "$1" && make -s -C "$work/$1" -j "$jobs" check
}

compile_tests() {	# KIND: everything compiles without a warning, tests included
	build "$1" && make -s -C "$work/$1" -j "$jobs" check TESTS=
}

layers() {
	build gcc && JOBD_BUILD=$work/gcc "$source/tests/layers.sh"
}

models() {
	"$source/tests/model/run.sh"
}

# Most of these tests wait most of the time, so two halves run side by side; those that measure run alone.
e2e() {		# KIND
	local status=0 other
	build "$1" || return
	cd "$source/tests/e2e" || return
	# shellcheck disable=SC2046
	e2e_part "$1" other $(e2e_modules | awk 'NR % 2') >"$work/other.log" 2>&1 &
	other=$!
	# shellcheck disable=SC2046
	e2e_part "$1" "$1" $(e2e_modules | awk 'NR % 2 == 0') || status=1
	wait "$other" || status=1
	cat "$work/other.log"
	cat "$work/traffic.other" >>"$work/traffic.$1" && rm "$work/traffic.other" || status=1
	e2e_part "$1" "$1" test_limits || status=1
	return "$status"
}

e2e_modules() {
	printf '%s\n' test_*.py | sed 's/\.py$//' | grep -v '^test_limits$'
}

e2e_part() {	# KIND TRAFFIC MODULE...
	local build=$work/$1 traffic=$work/traffic.$2
	shift 2
	JOBD_BUILD=$build JOBD_TRAFFIC=$traffic python3 -B -m unittest -v "$@"
}

# Started as root: the daemon and its jobs are others than root, and than each other.
users() {
	build gcc && cd "$source/tests/e2e" && JOBD_BUILD=$work/gcc python3 -B -m unittest -v users
}

# Beneath a directory of the test's own: that takes root, and a cgroup v2 that is mounted.
cgroups() {
	build gcc && cd "$source/tests/e2e" && JOBD_BUILD=$work/gcc python3 -B -m unittest -v cgroups
}

# The same on a kernel that has memory and pids for it, which a host may have given to cgroup v1.
controllers() {
	build gcc && timeout 300 unshare --pid --fork --kill-child=KILL --mount-proc linux mem=768M \
	    root=/dev/root rootfstype=hostfs rootflags=/ ro quiet con0=null,fd:1 con=null \
	    "JOBD_BUILD=$work/gcc" "init=$source/tests/e2e/cgroups_guest.sh" </dev/null >"$work/controllers.log" 2>&1
	cat "$work/controllers.log"
	grep -q '^cgroups with controllers: passed' "$work/controllers.log"
}

sanitized_e2e() {
	export UBSAN_OPTIONS=print_stacktrace=1 JOBD_TEST_PATIENCE=5
	e2e asan
}

# The types whose libraries can be left out say so, and all others work.
without() {
	unit without && cd "$source/tests/e2e" &&
	    JOBD_BUILD=$work/without python3 -B -m unittest -v left_out test_net test_handlers.Types
}

# What `make install` has put there works from there.
installed() {
	build gcc && make -s -C "$work/gcc" install && cd "$source/tests/e2e" || return
	JOBD_BUILD=$work/prefix python3 -B -m unittest -v test_transcript test_jobctl test_libjobd test_units \
	    test_plugins.Example || return
	make -s -C "$work/gcc" uninstall && ! find "$work/prefix" ! -type d | grep .
}

# The kits for workers in other languages, against a jobd of their own.
kits() {
	cd "$source/workers/languages/python/tests" && python3 -B -m unittest -v &&
	    cd "$source/workers/languages/node" && node --test --test-reporter=tap test
}

schemas() {
	[ -s "$work/traffic.gcc" ] || e2e gcc || return
	python3 -B "$source/proto/schema/validate.py" "$work/traffic.gcc"
}

crashes() {
	build gcc && make -s -C "$work/gcc" -j "$jobs" check TESTS= || return
	JOBD_BUILD=$work/gcc "$source/tests/crash/channel.sh" $gate
}

kills() {
	build gcc && JOBD_BUILD=$work/gcc python3 -B "$source/tests/crash/kills.py" $gate
}

# Durable jobs, whatever dies: everything that was answered stays (tests/crash/ledger.py).
durable() {
	build gcc && JOBD_BUILD=$work/gcc python3 -B "$source/tests/crash/durable.py" $gate
}

faults() {
	build gcc && JOBD_BUILD=$work/gcc python3 -B "$source/tests/crash/faults.py" $gate
}

# A schedule's jobs, whatever dies: none twice, none left out.
schedules() {
	build gcc && JOBD_BUILD=$work/gcc python3 -B "$source/tests/crash/cron.py" $gate
}

# A file system of its own, for a disk that can be full.
can_mount() {
	if [ "$(id -u)" = 0 ]; then unshare --mount true; else unshare --mount --map-root-user true; fi 2>/dev/null
}

full_disk() {
	build gcc && JOBD_BUILD=$work/gcc python3 -B "$source/tests/crash/full.py" $gate
}

# The power of a machine is cut.
power() {
	"$source/etc/install-packages.sh" power && build gcc &&
	    JOBD_BUILD=$work/gcc python3 -B "$source/tests/crash/power.py"
}

# The Debian package in a machine with systemd: installed, used, upgraded, purged.
service() {
	build gcc && make -s -C "$work/gcc" tests/plugins/trace.so && JOBD_BUILD=$work/gcc "$source/tests/service.sh"
}

# The bugs that these campaigns must notice.
planted() {
	[ -n "$gate" ] || { "$source/tests/crash/planted.sh" -n; return; }
	"$source/etc/install-packages.sh" power && "$source/tests/crash/planted.sh"
}

# The bugs that the scheduler's tests must notice; with the gate they are planted, and more seeds run.
scheduler() {
	[ -n "$gate" ] || { "$source/tests/sim/planted.sh" -n; return; }
	build gcc && make -s -C "$work/gcc" -j "$jobs" tests/sim/sim &&
	    "$work/gcc/tests/sim/sim" --seeds 1001-20000 && many_seeds && "$source/tests/sim/planted.sh"
}

# A million shorter lives, as many at a time as there are processors.
many_seeds() {
	seq 20001 10000 1010001 | head -n -1 | xargs -P "$jobs" -I {} \
	    sh -c '"$0" --seeds "{}-$(({} + 9999))" --steps 60' "$work/gcc/tests/sim/sim"
}

threads() {
	build tsan || return
	make -s -C "$work/tsan" -j "$jobs" check TESTS= &&
	    fixed_addresses make -s -C "$work/tsan" check TESTS="$(thread_tests)"
}

threads_e2e() {
	export JOBD_TEST_PATIENCE=5
	build tsan && cd "$source/tests/e2e" || return
	JOBD_BUILD=$work/tsan fixed_addresses python3 -B -m unittest -v test_jobs test_main_job test_libjobd \
	    test_logs test_remote_workers
}

# ThreadSanitizer cannot always live with randomised addresses; where they cannot be fixed it tries.
fixed_addresses() {
	if setarch -R true 2>/dev/null; then
		set -- setarch -R "$@"
	fi
	TSAN_OPTIONS=halt_on_error=1 "$@"
}

# Units in which threads or processes meet: the io worker and its pool, the channel's two ends,
# logs and their files, what the store writes.
thread_tests() {
	grep -oE '^UNIT_TESTS \+= .*' "$source/Makefile.am" | sed 's/.*= //' | tr ' ' '\n' |
	    grep -E '/(access|channel|arena|attempt|worker|handlers|task|lib|net_logs|spool)[a-z_]*\.t$' | tr '\n' ' '
}

# All targets together take three minutes, two at a time, however many there are.
fuzz() {
	local targets=("$source"/tests/fuzz/*.c)

	build fuzz && JOBD_BUILD=$work/fuzz "$source/tests/fuzz/run.sh" $((360 / ${#targets[@]}))
}

distribution() {
	build gcc && make -s -C "$work/gcc" -j "$jobs" distcheck
}

# Markup, and that pages have every verb, option and function that there is.
manuals() {
	build gcc && cd "$source/tests/e2e" && JOBD_BUILD=$work/gcc python3 -B -m unittest -v manuals
}

SECONDS=0
prepare >"$work/log" 2>&1 </dev/null || {
	finish_stage prepare 1 "$SECONDS"
	echo "$passed passed, $failed failed"
	exit 1
}
printf 'ok    %-28s %5d s\n' 'install and build' "$SECONDS"

stage unit unit gcc
stage layers layers
stage models models
stage e2e e2e gcc
if [ "$(id -u)" = 0 ]; then
	stage users users
elif is_wanted users; then
	echo "skip  users: they take root"
fi
if [ "$(id -u)" = 0 ] && grep -q ' cgroup2 rw' /proc/mounts; then
	stage cgroups cgroups
elif is_wanted cgroups; then
	echo "skip  cgroups: they take root, and a cgroup v2 that is mounted"
fi
if [ "$(id -u)" = 0 ] && command -v linux >/dev/null; then
	stage controllers controllers
elif is_wanted controllers; then
	echo "skip  controllers: they take root, and the package user-mode-linux"
fi
stage kits kits
stage schemas schemas
stage crashes crashes
stage kills kills
stage durable durable
stage faults faults
stage schedules schedules
if can_mount; then
	stage full-disk full_disk
elif is_wanted full-disk; then
	echo "skip  full-disk: nothing may be mounted here"
fi
if is_wanted service; then
	if why=$("$source/tests/service.sh" --can); then
		stage service service
	else
		echo "skip  service: $why"
	fi
fi
[ -z "$gate" ] || stage power power
stage planted planted
stage scheduler scheduler
stage installed installed
stage without without
stage clang compile_tests clang
stage asan-unit unit asan
stage asan-e2e sanitized_e2e
stage tsan-unit threads
stage tsan-e2e threads_e2e
stage fuzz fuzz
stage manuals manuals
stage distcheck distribution

printf 'all together %d s\n' "$SECONDS"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
