// The second set-up: three hosts and two wires, as network namespaces. What the relay receives is received by its own
// core, as from a network card: the wires' ends are polled by threads of the kernel (threaded NAPI), the relay's on the
// server's core and the others on the load's.
//
//   clients 10.1.0.2 ═══ 10.1.0.1 relay 10.2.0.1 ═══ 10.2.0.2 peers
//   10.3.0.0/16                                            10.4.0.0/16

import { Network } from '../../tests/support/namespaces.mjs';
import { kernelThreads, loadCore, pin, serverCore } from './machine.mjs';

const fleet = ['--client-addresses', '10.3.0.0/16', '--peer-addresses', '10.4.0.0/16'];

export async function openWire() {
  const network = await Network.create();
  try {
    await network.link('clients', ['10.1.0.2/24'], 'relay', ['10.1.0.1/24']);
    await network.link('relay', ['10.2.0.1/24'], 'peers', ['10.2.0.2/24']);
    await network.exec('clients', 'ip', 'route', 'add', 'local', '10.3.0.0/16', 'dev', 'lo');
    await network.exec('clients', 'ip', 'route', 'add', 'default', 'via', '10.1.0.1');
    await network.exec('peers', 'ip', 'route', 'add', 'local', '10.4.0.0/16', 'dev', 'lo');
    await network.exec('peers', 'ip', 'route', 'add', 'default', 'via', '10.2.0.1');
    await network.exec('relay', 'ip', 'route', 'add', '10.3.0.0/16', 'via', '10.1.0.2');
    await network.exec('relay', 'ip', 'route', 'add', '10.4.0.0/16', 'via', '10.2.0.2');
    const threads = { relay: [], others: [] };
    for (const [host, end] of [['clients', 'to-relay'], ['relay', 'to-clients'], ['relay', 'to-peers'], ['peers', 'to-relay']]) {
      // Without segmentation the receiver polls; generic receive offload gives each end its queue to poll, once the link is up.
      await network.exec(host, 'ethtool', '-K', end, 'tso', 'off', 'gro', 'off');
      await network.exec(host, 'ethtool', '-K', end, 'gro', 'on');
      const before = new Set(await kernelThreads([`napi/${end}`]));
      await network.exec(host, 'sh', '-c', `echo 1 > /sys/class/net/${end}/threaded`);
      for (const pid of await kernelThreads([`napi/${end}`])) {
        if (before.has(pid)) continue;
        await pin(pid, host === 'relay' ? serverCore : loadCore);
        threads[host === 'relay' ? 'relay' : 'others'].push(pid);
      }
    }
    if (threads.relay.length < 2) throw new Error('the wires are not polled by threads of the kernel (threaded NAPI): no figure would be the relay\'s own');
    const mac = async (end) => (await network.exec('relay', 'cat', `/sys/class/net/${end}/address`)).trim();
    const netns = (host) => `${network.prefix}-${host}`;
    return {
      name: 'wire',
      place: { within: network.within('relay'), listen: '10.1.0.1', relayed: '10.2.0.1', clients: '10.0.0.0/8', peers: '10.4.0.0/16', fleet },
      bench: network.within('clients'),
      loadFlags: [...fleet, '--peer-netns', netns('peers')],
      frameFlags: [
        '--client-wire', `${netns('clients')}/to-relay=${await mac('to-clients')}`,
        '--peer-wire', `${netns('peers')}/to-relay=${await mac('to-peers')}`,
      ],
      // Their time is the server's too.
      threads: threads.relay,
      network,
      close: () => network.remove(),
    };
  } catch (error) {
    await network.remove();
    throw error;
  }
}
