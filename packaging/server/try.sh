#!/bin/sh
# Installs the server's package into a Debian root, runs it there as its own user, and takes it away again. As root:
#   packaging/server/try.sh <folder for the root> <confab-server.deb>
# A folder without a root gets a fresh one (debootstrap), of the release this machine has. No systemd runs in it: the unit is
# looked at by `systemd-analyze` here.
set -eu
cd "$(dirname "$0")/../.."
root=$(realpath -m "$1") package=$(realpath "$2")
export DEBIAN_FRONTEND=noninteractive
port=18480
inside() { chroot "$root" "$@"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

if ! [ -x "$root/bin/sh" ]; then
    . /etc/os-release
    debootstrap --variant=minbase "$VERSION_CODENAME" "$root"
    cp -r /etc/apt/. "$root/etc/apt/"
    cp /etc/resolv.conf "$root/etc/"
fi
serving=
trap '[ -z "$serving" ] || kill "$serving" 2>/dev/null || true; umount "$root/proc" "$root/dev" 2>/dev/null || true' EXIT
mkdir -p "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"

echo "== Install"
cp "$package" "$root/confab-server.deb"
inside dpkg -i /confab-server.deb || inside apt-get install -y -q --no-install-recommends -f
rm "$root/confab-server.deb"
inside confab-server --version
if inside ldd /usr/bin/confab-server | grep 'not found'; then fail "libraries are missing"; fi
inside getent passwd confab | grep -q ':/var/lib/confab:' || fail "no user"
[ "$(inside stat -c '%U:%G %a' /etc/confab)" = 'root:confab 2750' ] || fail "/etc/confab"
[ "$(inside stat -c '%U:%G %a' /var/lib/confab)" = 'confab:confab 700' ] || fail "/var/lib/confab"
[ -s "$root/usr/share/doc/confab-server/sbom.cdx.json" ] && [ -s "$root/usr/share/doc/confab-server/third-party-licences.txt" ] || fail "papers"
systemd-analyze verify --man=no --root="$root" confab-server.service || fail "unit"
systemd-analyze security --offline=true --no-pager --threshold=20 "$root/usr/lib/systemd/system/confab-server.service" | tail -n 1

echo "== Run"
printf 'listen = "127.0.0.1:%s"\ndata_dir = "/var/lib/confab"\n' "$port" >"$root/etc/confab/confab.toml"
# Not by `inside`: a signal has to reach the server, not a shell around it.
chroot "$root" setpriv --reuid=confab --regid=confab --init-groups --no-new-privs --bounding-set=-all /usr/bin/confab-server serve --config /etc/confab/confab.toml &
serving=$!
n=0
until inside setpriv --reuid=confab --regid=confab --init-groups confab-server meeting new --title Try --config /etc/confab/confab.toml 2>/dev/null; do
    n=$((n + 1))
    [ "$n" -lt 100 ] || fail "the server does not come up"
    sleep 0.2
done
if inside confab-server doctor --help >/dev/null 2>&1; then
    inside setpriv --reuid=confab --regid=confab --init-groups confab-server doctor --config /etc/confab/confab.toml || fail "doctor"
fi
kill -TERM "$serving"
wait "$serving" || fail "it did not end well"
serving=

echo "== Image"
image=$(mktemp -d "$root/tmp/image.XXXXXX")
cp packaging/oci/rootfs.sh "$root/tmp/rootfs.sh"
inside sh /tmp/rootfs.sh /usr/bin/confab-server "${image#"$root"}"
chroot --userspec=10001:10001 "$image" /usr/bin/confab-server --version
du -sh "$image" | cut -f 1
rm -r "$image" "$root/tmp/rootfs.sh"

echo "== Remove, then purge"
inside dpkg --remove confab-server
[ ! -e "$root/usr/bin/confab-server" ] || fail "the program is still there"
[ -e "$root/etc/confab/confab.toml" ] && [ -n "$(ls -A "$root/var/lib/confab")" ] || fail "data did not outlive the removal"
inside dpkg --purge confab-server
[ ! -e "$root/etc/confab" ] && [ ! -e "$root/var/lib/confab" ] || fail "purge left something"
if inside getent passwd confab; then fail "the user is still there"; fi
echo "the package is well"
