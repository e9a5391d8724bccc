/** `mandate audit …`: what happened, and the proof of it. */
import type { Register } from '../commands/context.js';
import { registerEvents } from './events.js';
import { registerExport } from './export.js';
import { registerFork } from './fork.js';
import { registerRebuild } from './rebuild.js';
import { registerState } from './state.js';
import { registerStory } from './story.js';
import { registerErase, registerErasures } from './erase.js';
import { registerLearningData } from './learning-data.js';
import { registerCleanup, registerHold, registerRelease, registerRetention } from './retention.js';
import { registerCheckpoint, registerProve, registerVkey } from './fetch.js';
import { registerMirror } from './mirror.js';
import { registerReceipt } from './receipt.js';
import { registerVerify } from './verify.js';
import { registerWitness } from './witness/index.js';

const COMMANDS: readonly Register[] = [
  registerEvents,
  registerExport,
  registerState,
  registerStory,
  registerFork,
  registerRebuild,
  registerCheckpoint,
  registerProve,
  registerVkey,
  registerMirror,
  registerReceipt,
  registerVerify,
  registerWitness,
  registerErase,
  registerErasures,
  registerLearningData,
  registerRetention,
  registerHold,
  registerRelease,
  registerCleanup,
];

export const registerAudit: Register = (program, context) => {
  const group = program.command('audit').description('the audit trail: searched, exported, proved, verified offline');
  group.exitOverride();
  for (const register of COMMANDS) register(group, context);
};
