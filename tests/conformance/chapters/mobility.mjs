// Mobility (RFC 8016).

import { check, notApplicable, outcome, refused, succeeds } from '../assertion.mjs';
import { channelData, channelPayload, isChannelData, lifetime, mobilityTicket } from '../../support/stun.mjs';

const profile = 'mobility';

/** An allocation with a ticket. */
async function mobile(t) {
  const client = await t.client();
  const answer = await client.allocate(mobilityTicket());
  if (answer.error === 405) notApplicable('mobility is forbidden (405)');
  client.relayed = succeeds(answer, 'Allocate with MOBILITY-TICKET').address('XorRelayedAddress');
  client.ticket = answer.get('MobilityTicket');
  if (!client.ticket) {
    await client.refresh(0);
    notApplicable('MOBILITY-TICKET is not known');
  }
  return client;
}
const move = (client, ticket) => client.request('Refresh', [lifetime(600), mobilityTicket(ticket)]);

export const chapter = [
  {
    number: 117, section: 'RFC 8016 §3.1', title: 'an empty MOBILITY-TICKET gets a ticket; one that is not empty 400; where it is off 405',
    profile, fallback: true,
    async run(t) {
      const client = await mobile(t);
      check(client.ticket.length > 0, 'an empty ticket');
      refused(await (await t.client()).allocate(mobilityTicket(Buffer.from('ticket'))), 400, 'Allocate with a ticket');
      succeeds(await client.refresh(0), 'Refresh');
      const off = await t.elsewhere('base');
      if (off === t.server) return;
      const answer = await (await t.client({ server: off })).allocate(mobilityTicket());
      if (answer.kind === 'success' && !answer.has('MobilityTicket')) return t.note('where it is off, MOBILITY-TICKET is not known');
      refused(answer, 405, 'where mobility is off');
    },
  },
  {
    number: 118, section: 'RFC 8016 §3.2', title: 'Refresh with the ticket from elsewhere: success, another ticket; unknown 437; another user 441',
    profile, fallback: true, needs: ['two users'],
    async run(t) {
      const client = await mobile(t);
      const stranger = await t.client({ credential: t.otherUser() });
      refused(await move(stranger, client.ticket), 441, "another user's Refresh");
      const elsewhere = await t.client({ credential: client.credential });
      refused(await move(elsewhere, Buffer.alloc(client.ticket.length, 7)), [400, 437], 'an unknown ticket');
      const answer = succeeds(await move(elsewhere, client.ticket), 'Refresh with the ticket');
      const next = answer.get('MobilityTicket');
      check(next?.length > 0, 'no ticket in the answer');
      check(!next.equals(client.ticket), 'the same ticket again');
      // It is the same allocation: its permissions count, and the next ticket works.
      const peer = await t.peer();
      succeeds(await elsewhere.permit(peer.endpoint), 'CreatePermission from the new 5-tuple');
      const got = await t.sendArrives(elsewhere, peer);
      check(got.from === client.relayed, `relayed by ${got.from}, not ${client.relayed}`);
      const third = await t.client({ credential: client.credential });
      const again = await move(third, next);
      succeeds(again, 'Refresh with the next ticket');
      succeeds(await third.refresh(0), 'Refresh');
    },
  },
  {
    number: 119, section: 'RFC 8016 §3.2', title: "the peer's data goes the old way until the client sends on the new one",
    profile, fallback: true,
    async run(t) {
      const client = await mobile(t);
      const peer = await t.peer();
      succeeds(await client.bind(0x4000, peer.endpoint), 'ChannelBind');
      const elsewhere = await t.client({ credential: client.credential });
      elsewhere.relayed = client.relayed;
      succeeds(await move(elsewhere, client.ticket), 'Refresh with the ticket');
      await peer.send('the old way', client.relayed);
      const old = await client.next(2_000, isChannelData).catch(() => undefined);
      check(old && channelPayload(old).toString() === 'the old way', 'nothing came on the old 5-tuple before the client sent on the new one');
      elsewhere.send(channelData(0x4000, 'from elsewhere'));
      await t.arrives(peer, 'from elsewhere', 'ChannelData on the new 5-tuple');
      await peer.send('the new way', client.relayed);
      const fresh = await elsewhere.next(2_000, isChannelData).catch(() => undefined);
      check(fresh && channelPayload(fresh).toString() === 'the new way', `after the client's data: ${outcome(undefined)} on the new 5-tuple`);
      succeeds(await elsewhere.refresh(0), 'Refresh');
    },
  },
];
