// NAT behaviour discovery (RFC 5780).

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { check, notApplicable, outcome, refused, succeeds } from '../assertion.mjs';
import { attribute, changeRequest, decode, encode, joinEndpoint, splitEndpoint, transactionId, types, u32 } from '../../support/stun.mjs';

const profile = 'behaviour_discovery';

/** Sends a Binding from a socket that hears everybody; {answer, from}, or undefined. */
async function ask(t, attributes, { socket, deadlineMs = 1_500 } = {}) {
  const own = socket ?? (await open(t));
  const { host, ports } = t.server;
  const message = encode('request', 'Binding', transactionId(), attributes);
  const heard = listen(own, message.subarray(8, 20), deadlineMs);
  own.send(message, ports.udp, host);
  return heard;
}
async function open(t) {
  const socket = t.keep(createSocket('udp4'));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
function listen(socket, id, deadlineMs) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), deadlineMs);
    const look = (bytes, from) => {
      const answer = decode(bytes);
      if (!answer?.id.equals(id)) return;
      clearTimeout(timer);
      socket.off('message', look);
      resolve({ answer, from: joinEndpoint(from.address, from.port) });
    };
    socket.on('message', look);
  });
}

async function discovers(t) {
  const { answer } = (await ask(t, [])) ?? {};
  succeeds(answer, 'Binding');
  if (!answer.has('ResponseOrigin')) notApplicable('RFC 5780 is off');
  return answer;
}

export const chapter = [
  {
    number: 121, section: 'RFC 5780 §6.1, §7', title: 'RESPONSE-ORIGIN, OTHER-ADDRESS; CHANGE-REQUEST is obeyed; over TCP or where it cannot be: 420',
    profile, fallback: true,
    async run(t) {
      const answer = await discovers(t);
      const asked = joinEndpoint(t.server.host, t.server.ports.udp);
      check(answer.address('ResponseOrigin') === asked, `RESPONSE-ORIGIN ${answer.address('ResponseOrigin')}, not ${asked}`);
      const other = answer.address('OtherAddress');
      if (other) {
        const [mine, alternate] = [splitEndpoint(asked), splitEndpoint(other)];
        check(mine.host !== alternate.host && mine.port !== alternate.port, `OTHER-ADDRESS ${other} shares something with ${asked}`);
        for (const [change, from] of [
          [{ port: true }, joinEndpoint(mine.host, alternate.port)],
          [{ ip: true }, joinEndpoint(alternate.host, mine.port)],
          [{ ip: true, port: true }, other],
          [{}, asked],
        ]) {
          const got = await ask(t, [changeRequest(change)]);
          const what = `CHANGE-REQUEST ${JSON.stringify(change)}`;
          succeeds(got?.answer, what);
          check(got.from === from, `${what}: answered by ${got.from}, not ${from}`);
          check(got.answer.address('ResponseOrigin') === from, `${what}: RESPONSE-ORIGIN ${got.answer.address('ResponseOrigin')}`);
        }
      } else {
        refused((await ask(t, [changeRequest({ ip: true })]))?.answer, 420, 'CHANGE-REQUEST without a second address');
        t.note('one address only');
      }
      if (t.server.ports.tcp) {
        const stream = await t.client({ transport: 'tcp' });
        const refusal = refused(await stream.bare('Binding', [changeRequest({ port: true })]), [400, 420], 'CHANGE-REQUEST over TCP');
        if (refusal.error !== 420) t.note(`CHANGE-REQUEST over TCP: ${outcome(refusal)}`);
      }
    },
  },
  {
    number: 122, section: 'RFC 5780 §6.1, §7.5, §7.6', title: 'RESPONSE-PORT is obeyed; with PADDING 400; PADDING is answered with PADDING',
    profile, fallback: true,
    async run(t) {
      await discovers(t);
      const [asking, listening] = [await open(t), await open(t)];
      const responsePort = u32(types.ResponsePort, listening.address().port * 2 ** 16);
      const message = encode('request', 'Binding', transactionId(), [responsePort]);
      const elsewhere = listen(listening, message.subarray(8, 20), 1_500);
      asking.send(message, t.server.ports.udp, t.server.host);
      const got = await elsewhere;
      check(got?.answer.kind === 'success', `RESPONSE-PORT: ${outcome(got?.answer)} at that port`);
      const padding = attribute(types.Padding, Buffer.alloc(1_024));
      refused((await ask(t, [responsePort, padding], { socket: asking }))?.answer, 400, 'RESPONSE-PORT with PADDING');
      const padded = succeeds((await ask(t, [padding]))?.answer, 'PADDING');
      check(padded.has('Padding'), 'no PADDING in the answer');
      check(padded.get('Padding').length > 0, 'an empty PADDING in the answer');
    },
  },
];
