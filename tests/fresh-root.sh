#!/bin/bash
# fresh-root.sh [APT-CONFIG...] - the README's two commands in a Debian that has nothing but git and apt.
#
# Makes a root with mmdebstrap, clones this repository's HEAD into it, and runs etc/demo.sh and tests/run.sh
# there.  APT-CONFIG: files of this machine's apt configuration that the new root needs to reach its mirror
# (a proxy, certificates); they are copied into the root, never into the project.  Needs root and mmdebstrap.
#
#   WHO      root, or `sudo`: a user of its own who may use sudo
#            (test_container fails for one in a chroot: the kernel makes no user namespace there)
#   SUITE    bookworm
#   MIRROR   sources for mmdebstrap (/etc/apt/sources.list.d/debian.sources)
#   STAGES   of tests/run.sh; all
#   KEEP     keep the root when it is set
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
: "${WHO:=root}" "${SUITE:=bookworm}" "${MIRROR:=/etc/apt/sources.list.d/debian.sources}"
top=$(mktemp -d "${TMPDIR:-/var/tmp}/jobd-root.XXXXXX")
root=$top/root

unmount_all() {
	for mount in dev proc; do
		! mountpoint -q "$root/$mount" || umount -R "$root/$mount" || umount -R -l "$root/$mount"
	done
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$top"
}
trap unmount_all EXIT
trap 'exit 130' INT TERM HUP

# Runs a command in the root as root.
inside() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 CI=true \
	    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@" </dev/null
}

# As the one whose machine it is.
as_owner() {
	case $WHO in
	root) inside "$@" ;;
	sudo) inside setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/home/owner USER=owner "$@" ;;
	esac
}

packages=git,ca-certificates
[ "$WHO" = root ] || packages=$packages,sudo
mmdebstrap --quiet --variant=minbase --include="$packages" "$SUITE" "$root" "$MIRROR"
for file in "$@"; do
	install -D -m 644 "$file" "$root$file"
done
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --rbind --make-rslave /dev "$root/dev"
git clone -q --no-hardlinks "$source" "$root/src/jobd"
if [ "$WHO" = sudo ]; then
	inside useradd -m -u 1000 owner
	echo 'owner ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/owner"
	chown -R 1000:1000 "$root/src/jobd"
fi

status=0
try() {		# COMMAND [WORD...]
	local start=$SECONDS

	echo "== $*"
	as_owner "/src/jobd/$1" "${@:2}" || status=1
	echo "== $*: $((SECONDS - start)) s"
}
try etc/demo.sh
read -ra stages <<<"${STAGES:-}"
try tests/run.sh ${stages[@]+"${stages[@]}"}
exit "$status"
