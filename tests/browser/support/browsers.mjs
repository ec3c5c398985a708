import puppeteer from 'puppeteer-core';
import { toneFile } from './tone.mjs';

const kChromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const kFirefox = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

// The window's own size, which each version of each browser knows how to have.
const kWidth = 1000;
const kHeight = 700;

/** Headless Chromium whose microphone hears a continuous tone. */
export async function launchChromium({ args = [] } = {}) {
  const tone = await toneFile();
  const browser = await puppeteer.launch({
    executablePath: kChromium,
    headless: true,
    defaultViewport: { width: kWidth, height: kHeight },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${tone.file}`,
      '--autoplay-policy=no-user-gesture-required',
      '--allow-loopback-in-peer-connection',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      ...args,
    ],
  });
  browser.once('disconnected', () => void tone.remove());
  return browser;
}

/** Headless Firefox, over WebDriver BiDi. Its fake microphone is a 440 Hz tone already. */
export function launchFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: kFirefox,
    headless: true,
    // Firefox ESR 140 does not know all that puppeteer would set.
    defaultViewport: null,
    args: [`--width=${kWidth}`, `--height=${kHeight}`],
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.autoplay.block-webaudio': false,
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
    },
  });
}
