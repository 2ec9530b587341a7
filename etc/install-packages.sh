#!/bin/sh
# install-packages.sh SET... - install the Debian packages of the sets build, demo, test, service, bench, power.
#
# Does nothing when they are all there.  Works as root and with sudo.
set -eu

packages_of() {
	case $1 in
	build) echo gcc make libc6-dev autoconf automake pkg-config xz-utils \
	    libevent-dev libuv1-dev libjansson-dev libssl-dev libinih-dev \
	    libcurl4-openssl-dev libzstd-dev libsqlite3-dev libpq-dev libncurses-dev ;;
	demo) echo python3 ;;
	test) echo systemd tzdata patch python3 python3-jsonschema python3-pyte nodejs libcmocka-dev spin mandoc clang libclang-rt-dev llvm \
	    openssl postgresql-15 python3-prometheus-client ;;
	service) echo debhelper dh-python dpkg-dev fakeroot lintian libncurses-dev libsystemd-dev \
	    python3 systemd-container mmdebstrap ;;
	power) echo python3 user-mode-linux e2fsprogs iproute2 ;;
	bench) echo python3 gearman-job-server libgearman-dev beanstalkd redis-server \
	    parallel task-spooler python3-celery python3-redis ;;
	*)
		echo "install-packages.sh: no such set: $1 (build, demo, test, service, bench, power)" >&2
		exit 2
		;;
	esac
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
for set in "$@"; do
	for package in $(packages_of "$set"); do
		is_installed "$package" || missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "install-packages.sh: these packages are missing:$missing" >&2
	echo "install-packages.sh: run it as root, or install sudo, or install them yourself" >&2
	exit 1
fi

# RUNLEVEL=1 keeps the job servers of the benchmarks from being started by their installation.
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -q -y "$@" </dev/null
}

echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists of packages may be absent or old; then they are fetched, and it is tried again.
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $missing >"$log" 2>&1; then
	{ apt update && apt install --no-install-recommends $missing; } >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		echo "install-packages.sh: apt-get could not install:$missing" >&2
		exit 1
	}
fi
