// The first set-up: clients, server and peers on loopback, told apart by their addresses.

/** Where a server is, and what the load tool has to know of it. */
export async function openLoopback() {
  return {
    name: 'loopback',
    place: { within: [], listen: '127.0.0.1', relayed: '127.0.0.1', clients: '127.0.0.0/8', peers: '127.0.0.0/8', lab: true },
    bench: [],
    loadFlags: ['--client-addresses', '127.1.0.0/16', '--peer-addresses', '127.2.0.0/16'],
    async close() {},
  };
}
