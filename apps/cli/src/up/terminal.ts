/** What a person sees: lines that stand as they are, on a terminal or in a file. */
import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

export interface Terminal {
  line(text?: string): void;
  paint(style: Style, text: string): string;
}

/** Writes to `stream`; colours only where it shows them (and NO_COLOR is not set). */
export const terminalOn = (stream: NodeJS.WriteStream): Terminal => {
  stream.on('error', () => undefined); // whoever read along has gone; that is no reason to stop
  return {
    line: (text = '') => void stream.write(`${text}\n`),
    paint: (style, text) => styleText(style, text, { stream }),
  };
};

export const seconds = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);

const TITLE_WIDTH = 16;

/** Runs one part of the start and says how it went and how long it took. */
export const step = async <T>(terminal: Terminal, title: string, work: () => Promise<{ value: T; note: string }>): Promise<T> => {
  const startedAt = performance.now();
  const { value, note } = await work();
  terminal.line(
    `  ${terminal.paint('green', '✔')} ${title.padEnd(TITLE_WIDTH)} ${note} ${terminal.paint('dim', `(${seconds(performance.now() - startedAt)})`)}`,
  );
  return value;
};
