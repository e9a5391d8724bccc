import * as eventStore from '@mandate/event-store';
import type { Template } from './database.js';

export const migratedTemplate = (): Template => ({ name: 'event-store', key: 'this run', fill: (url) => eventStore.migrate(url) });
