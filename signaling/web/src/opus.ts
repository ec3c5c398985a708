/**
 * Asks our encoder to send almost nothing in silence (Opus DTX: RFC 7587, 6.1). Put into the remote
 * description before it is set, since that is where an encoder's wishes come from, and there is no
 * other interface for it (w3c/webrtc-extensions#120).
 */
export function withDtx(sdp: string): string {
  const payload = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (payload === undefined) return sdp;
  const fmtp = new RegExp(`^(a=fmtp:${payload} )(.*?)(\\r?)$`, 'm');
  const found = fmtp.exec(sdp);
  if (!found) return sdp.replace(new RegExp(`^(a=rtpmap:${payload} .*?)(\\r?\\n)`, 'm'), `$1$2a=fmtp:${payload} usedtx=1$2`);
  if (/\busedtx=/.test(found[2] ?? '')) return sdp;
  return sdp.replace(fmtp, '$1$2;usedtx=1$3');
}
