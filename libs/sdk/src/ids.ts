import { randomBytes } from 'node:crypto';
import { ulid, type Ulid } from '@mandate/kernel';

export const newId = (): Ulid => ulid(Date.now(), randomBytes(10));

/** A suffix that keeps two processes of one name apart. */
export const shortToken = (): string => randomBytes(5).toString('hex');
