import { concat, fromUtf8 } from './bytes.js';

const NEWLINE = 10;

/**
 * Lines of UTF-8 text without their ends, of which `\n` is the only one: JSON holds U+2028 and the like as they are, and Node's readline would break a line
 * there. What stands behind the last end is a line too, unless it is empty. What is no UTF-8 is an empty line.
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let begun: Uint8Array[] = [];
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      yield fromUtf8(concat([...begun, piece.subarray(from, end)])) ?? '';
      begun = [];
      from = end + 1;
    }
    if (from < piece.length) begun.push(piece.subarray(from));
  }
  if (begun.length > 0) yield fromUtf8(concat(begun)) ?? '';
}
