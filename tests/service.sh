#!/bin/bash
# service.sh [--can] - the Debian package, in a Debian with a real systemd: installed, used, broken, upgraded, purged.
#
# Builds the packages of this tree twice, the second time with a higher version, lets lintian look at them,
# makes a Debian with mmdebstrap, boots it with systemd-nspawn, and runs tests/service/proof.py in it.  Takes
# root, and ends by itself.  --can: says why it cannot be run here and exits 1, or exits 0.
#
#   JOBD_BUILD  build directory (the source's own)
#   KEEP        keep the directory with the packages and the machine's root when it is set
#   STEPS       what of the proof is run, as names of its functions (all)
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
: "${JOBD_BUILD:=$source}" "${KEEP:=}" "${STEPS:=}"
name=jobd-service-$$
installed="jobd libjobd0 python3-jobd"	# packages that are used in the machine
limit=240		# seconds for what is run in the machine
work=
nspawn=			# process ids: of systemd-nspawn,
leader=			# of the machine's systemd,
making=			# and of mmdebstrap

# The hierarchies of cgroups that systemd uses: version 2, and where it is not alone, its own of version 1.
hierarchies() {
	awk '$3 == "cgroup2" || $3 == "cgroup" && $4 ~ /name=systemd/ { print $2 }' /proc/mounts
}

# ---- can it be done here? ----

try_nspawn() {
	systemd-nspawn --quiet --directory=/ --volatile=yes --register=no --keep-unit --private-network \
	    --console=pipe --machine="$name" /bin/true </dev/null >/dev/null 2>&1
}

can() {
	if [ "$(id -u)" != 0 ]; then
		echo "it takes root"
	elif ! grep -q ' cgroup2 ' /proc/mounts; then
		echo "no cgroup v2 is mounted here, which systemd needs"
	elif ! "$source/etc/install-packages.sh" build service >/dev/null 2>&1; then
		echo "what builds packages and boots machines cannot be installed"
	elif ! try_nspawn; then
		echo "systemd-nspawn cannot start anything here"
	else
		return 0
	fi
	return 1
}

# ---- packages ----

