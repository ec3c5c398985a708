// Any server as a subject: one configuration, and what the flags say of it.

/** @param facts what the command line says: {host, ports, secret, credentials, peers, denied, relayPorts, host6} */
export function foreignServer(name, facts) {
  return {
    name,
    core: false,
    profile(wanted) {
      if (wanted === 'base') return facts;
      return { missing: 'needs a server that is configured for it' };
    },
    async stop() {},
  };
}
