/** W3C Trace Context (https://www.w3.org/TR/trace-context/), level 1: the header travels with every message. */
import { randomBytes } from 'node:crypto';

const PATTERN = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/** The header as given when it is valid, else a new root: a bad header of a caller never breaks its request. */
export const continueTrace = (header: string | undefined): string => {
  const match = header ? PATTERN.exec(header) : null;
  if (match && match[1] !== ZERO_TRACE && match[2] !== ZERO_SPAN) return header as string;
  const random = randomBytes(24).toString('hex');
  return `00-${random.slice(0, 32)}-${random.slice(32)}-01`;
};
