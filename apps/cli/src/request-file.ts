/** A request as `--file` brings it; `-` is standard input. */
import { readFileSync } from 'node:fs';
import { CliError, EXIT } from './exit.js';

export const readRequest = (file: string): object => {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, EXIT.usage);
  }
  try {
    const request = JSON.parse(text) as unknown;
    if (typeof request === 'object' && request !== null && !Array.isArray(request)) return request;
  } catch (error) {
    throw new CliError('FILE_NOT_JSON', `${file} is not JSON: ${(error as Error).message}`, EXIT.usage);
  }
  throw new CliError('FILE_NOT_JSON', `${file} has to hold one JSON object`, EXIT.usage);
};