# Builds what is in $work/tree, and puts the packages into a directory.
package() {	# DIRECTORY ARGUMENT...
	local to=$work/$1
	shift
	mkdir "$to"
	(cd "$work/tree" && DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$(nproc)" dpkg-buildpackage -us -uc -b "$@") \
	    >"$to.log" 2>&1 || {
		tail -n 40 "$to.log"
		return 1
	}
	mv "$work"/*.deb "$work"/*.buildinfo "$work"/*.changes "$to"
}

# The same with a higher version: what is compiled stays.
package_higher() {	# DIRECTORY VERSION
	(
		printf 'jobd (%s) unstable; urgency=medium\n\n  * A higher version.\n\n' "$2"
		sed -n '/^ -- /{p;q}' "$source/debian/changelog"
		echo
		cat "$source/debian/changelog"
	) >"$work/tree/debian/changelog"
	rm "$work/tree/debian/files"
	package "$1" --no-pre-clean
}

lint() {
	lintian --allow-root --fail-on error,warning "$work/old"/*.changes || {
		echo "FAIL lintian"
		return 1
	}
	echo "ok lintian has nothing against the packages"
}

# What the packages need from Debian, a name a line.
dependencies() {
	local package
	for package in $installed; do
		dpkg-deb -f "$work/old/${package}_"*.deb Depends
	done | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//; s/ //g' | sort -u |
	    grep -vxF -e '' $(printf -- '-e %s ' $installed)
}

# ---- the machine ----

# mmdebstrap takes down what it has mounted when it is told to end.
make_root() {
	local sources=/etc/apt/sources.list.d/debian.sources
	[ -f "$sources" ] || sources=
	# shellcheck disable=SC2086
	exec mmdebstrap --quiet --variant=minbase \
	    --include="systemd systemd-sysv dbus libpam-systemd procps iproute2 openssl python3 $(dependencies | tr '\n' ' ')" \
	    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$work/root" $sources >"$work/root.log" 2>&1
}

settle_root() {
	wait "$making" || {
		tail -n 20 "$work/root.log"
		return 1
	}
	making=
	# a machine's own daily work would be noise here
	rm -f "$work"/root/etc/systemd/system/timers.target.wants/*
	# nothing of these tests need outlive a power cut, so what dpkg writes is not synced
	echo force-unsafe-io >"$work/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
}

# systemd in a cgroup of its own; it may make others below that.
boot() {
	local hierarchy state
	for hierarchy in $(hierarchies); do
		mkdir -p "$hierarchy/$name"
	done
	(
		for hierarchy in $(hierarchies); do
			echo "$BASHPID" >"$hierarchy/$name/cgroup.procs"
		done
		export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
		exec systemd-nspawn --directory="$work/root" --boot --register=no --keep-unit --machine="$name" \
		    --private-network --console=pipe --bind-ro="$source/tests:/jobd/tests" --bind="$work/share:/jobd/share"
	) </dev/null >"$work/console.log" 2>&1 &
	nspawn=$!
	for _ in $(seq 240); do
		leader=$(pgrep -P "$nspawn" -x systemd | head -n 1)
		if [ -n "$leader" ]; then
			state=$(inside systemctl is-system-running 2>/dev/null) || :
			case $state in running | degraded) return 0 ;; esac
		fi
		kill -0 "$nspawn" 2>/dev/null || break
		sleep 0.25
	done
	tail -n 30 "$work/console.log"
	echo "FAIL systemd does not come up in the machine: ${state:-no state}"
	return 1
}

inside() {
	nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --root --wd -- \
	    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb SYSTEMD_PAGER=cat "$@" </dev/null
}

# Off, by the signal for it, or by force; and nothing of it is left.
shut_down() {
	[ -n "$nspawn" ] || return 0
	[ -z "$leader" ] || kill -RTMIN+4 "$leader" 2>/dev/null || :
	for _ in $(seq 60); do
		kill -0 "$nspawn" 2>/dev/null || break
		sleep 0.25
	done
	kill -KILL "$nspawn" 2>/dev/null || :
	wait "$nspawn" 2>/dev/null || :
	nspawn=
	for hierarchy in $(hierarchies); do
		[ ! -d "$hierarchy/$name" ] || find "$hierarchy/$name" -depth -type d -exec rmdir {} + 2>/dev/null || :
	done
}

clean_up() {
	shut_down
	[ -z "$making" ] || kill "$making" 2>/dev/null || :
	wait
	[ -n "$KEEP" ] || [ -z "$work" ] || rm -rf --one-file-system "$work"
	[ -z "$KEEP" ] || echo "kept: $work"
}

if ! why=$(can); then
	echo "$why"
	exit 1
fi
[ "${1:-}" != --can ] || exit 0

trap clean_up EXIT
trap 'exit 130' INT TERM HUP
work=$(mktemp -d "${TMPDIR:-/var/tmp}/jobd-service.XXXXXX")
chmod 755 "$work"
mkdir "$work/share"
start=$SECONDS

make -s -C "$JOBD_BUILD" distdir >/dev/null
version=$(sed -n 's/^AC_INIT(\[jobd\], \[\([^]]*\)\].*/\1/p' "$source/configure.ac")
mv "$JOBD_BUILD/jobd-$version" "$work/tree"
package old
echo "ok the packages are built in $((SECONDS - start)) s"
make_root &
making=$!
lint
package_higher new "$version+next"
settle_root
cp "$work"/old/*.deb "$work"/new/*.deb "$JOBD_BUILD/tests/plugins/trace.so" "$work/share"
echo "ok those of a higher version, and a Debian, are there after $((SECONDS - start)) s"
boot
status=0
inside timeout "$limit" python3 -B /jobd/tests/service/proof.py "$version" "$version+next" $STEPS || status=$?
shut_down
echo "all of it took $((SECONDS - start)) s"
exit "$status"
