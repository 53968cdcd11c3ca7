#!/bin/sh
# Installs a package of the desktop app into a fresh Debian root and holds a meeting with it from there. As root:
#   packaging/linux/try.sh <folder for the root> <package.deb | package.rpm>
# The app, its libraries and the webview come from that root. Server and participants come from this tree (`cargo build --workspace
# --all-targets`), X server, sound server and WebKitWebDriver from this machine, which has to be the same Debian release.
# An rpm is installed without looking for what it requires, which has other names on its own systems: try the deb
# first, its libraries stay.
set -eu
cd "$(dirname "$0")/../.."
root=$(realpath -m "$1") package=$(realpath "$2")
export DEBIAN_FRONTEND=noninteractive
: "${TMPDIR:=/tmp}"
inside() { chroot "$root" "$@"; }

if ! [ -x "$root/bin/sh" ]; then
    . /etc/os-release
    debootstrap --variant=minbase "$VERSION_CODENAME" "$root"
    cp -r /etc/apt/. "$root/etc/apt/"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root$TMPDIR" "$root/mnt"
trap 'umount "$root$TMPDIR" "$root/mnt" "$root/dev" "$root/proc" 2>/dev/null || true' EXIT
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind "$TMPDIR" "$root$TMPDIR"
mount --bind "$(dirname "$package")" "$root/mnt"

echo "== Install"
name=$(basename "$package")
case $name in
*.deb)
    inside apt-get update -q
    inside apt-get install -y -q --no-install-recommends "/mnt/$name"
    ;;
*.rpm)
    inside apt-get install -y -q --no-install-recommends rpm
    inside rpm -i --nodeps "/mnt/$name"
    ;;
esac
for program in confab-desktop confab-scope; do
    if inside ldd "/usr/bin/$program" | grep 'not found'; then
        echo "$program: libraries are missing"
        exit 1
    fi
done
inside confab-desktop --version

echo "== Meeting"
programs=$(mktemp -d)
printf '#!/bin/sh\nexec chroot "%s" /usr/bin/confab-desktop "$@"\n' "$root" >"$programs/confab-desktop"
chmod +x "$programs/confab-desktop"
CONFAB_PROGRAMS=$programs node --test --test-timeout=600000 --test-name-pattern='^(a cold start|joined|it hears|the far end|left, it)' tests/desktop/meeting.test.mjs
rm -r "$programs"

echo "== Remove"
case $name in
*.deb) inside apt-get remove -y -q confab-desktop ;;
*.rpm) inside rpm -e --nodeps confab-desktop ;;
esac
if [ -e "$root/usr/bin/confab-desktop" ]; then
    echo "it is still there"
    exit 1
fi
