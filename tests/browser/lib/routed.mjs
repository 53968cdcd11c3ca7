// Two networks and a router between them, in namespaces: a server and people inside, with private addresses, and people outside. Nothing of
// this machine's own network is touched. Needs root, iproute2 and nftables.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporary } from './paths.mjs';

export const NAME = 'meet.confab.test';
/** The router's address outside, and the server's inside. */
export const PUBLIC = '203.0.113.9';
export const INSIDE = '10.213.8.2';
const HOSTS = ['router', 'server', 'inside', 'outside'];

const links = (ns) => `
ip link add lan0 type bridge
ip link set lan0 up
ip addr add 10.213.8.1/24 dev lan0
ip link add p-server type veth peer name eth0 netns ${ns('server')}
ip link add p-inside type veth peer name eth0 netns ${ns('inside')}
ip link add wan0 type veth peer name eth0 netns ${ns('outside')}
ip link set p-server master lan0 up
ip link set p-inside master lan0 up
ip addr add ${PUBLIC}/24 dev wan0
ip link set wan0 up
echo 1 > /proc/sys/net/ipv4/ip_forward`;

// Without IPv6's own address, which comes seconds later: browsers take that for a change of network and give up what they are loading.
const host = (address, router) => `
ip link set lo up
ip link set eth0 addrgenmode none
ip addr add ${address}/24 dev eth0
ip link set eth0 up
ip route add default via ${router}`;

// What comes to the router's own address at 443 goes to the server; `back`: also what comes from inside, as routers do that can lead people
// back in. Outside nobody gets in any other way.
const router = (back) => `
flush ruleset
table ip nat {
  chain before { type nat hook prerouting priority dstnat; ${back ? '' : 'iifname "wan0"'} ip daddr ${PUBLIC} meta l4proto { tcp, udp } th dport 443 dnat to ${INSIDE}; }
  chain after { type nat hook postrouting priority srcnat; oifname "wan0" masquerade; ip saddr 10.213.8.0/24 ip daddr ${INSIDE} masquerade; }
}
table ip wall {
  chain through { type filter hook forward priority filter; policy drop; ct state established,related accept; iifname "lan0" accept; ct status dnat accept; }
}`;

// A network that lets nothing out but TCP to 443. With `looks` it also drops what is STUN in the clear, framed (RFC 4571) or not, as walls
// do that look for TLS.
const narrow = (looks) => `
table inet narrow {
  chain out { type filter hook output priority filter; policy drop; oif "lo" accept;
    ${looks ? 'tcp dport 443 @ih,32,32 0x2112a442 counter drop; tcp dport 443 @ih,48,32 0x2112a442 counter drop;' : ''}
    tcp dport 443 accept; meta l4proto udp counter drop; }
  chain in { type filter hook input priority filter; policy drop; iif "lo" accept; ct state established accept; }
}`;

export class Routed {
  /** Undefined where there are no namespaces to be had. */
  static start() {
    const routed = new Routed();
    routed.tag = `cf${process.pid}`;
    routed.folder = temporary('routed');
    const ready = spawnSync('nft', ['--version']).status === 0 && spawnSync('ip', ['netns', 'add', routed.ns('router')]).status === 0;
    if (!ready) return undefined;
    process.on('exit', () => routed.stop());
    for (const name of HOSTS.slice(1)) execFileSync('ip', ['netns', 'add', routed.ns(name)]);
    routed.sh('router', links((name) => routed.ns(name)));
    routed.sh('server', host(INSIDE, '10.213.8.1'));
    routed.sh('inside', host('10.213.8.3', '10.213.8.1'));
    routed.sh('outside', host('203.0.113.50', PUBLIC));
    routed.leadsBack(true);
    return routed;
  }

  ns(name) { return `${this.tag}-${name}`; }

  sh(name, script) { execFileSync('ip', ['netns', 'exec', this.ns(name), 'sh', '-e'], { input: script }); }

  #nft(name, rules) { execFileSync('ip', ['netns', 'exec', this.ns(name), 'nft', '-f', '-'], { input: rules }); }

  /** Whether the router leads people from inside who ask for its public address back in. */
  leadsBack(back) { this.#nft('router', router(back)); }

  /** Lets nothing out of a host but TCP to 443, or with `looks`: but TLS. */
  narrow(name, looks) { this.#nft(name, `flush ruleset\n${narrow(looks)}`); }

  open(name) { this.#nft(name, 'flush ruleset'); }

  /** Words before a program that runs it on a host to whom the server's name means `address`. */
  on(name, address = PUBLIC) {
    const hosts = join(this.folder, `hosts-${address}`);
    writeFileSync(hosts, `127.0.0.1 localhost\n${address} ${NAME}\n`);
    // This machine's name servers are not to be reached from there: a browser would wait for them.
    const servers = join(this.folder, 'resolv.conf');
    writeFileSync(servers, 'nameserver 127.0.0.1\n');
    return ['ip', 'netns', 'exec', this.ns(name), 'sh', '-c', `mount --bind ${hosts} /etc/hosts && mount --bind ${servers} /etc/resolv.conf && exec "$0" "$@"`];
  }

  /** The same as a program, for what starts programs itself. */
  browser(name, address) {
    const file = join(this.folder, `chromium-${name}-${address ?? PUBLIC}`);
    const [first, ...rest] = this.on(name, address).map((word) => `'${word}'`);
    writeFileSync(file, `#!/bin/sh\nexec ${[first, ...rest].join(' ')} /usr/bin/chromium "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  }

  stop() {
    if (this.stopped) return;
    this.stopped = true;
    for (const name of HOSTS) spawnSync('ip', ['netns', 'del', this.ns(name)]);
  }
}
