import { render } from 'preact';
import { exposeDebug } from './debug';
import { App } from './ui/app';
import { currentCall } from './ui/current_call';

exposeDebug(currentCall);
render(<App />, document.getElementById('app')!);
