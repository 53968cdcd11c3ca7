// A network of the test's own: Firefox's media never goes over loopback, and a server that others could reach is no place for a test.
import { spawnSync } from 'node:child_process';

/** The address of this machine in it. */
export const OWN_ADDRESS = '10.213.7.1';

// No address may come seconds later, as IPv6's own would: browsers take that for a change of network and give up what they are loading.
const SET_UP = `ip link set lo up && ip link add own0 type veth peer name own1
  && ip link set own0 addrgenmode none && ip link set own1 addrgenmode none && ip addr add ${OWN_ADDRESS}/24 dev own0
  && ip link set own0 up && ip link set own1 up && ip route add default via 10.213.7.2 dev own0`.replaceAll('\n', ' ');

/**
 * Runs this file again in a network namespace, ends with what came of it, and returns only there. Needs root, or a system that lets users
 * have namespaces; CI has the former.
 */
export function inOwnNetwork(file) {
  if (process.env.CONFAB_OWN_NETWORK) return;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const user = process.getuid() === 0 ? [] : ['--map-root-user'];
  const run = `${SET_UP} && exec "${process.execPath}" --test --test-timeout=600000 "${file}"`;
  const { status } = spawnSync('unshare', [...user, '--net', 'sh', '-c', run], { stdio: 'inherit', env: { ...env, CONFAB_OWN_NETWORK: '1' } });
  process.exit(status ?? 1);
}
