import { expect, test } from 'vitest';
import { withDtx } from '../src/opus';

test('adds the wish to what is there', () => {
  const sdp = 'm=audio 9 X 111 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n';
  expect(withDtx(sdp)).toBe(sdp.replace('useinbandfec=1', 'useinbandfec=1;usedtx=1'));
});

test('makes the line when there is none, and changes nothing that is said already', () => {
  expect(withDtx('a=rtpmap:109 opus/48000/2\r\na=mid:0\r\n')).toBe('a=rtpmap:109 opus/48000/2\r\na=fmtp:109 usedtx=1\r\na=mid:0\r\n');
  const said = 'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 usedtx=0\r\n';
  expect(withDtx(said)).toBe(said);
  expect(withDtx('v=0\r\n')).toBe('v=0\r\n');
});
