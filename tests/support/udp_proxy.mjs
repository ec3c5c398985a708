// A UDP proxy in front of a server that treats ChannelData badly, as a test says: a server that loses, or is slow.
//
//   const proxy = await startProxy(port, { drop: (number) => number % 5 === 0 });
//   … 127.0.0.1:proxy.port …  proxy.seen is the ChannelData that came
//   await proxy.close();
//
// options, for each datagram of ChannelData in either direction
//   drop      whether the datagram with this number is lost
//   delayMs   how long each one waits
//   perSecond, queue   so many are let through in a second; so many wait, more are lost

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const kTickMs = 5;

async function open() {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 1 << 20 });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

export async function startProxy(serverPort, { drop = () => false, delayMs = 0, perSecond = 0, queue = 100 } = {}) {
  const front = await open();
  const clients = new Map(); // "address:port" → a promise of its socket towards the server
  const waiting = [];
  const proxy = { port: front.address().port, seen: 0, dropped: 0 };
  let closed = false;

  const pass = (bytes, send) => {
    const channelData = bytes[0] >= 0x40 && bytes[0] <= 0x7f;
    if (!channelData) return send();
    proxy.seen += 1;
    if (drop(proxy.seen)) {
      proxy.dropped += 1;
    } else if (perSecond > 0) {
      if (waiting.length < queue) waiting.push(send);
      else proxy.dropped += 1;
    } else if (delayMs > 0) {
      setTimeout(() => closed || send(), delayMs);
    } else {
      send();
    }
  };
  const began = performance.now();
  let passed = 0;
  const ticks = setInterval(() => {
    const allowed = ((performance.now() - began) / 1000) * perSecond;
    // What was not used is gone: a queue that stands empty saves nothing up.
    if (waiting.length === 0) passed = allowed;
    for (; passed < allowed && waiting.length > 0; passed += 1) waiting.shift()();
  }, kTickMs);

  const clientSocket = async ({ address, port }) => {
    const socket = await open();
    socket.on('message', (bytes) => pass(bytes, () => closed || front.send(bytes, port, address)));
    return socket;
  };
  front.on('message', async (bytes, from) => {
    const name = `${from.address}:${from.port}`;
    if (!clients.has(name)) clients.set(name, clientSocket(from));
    const socket = await clients.get(name);
    pass(bytes, () => closed || socket.send(bytes, serverPort, '127.0.0.1'));
  });

  proxy.close = async () => {
    closed = true;
    clearInterval(ticks);
    front.close();
    for (const socket of clients.values()) (await socket).close();
  };
  return proxy;
}
