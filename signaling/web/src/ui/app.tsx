import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { readAddress, roomPath, type Address } from '../address';
import { Call } from '../call';
import { Microphone } from '../media';
import { storage } from '../storage';
import { CallView } from './call_view';
import { setCurrentCall } from './current_call';
import { Ended } from './ended';
import { Home } from './home';
import { useWatch } from './hooks';
import { Prejoin, type Choice } from './prejoin';

/** Which of the four pages is shown: home, before the call, the call, after it. */
export function App(): JSX.Element {
  const [address, setAddress] = useState<Address>(() => readAddress(window.location));
  useEffect(() => {
    const moved = (): void => setAddress(readAddress(window.location));
    window.addEventListener('popstate', moved);
    return () => window.removeEventListener('popstate', moved);
  }, []);
  const go = (path: string): void => {
    history.pushState(null, '', path);
    setAddress(readAddress(window.location));
  };

  useEffect(() => {
    document.title = address.room ? `${address.room} – Turnpike` : 'Turnpike';
  }, [address.room]);

  return address.room ? (
    <RoomPage key={address.room} room={address.room} address={address} goHome={() => go('/')} />
  ) : (
    <Home open={(room) => go(roomPath(room))} />
  );
}

interface RoomPageProps {
  room: string;
  address: Address;
  goHome(): void;
}

function RoomPage({ room, address, goHome }: RoomPageProps): JSX.Element {
  const microphone = useMemo(() => new Microphone(storage.get<string | undefined>('microphone', undefined)), []);
  const [call, setCall] = useState<Call>();
  const choice = useRef<Choice>({
    name: address.name ?? storage.get('name', ''),
    relayOnly: address.relayOnly ?? storage.get('relayOnly', false),
  });

  const join = (): void => {
    const next = new Call({ room, ...choice.current, microphone });
    setCurrentCall(next);
    setCall(next);
    next.start();
  };

  useEffect(() => {
    if (address.muted) microphone.setMuted(true);
    const opened = microphone.open();
    // Alone it may wait for nobody's permission: who joins by address is heard as soon as there is a microphone.
    if (address.autojoin) void opened.then(join);
    return () => microphone.close();
  }, []);
  useEffect(() => () => call?.leave(), [call]);

  if (!call) {
    return (
      <Prejoin
        room={room}
        microphone={microphone}
        choice={choice.current}
        goHome={goHome}
        join={(chosen) => {
          choice.current = chosen;
          storage.set('name', chosen.name);
          storage.set('relayOnly', chosen.relayOnly);
          if (microphone.deviceId) storage.set('microphone', microphone.deviceId);
          join();
        }}
      />
    );
  }
  return <CallPage call={call} rejoin={join} goHome={goHome} />;
}

function CallPage({ call, rejoin, goHome }: { call: Call; rejoin(): void; goHome(): void }): JSX.Element {
  useWatch(call);
  return call.phase === 'ended' ? <Ended call={call} rejoin={rejoin} goHome={goHome} /> : <CallView call={call} />;
}
