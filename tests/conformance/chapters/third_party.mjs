// Third-party authorization (RFC 7635).

import { randomBytes } from 'node:crypto';
import { check, notApplicable, refused, succeeds } from '../assertion.mjs';
import { attribute, lifetime, requestedTransport, types } from '../../support/stun.mjs';
import { accessToken } from '../third_party_token.mjs';

export const chapter = [
  {
    number: 120, section: 'RFC 7635 §4, §5', title: 'THIRD-PARTY-AUTHORIZATION in the 401; a bad or expired token is 401; LIFETIME ends with the token',
    profile: 'third_party', fallback: true,
    async run(t) {
      const client = await t.client();
      const challenge = await client.challenge();
      if (!challenge.has('ThirdPartyAuthorization')) notApplicable('third-party authorization is not offered');
      const { thirdParty } = t.server;
      if (!thirdParty) notApplicable('its authorization server is not known');
      check(challenge.text('ThirdPartyAuthorization') === thirdParty.serverName, `THIRD-PARTY-AUTHORIZATION ${challenge.text('ThirdPartyAuthorization')}`);

      const macKey = randomBytes(20);
      const ask = (token, key = macKey, attributes = []) =>
        client.exchange(client.sign('Allocate', [requestedTransport(), ...attributes], { username: thirdParty.id, key, extra: [attribute(types.AccessToken, token)] }));
      const token = (options) => accessToken({ ...thirdParty, macKey, ...options });
      refused(await ask(randomBytes(64)), 401, 'a token that is none');
      refused(await ask(token({ key: randomBytes(32) })), 401, "a token of another server's key");
      refused(await ask(token({ serverName: 'https://elsewhere.example.org' })), 401, 'a token for another server');
      refused(await ask(token({ lifetimeS: 60, ageS: 120 })), 401, 'an expired token');
      refused(await ask(token(), randomBytes(20)), 401, 'a token with another MAC key');
      const good = token({ lifetimeS: 900 });
      const answer = succeeds(await ask(good, macKey, [lifetime(3600)]), 'Allocate with a good token');
      check(answer.number('Lifetime') <= 900, `LIFETIME ${answer.number('Lifetime')} for a token of 900 s`);
      check(answer.provenBy(macKey), 'the answer is not signed with the MAC key');
      succeeds(await client.exchange(client.sign('Refresh', [lifetime(0)], { username: thirdParty.id, key: macKey, extra: [attribute(types.AccessToken, good)] })), 'Refresh');
    },
  },
];
