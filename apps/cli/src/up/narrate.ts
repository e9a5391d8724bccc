/** Turns the events of one delegation into lines for a person. Pure: what it needs to remember is in the object. */
import type { Terminal } from './terminal.js';
import { seconds } from './terminal.js';

/** The fields of an event (contract 3.3) that are told. */
export interface ToldEvent {
  position: number;
  type: string;
  time: string;
  data: unknown;
}

interface Facts {
  pattern?: string;
  confidence?: number;
  alternatives?: { pattern: string; confidence: number }[];
  steps?: { id: string; capability: string; dependsOn: string[] }[] | number;
  by?: string;
  reason?: string;
  stepId?: string;
  instance?: string;
  code?: string;
}

const PREFIX = /^dev\.mandate\.delegation\.(\w+)\.v\d+$/;
const FINAL = new Set(['completed', 'failed', 'canceled', 'rejected']);
const LABEL_WIDTH = 11;
const percent = (confidence: number | undefined): string => `${Math.round((confidence ?? 0) * 100)} %`;

type Steps = Exclude<Facts['steps'], number | undefined>;

/** `s1 search; s2 write ← s1` */
const graphOf = (steps: Steps): string =>
  steps.map(({ id, capability, dependsOn }) => `${id} ${capability}${dependsOn.length > 0 ? ` ← ${dependsOn.join(', ')}` : ''}`).join('; ');

export class Narrator {
  /** The last event has been told. */
  ended = false;
  succeeded = false;
  private requestedAt = NaN;
  private readonly startedAt = new Map<string, number>();
  private readonly capabilities = new Map<string, string>();

  constructor(private readonly terminal: Terminal) {}

  tell(event: ToldEvent): void {
    const name = PREFIX.exec(event.type)?.[1];
    const facts = (event.data ?? {}) as Facts;
    const at = Date.parse(event.time);
    if (name === 'requested') this.requestedAt = at;
    if (name === 'stepstarted' && facts.stepId) this.startedAt.set(facts.stepId, at);
    if (name === 'planned' && Array.isArray(facts.steps))
      for (const { id, capability } of facts.steps) this.capabilities.set(id, capability);
    if (name && FINAL.has(name)) {
      this.ended = true;
      this.succeeded = name === 'completed';
    }
    const text = name === undefined ? undefined : this.sentence(name, facts, at);
    if (text === undefined) return;
    const colour = this.ended ? (this.succeeded ? 'green' : 'red') : 'cyan';
    this.terminal.line(`    ${this.terminal.paint(colour, (name as string).replace(/^step/, '').padEnd(LABEL_WIDTH))} ${text}`);
  }

  private sentence(name: string, facts: Facts, at: number): string | undefined {
    const step = `${facts.stepId ?? ''} ${this.capabilities.get(facts.stepId ?? '') ?? ''}`.trim();
    switch (name) {
      case 'recognised':
        return `${this.terminal.paint('bold', facts.pattern ?? '?')}, ${percent(facts.confidence)} sure${this.others(facts)}`;
      case 'fellback':
        return `to one direct step: ${facts.reason}`;
      case 'planned':
        return Array.isArray(facts.steps) ? `${facts.steps.length} by ${facts.by}: ${graphOf(facts.steps)}` : undefined;
      case 'stepstarted':
        return `${step} on ${facts.instance}`;
      case 'stepsucceeded':
        return `${step} ${this.terminal.paint('dim', `in ${this.since(this.startedAt.get(facts.stepId ?? ''), at)}`)}`;
      case 'stepfailed':
      case 'stepretried':
        return `${step}: ${facts.code}`;
      case 'steptimedout':
      case 'inputrequired':
      case 'approvalrequested':
        return step;
      case 'completed':
        return `in ${this.since(this.requestedAt, at)}`;
      case 'failed':
      case 'rejected':
        return facts.code ?? '';
      case 'canceled':
        return '';
      default:
        return undefined;
    }
  }

  private others({ pattern, alternatives = [] }: Facts): string {
    const rest = alternatives.filter((other) => other.pattern !== pattern && other.confidence >= 0.005);
    const text = rest.map((other) => `${other.pattern} ${percent(other.confidence)}`).join(', ');
    return text ? this.terminal.paint('dim', ` (${text})`) : '';
  }

  private since(from: number | undefined, to: number): string {
    return from === undefined || Number.isNaN(from) ? '?' : seconds(to - from);
  }
}
