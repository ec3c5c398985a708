// The signaling protocol from outside, for tests: JSON-RPC over a WebSocket, plain enough to send garbage.

import WebSocket from 'ws';

export class Rpc {
  static async open(stack, { subprotocol = 'turnpike.v1', hello = true, tls = {} } = {}) {
    const rpc = new Rpc();
    rpc.socket = new WebSocket(stack.wsUrl, subprotocol, tls);
    rpc.nextId = 1;
    rpc.waiting = new Map();
    rpc.events = [];
    rpc.watchers = new Set();
    rpc.closed = new Promise((resolve) => {
      rpc.socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    rpc.socket.on('message', (data) => rpc.#receive(data.toString()));
    await new Promise((resolve, reject) => rpc.socket.once('open', resolve).once('error', reject));
    rpc.socket.on('error', () => {});
    if (hello) rpc.session = await rpc.call('session.hello', { v: 1, client: 'test', token: null });
    return rpc;
  }

  #receive(text) {
    const message = JSON.parse(text);
    const waiting = message.id !== undefined && this.waiting.get(message.id);
    if (waiting) {
      this.waiting.delete(message.id);
      waiting(message);
      return;
    }
    this.events.push(message);
    for (const watcher of this.watchers) watcher();
  }

  raw(data) {
    this.socket.send(data);
  }

  /** The whole answer: {result} or {error}. */
  ask(method, params = {}, deadlineMs = 10_000) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), deadlineMs);
      this.waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.raw(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  async call(method, params) {
    const answer = await this.ask(method, params);
    if (answer.error) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }

  /** The first message that `wanted` likes among those that no request asked for. */
  event(wanted, deadlineMs = 10_000) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const at = this.events.findIndex(wanted);
        if (at < 0) return false;
        clearTimeout(timer);
        this.watchers.delete(look);
        resolve(this.events.splice(at, 1)[0]);
        return true;
      };
      const timer = setTimeout(() => {
        this.watchers.delete(look);
        reject(new Error(`no such message among ${JSON.stringify(this.events)}`));
      }, deadlineMs);
      if (!look()) this.watchers.add(look);
    });
  }

  close() {
    this.socket.close();
    return this.closed;
  }
}
