// The whole list as tests of our relay, one an assertion, for ./dev test.

import { after, before, test } from 'node:test';
import { ourRelay } from './ours.mjs';
import { assertions, run } from './runner.mjs';

/** @param workers of the relay */
export function conformanceSuite(workers) {
  const subject = ourRelay({ workers });
  let results;
  before(async () => (results = await run(subject)));
  after(() => subject.stop());

  assertions.forEach(({ number, section, title }, i) => {
    test(`${number}. ${section}: ${title}`, (t) => {
      const { result, reason } = results[i];
      if (result === 'n/a') t.skip(reason);
      else if (result === 'fail') throw new Error(reason);
    });
  });
}
