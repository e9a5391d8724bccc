import type { TaskState } from '@mandate/contracts';
import type { Output, Style } from '../output.js';

const STYLES: Record<string, Style> = {
  TASK_STATE_COMPLETED: 'green',
  TASK_STATE_FAILED: 'red',
  TASK_STATE_REJECTED: 'red',
  TASK_STATE_CANCELED: 'yellow',
  TASK_STATE_INPUT_REQUIRED: 'magenta',
  TASK_STATE_WORKING: 'cyan',
};

export const STATES: readonly TaskState[] = [
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_INPUT_REQUIRED',
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
];

/** `TASK_STATE_INPUT_REQUIRED` is "input-required" to people. */
export const stateName = (state: TaskState): string => state.replace('TASK_STATE_', '').toLowerCase().replaceAll('_', '-');

export const stateText = (output: Output, state: TaskState): string => output.paint(STYLES[state] ?? 'dim', stateName(state));

/** Undefined for what is no state, in either way of writing it. */
export const parseState = (text: string): TaskState | undefined =>
  STATES.find((state) => state === text || stateName(state) === text.toLowerCase());

export const tookText = (from: string | null | undefined, to: string | null | undefined): string => {
  if (!from || !to) return '';
  return durationText(Date.parse(to) - Date.parse(from));
};

export const durationText = (ms: number): string => {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};
