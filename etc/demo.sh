#!/bin/sh
# demo.sh [TREE] - jobd's main job on real input, from nothing.
#
# Installs what is missing, builds, starts jobd on a private socket in a temporary directory, digests the
# files of TREE (/usr/share) while it copies large files, waits on 5,000 timers, counts lines with wc, draws
# a picture in Python and answers calls, checks every result, stops everything and removes the temporary directory.
#
#   JOBD_BUILD   a build directory to use as it is, instead of building
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
tree=$(cd "${1:-/usr/share}" && pwd -P)
files=5000
timers=5000
work=$(mktemp -d "${TMPDIR:-/tmp}/jobd-demo.XXXXXX")
work=$(cd "$work" && pwd -P)
jobd=

say() {
	echo "demo: $*"
}

stop_all() {
	trap - EXIT INT TERM HUP
	if [ -n "$jobd" ] && kill "$jobd" 2>/dev/null; then
		wait "$jobd" || say "jobd ended with status $?"
	fi
	rm -rf "$work"
}
trap stop_all EXIT
trap 'stop_all; exit 130' INT TERM HUP

build() {
	say "building (its output comes only if it fails)"
	if ! {
		cd "$source" && { [ -x configure ] || autoreconf -fi; } &&
		    mkdir "$work/build" && cd "$work/build" &&
		    "$source/configure" && make -j "$(nproc)"
	} >"$work/build.log" 2>&1; then
		tail -n 40 "$work/build.log" >&2
		exit 1
	fi
	cd "$work"
	JOBD_BUILD=$work/build
}

wait_until_ready() {
	while ! grep -q '^ready ' "$work/ready"; do
		kill -0 "$jobd" 2>/dev/null || {
			cat "$work/log" >&2
			exit 1
		}
		sleep 0.05
	done
}

"$source/etc/install-packages.sh" build demo
[ -n "${JOBD_BUILD:-}" ] || build

mkdir "$work/copies" "$work/jobs.d"
cat >"$work/jobs.d/lines.count.job" <<END
argv = ["wc", "-l", "--", "{path}"]

[param path]
type = path
END
cat >"$work/jobs.d/pictures.worker" <<END
worker = ["/usr/bin/python3", "-B", "-m", "jobd_worker", "mandelbrot"]
count = 2
types = mandelbrot.rows

[env]
PYTHONPATH = $source/workers/languages/python:$source/examples/python-worker
END
: >"$work/ready"
users=
[ "$(id -u)" != 0 ] || users='--set users.daemon=root --set users.jobs=root'
# shellcheck disable=SC2086	# words
"$JOBD_BUILD/jobd" $users --state-dir "$work/state" --listen "unix:$work/sock" \
    --set jobs.keep_finished=1000000 --set "jobs.dir=$work/jobs.d" --set "files.roots=$tree:/usr/lib:/usr/bin:$work/copies" >"$work/ready" 2>"$work/log" &
jobd=$!
wait_until_ready
say "$(cat "$work/ready")"
say "$("$JOBD_BUILD/jobctl" -H "unix:$work/sock" worker ls | tail -n +2 | wc -l) workers"

status=0
python3 -B "$source/tests/e2e/demo.py" "unix:$work/sock" "$tree" "$work/copies" --files "$files" \
    --timers "$timers" --types --large-from /usr/lib || status=$?
[ "$status" -eq 0 ] || tail -n 20 "$work/log" >&2
exit "$status"
