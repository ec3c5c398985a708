import { conformanceSuite } from './suite.mjs';

conformanceSuite(1);
