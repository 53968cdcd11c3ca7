#!/bin/sh
# Makes the root of the server's container image: the program, the libraries it loads, a user, and nothing else, no shell.
#   rootfs.sh <confab-server> <empty or missing folder>
set -eu
program=$1 root=$2
user=10001

mkdir -p "$root/usr/bin" "$root/etc/confab" "$root/var/lib/confab" "$root/tmp"
install -m 0755 "$program" "$root/usr/bin/confab-server"
# `name => /path (address)`, and the loader by its path alone.
ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u | while read -r library; do
    install -D -m 0755 "$library" "$root$library"
done
# What the resolver loads at run time.
for library in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
    found=$(find /lib /usr/lib -name "$library" 2>/dev/null | head -n 1)
    [ -z "$found" ] || install -D -m 0755 "$found" "$root$found"
done
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo "confab:x:$user:$user:Confab server:/var/lib/confab:/sbin/nologin" >"$root/etc/passwd"
echo "confab:x:$user:" >"$root/etc/group"
chown "$user:$user" "$root/var/lib/confab"
chmod 0700 "$root/var/lib/confab"
chmod 1777 "$root/tmp"
