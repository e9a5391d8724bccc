import { migrate } from '@mandate/event-store';
import type { Template } from './database.js';

/** The server lives for one run, so within it the migrations cannot change and any key will do. */
export const migratedTemplate = (): Template => ({ name: 'event-store', key: '', fill: (url) => migrate(url) });
