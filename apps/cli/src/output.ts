/** Where a command writes. Colour and progress only on a terminal; `--json` owns standard output. */
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

export interface Streams {
  stdout: { write(text: string | Uint8Array): unknown; isTTY?: boolean; columns?: number };
  stderr: { write(text: string): unknown; isTTY?: boolean };
}

export class Output {
  readonly isTerminal: boolean;
  readonly columns: number;

  constructor(
    private readonly streams: Streams,
    private readonly noColour: boolean,
  ) {
    this.isTerminal = streams.stdout.isTTY === true;
    // 0: a terminal that does not know its width.
    this.columns = streams.stdout.columns || 120;
  }

  line(text = ''): void {
    this.streams.stdout.write(`${text}\n`);
  }

  /** One JSON document; one line, so that a sequence of them is JSON lines. */
  json(value: unknown): void {
    this.streams.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** As they are: what another program reads. */
  bytes(bytes: Uint8Array): void {
    this.streams.stdout.write(bytes);
  }

  error(text: string): void {
    this.streams.stderr.write(`${text}\n`);
  }

  paint(style: Style, text: string): string {
    return this.isTerminal && !this.noColour ? styleText(style, text, { validateStream: false }) : text;
  }

  paintError(style: Style, text: string): string {
    return this.streams.stderr.isTTY === true && !this.noColour ? styleText(style, text, { validateStream: false }) : text;
  }
}
