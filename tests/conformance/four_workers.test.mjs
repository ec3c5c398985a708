import { conformanceSuite } from './suite.mjs';

conformanceSuite(4);
