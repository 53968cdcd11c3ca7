#!/bin/sh
# The first five minutes of an operator, from an empty folder: Debian's base system, the package, `init`, up, a meeting by curl, in which a
# Chromium guest and a native talk. Says how long each step took, and what the server needs while nothing happens. As root:
#   packaging/server/first.sh <empty folder> <confab-server.deb>
# The guest and the native run outside the root, on this machine; CONFAB_PROGRAMS names the folder with confab-headless and confab-inspect.
# From `init` on all of it is in a network of its own: nothing else on this machine is in the way, and nobody reaches it.
set -eu
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
now() { date +%s.%N; }
# step <name> <since>
step() { awk -v name="$1" -v from="$2" -v to="$(now)" 'BEGIN { printf "%-42s %6.1f s\n", name, to - from }'; }
inside() { chroot "$root" "$@"; }

if [ "$1" != --inside ]; then
    root=$(realpath -m "$1") package=$(realpath "$2")
    [ ! -e "$root/bin/sh" ] || fail "$root is not empty"
    begun=$(now)
    . /etc/os-release
    mmdebstrap --variant=minbase "$VERSION_CODENAME" "$root" >"$root.log" 2>&1 || fail "mmdebstrap: $root.log"
    # This machine's mirrors in place of those that mmdebstrap wrote down.
    rm -f "$root/etc/apt/sources.list"
    cp -r /etc/apt/. "$root/etc/apt/"
    cp /etc/resolv.conf "$root/etc/"
    mkdir -p "$root/proc" "$root/dev"
    trap 'umount "$root/proc" "$root/dev" 2>/dev/null || true' EXIT
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    step "Debian's base system (mmdebstrap)" "$begun"
    began=$(now)
    cp "$package" "$root/confab-server.deb"
    inside apt-get update -qq
    inside apt-get install -y -qq --no-install-recommends /confab-server.deb >"$root.log" 2>&1 || fail "install: $root.log"
    rm "$root/confab-server.deb"
    step "apt install" "$began"
    unshare --net "$0" --inside "$root"
    step "all of it" "$begun"
    exit 0
fi

root=$2
ip link set lo up
# A browser without any network but loopback sends no media at all.
ip link add own0 type veth peer name own1
ip addr add 10.213.7.1/24 dev own0
ip link set own0 up
ip link set own1 up
ip route add default via 10.213.7.2 dev own0
began=$(now)
inside confab-server init --certificate local >"$root.log" 2>&1 || fail "init: $(cat "$root.log")"
# As the service's folders are; who runs `init` as root gets told to do this.
inside chown -R confab:confab /var/lib/confab
step "init" "$began"
inside confab-server config check /etc/confab/confab.toml
sed 's/^/    /' "$root/etc/confab/confab.toml"

began=$(now)
chroot "$root" setpriv --reuid=confab --regid=confab --init-groups --no-new-privs --bounding-set=-all \
    /usr/bin/confab-server serve --config /etc/confab/confab.toml 2>"$root.server.log" &
serving=$!
trap 'kill "$serving" 2>/dev/null || true' EXIT
at=http://127.0.0.1:8480
until curl -fs "$at/readyz" >/dev/null; do
    kill -0 "$serving" 2>/dev/null || fail "the server ended: $(cat "$root.server.log")"
    sleep 0.02
done
step "up: /readyz says so" "$began"
sleep 10
rss=$(awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$serving/status")
echo "idle, after 10 s: $rss MiB"

began=$(now)
answer=$(curl -fsS -H 'content-type: application/json' -d '{"title":"First meeting"}' "$at/api/v1/meetings")
link=$(echo "$answer" | sed 's/.*"guest_link" *: *"\([^"]*\)".*/\1/')
step "a meeting by curl" "$began"
began=$(now)
node tests/browser/talk.mjs "$link"
step "a guest and a native talked" "$began"
kill -TERM "$serving"
wait "$serving" || fail "it did not end well"
trap - EXIT
