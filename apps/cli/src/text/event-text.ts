/** One line for each event that a person cares about. */
import type { EventView } from '@mandate/contracts';
import type { Output, Style } from '../output.js';
import { tookText } from './state-text.js';

type Data = Record<string, unknown>;

export const eventName = (type: string): string => /\.([a-z]+)\.v\d+$/.exec(type)?.[1] ?? type;

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const percent = (value: unknown): string => (typeof value === 'number' ? ` ${Math.round(value * 100)} %` : '');

interface Line {
  mark: string;
  style: Style;
  what: string;
  detail: string;
}

export class EventNarrator {
  private readonly capabilities = new Map<string, string>();
  private readonly startedAt = new Map<string, string>();
  private requestedAt = '';

  constructor(private readonly output: Output) {}

  /** Null for an event that tells a person nothing new. */
  line(event: EventView): string | null {
    const data = (event.data ?? {}) as Data;
    this.remember(event, data);
    const line = this.describe(eventName(event.type), event, data);
    if (!line) return null;
    const detail = line.detail ? `  ${this.output.paint('dim', line.detail)}` : '';
    return `  ${this.output.paint(line.style, line.mark)} ${line.what}${detail}`;
  }

  private remember(event: EventView, data: Data): void {
    const name = eventName(event.type);
    const stepId = text(data['stepId']);
    if (name === 'requested') this.requestedAt = event.time;
    if (name === 'planned' && Array.isArray(data['steps']))
      for (const step of data['steps'] as Data[]) this.capabilities.set(text(step['id']), text(step['capability']));
    if (name === 'stepdispatched') {
      this.capabilities.set(stepId, text(data['capability']));
      this.startedAt.set(stepId, event.time);
    }
  }

  private step(data: Data): string {
    const id = text(data['stepId']);
    const widths = [...this.capabilities].map(([known, capability]) => stepLabel(known, capability).length);
    return stepLabel(id, this.capabilities.get(id) ?? '').padEnd(Math.max(0, ...widths));
  }

  private describe(name: string, event: EventView, data: Data): Line | null {
    return this.describeDelegation(name, event, data) ?? this.describeStep(name, event, data) ?? this.describePeople(name, data);
  }

  private describeDelegation(name: string, event: EventView, data: Data): Line | null {
    const took = tookText(this.requestedAt, event.time);
    switch (name) {
      case 'recognised':
        return {
          mark: '◆',
          style: 'cyan',
          what: `recognised as ${text(data['pattern'])}${percent(data['confidence'])}`,
          detail: text(data['model']),
        };
      case 'fellback':
        return { mark: '◆', style: 'yellow', what: `fell back to ${text(data['capability'])}`, detail: text(data['reason']) };
      case 'planned':
        return { mark: '◆', style: 'cyan', what: planText(data), detail: text(data['by']) && `by ${text(data['by'])}` };
      case 'compensating':
        return { mark: '↶', style: 'yellow', what: `${text(data['outcome'])}: undoes what was done first`, detail: text(data['code']) };
      case 'completed':
        return { mark: '✔', style: 'green', what: 'completed', detail: took };
      case 'failed':
        return { mark: '✘', style: 'red', what: `failed: ${text(data['code'])}`, detail: took };
      case 'canceled':
        return { mark: '✘', style: 'yellow', what: `canceled${data['by'] ? ` by ${text(data['by'])}` : ''}`, detail: took };
      case 'rejected':
        return { mark: '✘', style: 'red', what: `rejected: ${text(data['code'])}`, detail: '' };
      default:
        return null;
    }
  }

  private describeStep(name: string, event: EventView, data: Data): Line | null {
    const what = this.step(data);
    switch (name) {
      case 'stepstarted':
        return { mark: '▸', style: 'cyan', what: `${what}  working`, detail: text(data['instance']) };
      case 'stepsucceeded':
        return { mark: '✔', style: 'green', what: `${what}  done`, detail: tookText(this.startedAt.get(text(data['stepId'])), event.time) };
      case 'stepfailed':
        return { mark: '✘', style: 'red', what: `${what}  failed: ${text(data['code'])}`, detail: '' };
      case 'stepretried':
        return {
          mark: '↻',
          style: 'yellow',
          what: `${what}  again: ${text(data['code'])}`,
          detail: `attempt ${text(data['attempt'])} ended`,
        };
      case 'steptimedout':
        return { mark: '↻', style: 'yellow', what: `${what}  timed out`, detail: text(data['timeout']) };
      default:
        return null;
    }
  }

  private describePeople(name: string, data: Data): Line | null {
    const whose = data['stepId'] ? ` for ${text(data['stepId'])}` : '';
    switch (name) {
      case 'inputrequired':
        return {
          mark: '?',
          style: 'magenta',
          what: `${this.step(data)}  asks ${text(data['questionId'])}`,
          detail: 'mandate status shows the question, mandate answer answers it',
        };
      case 'approvalrequested':
        return { mark: '?', style: 'magenta', what: `approval needed${whose}`, detail: 'mandate approve, or mandate deny' };
      case 'approvalexpired':
        return { mark: '✘', style: 'red', what: `nobody approved${whose} in time`, detail: '' };
      case 'answered':
      case 'approved':
      case 'denied':
        return { mark: '◆', style: 'cyan', what: `${name}${whose} by ${text(data['by'])}`, detail: '' };
      case 'feedbackgiven':
        return { mark: '◆', style: 'cyan', what: `it was ${text(data['pattern'])}, says ${text(data['by'])}`, detail: '' };
      default:
        return null;
    }
  }
}

const stepLabel = (id: string, capability: string): string => (capability && capability !== id ? `${id} ${capability}` : id);

const planText = (data: Data): string => {
  const steps = Array.isArray(data['steps']) ? (data['steps'] as Data[]) : [];
  const shown = steps.slice(0, 8).map((step) => {
    const after =
      Array.isArray(step['dependsOn']) && step['dependsOn'].length > 0 ? ` (after ${step['dependsOn'].map(text).join(', ')})` : '';
    return `${text(step['id'])}${after}`;
  });
  return `planned ${steps.length} ${steps.length === 1 ? 'step' : 'steps'}: ${shown.join(', ')}${steps.length > shown.length ? ', …' : ''}`;
};
