#!/bin/sh
# layers.sh - who may include whom, and which program links what.
#
#   JOBD_BUILD   build directory (the source's own)
set -u

source=$(cd "$(dirname "$0")/.." && pwd)
: "${JOBD_BUILD:=$source}"
failed=0

fail() {
	echo "layers: $*" >&2
	failed=1
}

# may_not DIRECTORY PATTERN WHY: no source below DIRECTORY includes what PATTERN matches
may_not() {
	[ -d "$source/$1" ] || fail "no directory $1"
	found=$(grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" \
	    "$source/$1") && fail "$3:
$found"
}

# links_not PROGRAM LIBRARY...: what the program needs, itself or through others it names
links_not() {
	program=$JOBD_BUILD/$1
	shift
	needed=$(readelf -d "$program" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	[ -n "$needed" ] || fail "$program needs nothing: not built?"
	for library in "$@"; do
		case $needed in
		*"lib$library"[._-]*) fail "$program links $library" ;;
		esac
	done
}

links() {
	readelf -d "$JOBD_BUILD/$1" 2>/dev/null | grep -q "NEEDED.*lib$2[._-]" || fail "$1 does not link $2"
}

may_not lib 'proto/|daemon/|workers/|client/' 'lib/ knows nothing of jobs'
may_not proto 'daemon/|workers/|client/' 'proto/ is what processes share'
may_not client 'daemon/|workers/' 'client/ talks to jobd over its socket'
may_not client/libjobd 'client/(cmd|ctl|exit|list|map|options|print|verbs)|event|uv|jansson' \
    'libjobd knows nothing of jobctl'
may_not workers 'daemon/|client/' 'workers/ know the channel only'
may_not daemon 'client/|workers/([^h]|h[^a]|handler\.c|handlers/)' 'daemon/ uses workers/handler.h at most'
may_not daemon/supervisor 'daemon/broker/|event|uv|jansson' 'the supervisor parses nothing and has no loop'
for pure in core route; do
	may_not "daemon/broker/$pure" 'event|uv|jansson|sqlite|sys/socket|unistd|time\.h|pthread' \
	    "$pure/ makes no system call"
	may_not "daemon/broker/$pure" 'lib/clock|lib/fd|lib/log|daemon/broker/(net|lanes|store|broker)' \
	    "$pure/ is pure"
	if grep -nE '\b(clock_[a-z_]+|time|gettimeofday|s?rand(om)?|getrandom|getpid|open|read|write) ?\(' \
	    "$source/daemon/broker/$pure"/*.c; then
		fail "$pure/ asks for the time or for chance"
	fi
done

may_not daemon/broker/items 'event|uv|sqlite|lib/(clock|fd|log)|daemon/broker/(net|lanes|store|broker)' \
    'items/ is text and nothing else'

may_not daemon/broker/access 'uv|jansson|sqlite|daemon/broker/(net|lanes|store|broker|cron|logs|items)' \
    'access/ says who somebody is, and knows no connection'

for folder in net lanes core route items cron; do
	may_not "daemon/broker/$folder" 'sqlite' 'SQLite is behind store.h'
done
if grep -ln 'sqlite3\.h' "$source"/daemon/broker/*.c; then
	fail 'SQLite is behind store.h'
fi

links_not jobd event uv jansson sqlite3
links_not jobd-broker uv
links_not jobd-worker event
links_not jobd-exec event jansson curl pq crypto sqlite3
links_not jobctl event uv sqlite3
links_not libjobd.so.0.1.0 event uv jansson crypto sqlite3
# that the check can see anything at all
links jobd-broker event
links jobd-worker uv
links jobd-exec uv

exit "$failed"
