import type { Envelope } from './envelope.js';

/** An envelope in the parts in which it is read: before the data; from the data to the outcome; from there to the version. */
export interface EnvelopeParts {
  head: Pick<Envelope, 'actor' | 'causationId' | 'correlationId'>;
  own: Pick<Envelope, 'data' | 'id' | 'occurredAt'>;
  tail: Pick<Envelope, 'outcome' | 'personal' | 'reason' | 'schemaVersion' | 'stream' | 'tenant' | 'traceparent' | 'type'>;
  version: number;
}

const DATA = ',"data":';
const ID = ',"envelope":1,"id":';
const OCCURRED = ',"occurredAt":';
const OUTCOME = ',"outcome":';
const VERSION = ',"version":';
const WHERE = ',"where":';

/** Of an id and of a time as they are written, with their quotes. */
const ID_LENGTH = 28;
const TIME_LENGTH = 26;

/** What an envelope has in common with its neighbour, as text and parsed. */
interface Frame {
  /** To the data; from the outcome to the version; behind it. */
  head: string;
  tail: string;
  where: string;
  parsed: Pick<EnvelopeParts, 'head' | 'tail'>;
}

/**
 * Reads envelopes as `writeEnvelope` writes them; a page of them has a reader of its own. What neighbours have in common is compared and not
 * parsed again: two thirds of the time, and a third of the objects that live as long as the events. The members' order is fixed, and within a
 * JSON string the quotes of the marks would be escaped, so the marks stand where they seem to; where they do not, the whole is parsed.
 */
export class EnvelopeReader {
  private frame: Frame | null = null;
  private timeText = '';
  private time = '';

  read(text: string): EnvelopeParts {
    try {
      return (this.frame && this.framed(text, this.frame)) ?? this.marked(text) ?? whole(text);
    } catch {
      return whole(text);
    }
  }

  /** Slices are compared: `startsWith` looks at one character at a time. */
  private framed(text: string, { head, tail, where, parsed }: Frame): EnvelopeParts | null {
    const versionEnd = text.length - where.length;
    if (text.slice(versionEnd) !== where || text.slice(0, head.length) !== head) return null;
    let versionStart = versionEnd;
    while (isDigit(text.charCodeAt(versionStart - 1))) versionStart--;
    const ownEnd = versionStart - tail.length;
    if (text.slice(ownEnd, versionStart) !== tail) return null;
    const own = this.readOwn(text, head.length, ownEnd);
    return { head: parsed.head, own, tail: parsed.tail, version: Number.parseInt(text.slice(versionStart, versionEnd), 10) };
  }

  /** What is kept is parsed, not cut out: a piece of a string would keep its whole page in memory. */
  private readOwn(text: string, start: number, end: number): EnvelopeParts['own'] {
    const time = end - TIME_LENGTH;
    const id = time - OCCURRED.length - ID_LENGTH;
    const dataEnd = id - ID.length;
    if (text.slice(dataEnd, id) !== ID || text.slice(id + ID_LENGTH, time) !== OCCURRED)
      return JSON.parse(`{${text.slice(start - DATA.length + 1, end)}}`) as EnvelopeParts['own'];
    const timeText = text.slice(time, end);
    if (timeText !== this.timeText) {
      this.time = JSON.parse(timeText) as string;
      this.timeText = timeText;
    }
    return {
      data: JSON.parse(text.slice(start, dataEnd)) as Envelope['data'],
      id: JSON.parse(text.slice(id, id + ID_LENGTH)) as string,
      occurredAt: this.time,
    };
  }

  /** Finds the marks, and keeps what stands around them as the frame of the next envelopes. */
  private marked(text: string): EnvelopeParts | null {
    const data = text.indexOf(DATA);
    const outcome = text.indexOf(OUTCOME, text.lastIndexOf(ID));
    const version = text.lastIndexOf(VERSION);
    const where = text.indexOf(WHERE, version);
    if (data < 0 || outcome < data || version < outcome || where < version) return null;
    this.frame = {
      head: text.slice(0, data + DATA.length),
      tail: text.slice(outcome, version + VERSION.length),
      where: text.slice(where),
      parsed: {
        head: JSON.parse(`${text.slice(0, data)}}`) as EnvelopeParts['head'],
        tail: JSON.parse(`{${text.slice(outcome + 1, version)}}`) as EnvelopeParts['tail'],
      },
    };
    return this.framed(text, this.frame);
  }
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

const whole = (text: string): EnvelopeParts => {
  const envelope = JSON.parse(text) as Envelope;
  return { head: envelope, own: envelope, tail: envelope, version: envelope.version };
};
