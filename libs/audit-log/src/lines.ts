import { concat, fromUtf8 } from './bytes.js';

const NEWLINE = 10;
/** No record's line is longer, however much of it JSON escapes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/**
 * Lines of UTF-8 text without their ends, of which `\n` is the only one: JSON holds U+2028 and the like as they are, and Node's readline would break a line
 * there. What stands behind the last end is a line too, unless it is empty. What is no UTF-8, or longer than `maxBytes`, is an empty line: nobody knows
 * what a file holds that is to be verified, and it must fit into memory a line at a time.
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>, maxBytes = MAX_LINE_BYTES): AsyncGenerator<string> {
  let begun: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array): void => {
    length += part.length;
    if (length <= maxBytes) begun.push(part);
    else begun = [];
  };
  const taken = (): string => {
    const line = length <= maxBytes ? fromUtf8(concat(begun)) : null;
    begun = [];
    length = 0;
    return line ?? '';
  };
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      add(piece.subarray(from, end));
      yield taken();
      from = end + 1;
    }
    add(piece.subarray(from));
  }
  if (length > 0) yield taken();
}
