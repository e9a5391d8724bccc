/** Keys from one master key (HKDF, RFC 5869), and what is done with them. Nothing here is logged or thrown in a message. */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { AppError, encode128 } from '@mandate/kernel';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface DataKey {
  /** Short public name of the key: tells which key a blob needs, and whether that one is still there. */
  kid: string;
  /** A key object, because Node takes five times as long to start a cipher or an HMAC from bytes. */
  key: KeyObject;
  /** Encrypted under the key-encryption key: how it is stored. */
  wrapped: Buffer;
}

export class Keyring {
  private readonly kek: KeyObject;
  private readonly digestKey: KeyObject;
  private readonly blindKey: KeyObject;
  private readonly leaseKey: KeyObject;
  private readonly deadLetterKey: KeyObject;
  private readonly snapshotKey: KeyObject;
  private readonly approvalKey: KeyObject;
  private readonly workKey: KeyObject;

  /** `masterKey`: 32 bytes in hex. Throws AppError `BAD_MASTER_KEY`. */
  constructor(masterKey: string) {
    if (!/^[0-9a-f]{64}$/i.test(masterKey))
      throw new AppError('BAD_MASTER_KEY', 'invalid', 'the master key must be 32 bytes as 64 hexadecimal digits');
    const master = Buffer.from(masterKey, 'hex');
    const subkey = (purpose: string): KeyObject =>
      createSecretKey(Buffer.from(hkdfSync('sha256', master, '', `mandate/${purpose}/1`, KEY_BYTES)));
    this.kek = subkey('key-encryption');
    this.digestKey = subkey('request-digest');
    this.blindKey = subkey('blind-index');
    this.leaseKey = subkey('lease-id');
    this.deadLetterKey = subkey('dead-letter');
    this.snapshotKey = subkey('snapshot');
    this.approvalKey = subkey('approval');
    this.workKey = subkey('work');
  }

  /** Keyed digest (HMAC-SHA-256): equal for equal bytes, and says nothing about them to those without the key. */
  digest(bytes: Uint8Array | string): Buffer {
    return createHmac('sha256', this.digestKey).update(bytes).digest();
  }

  /** Keyed like `digest`, of what a person approves. It stands in events: who could guess the arguments of a step must not see them confirmed. */
  approvalDigest(bytes: Uint8Array | string): string {
    return createHmac('sha256', this.approvalKey).update(bytes).digest('hex');
  }

  /** Keyed likewise, of what an attempt is at: it stands in the events of the delegations below it. */
  workDigest(bytes: Uint8Array | string): string {
    return createHmac('sha256', this.workKey).update(bytes).digest('hex');
  }

  /** Look-up value of a data subject that does not show who it is. */
  blindIndex(tenant: string, subject: string): Buffer {
    return createHmac('sha256', this.blindKey)
      .update(JSON.stringify([tenant, subject]))
      .digest();
  }

  /** A secret of 128 bits in 26 characters that everyone with the master key derives from the same parts. */
  leaseId(parts: readonly (string | number)[]): string {
    return encode128(createHmac('sha256', this.leaseKey).update(JSON.stringify(parts)).digest());
  }

  newDataKey(): DataKey {
    const bytes = randomBytes(KEY_BYTES);
    const key = createSecretKey(bytes);
    return { kid: kidOf(key), key, wrapped: ownCopy(seal(this.kek, bytes, 'data-key')) };
  }

  /** Throws AppError `WRONG_MASTER_KEY` when the key was wrapped under another master key. */
  unwrap(wrapped: Uint8Array): DataKey {
    try {
      const key = createSecretKey(unseal(this.kek, wrapped, 'data-key'));
      return { kid: kidOf(key), key, wrapped: ownCopy(wrapped) };
    } catch (cause) {
      throw new AppError('WRONG_MASTER_KEY', 'internal', 'a stored data key does not open: was the master key changed?', {}, { cause });
    }
  }

  sealDeadLetter(payload: Uint8Array, id: string): Buffer {
    return seal(this.deadLetterKey, payload, id);
  }

  openDeadLetter(sealed: Uint8Array, id: string): Buffer {
    return unseal(this.deadLetterKey, sealed, id);
  }

  sealSnapshot(state: Uint8Array, context: string): Buffer {
    return seal(this.snapshotKey, state, context);
  }

  openSnapshot(sealed: Uint8Array, context: string): Buffer {
    return unseal(this.snapshotKey, sealed, context);
  }
}

const kidOf = (key: KeyObject): string => createHmac('sha256', key).update('kid').digest('base64url').slice(0, 11);

/** Small buffers share a slab of 64 KiB, and whichever of them is kept keeps all of it: what a cache holds needs memory of its own. */
const ownCopy = (bytes: Uint8Array): Buffer => {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
};

/**
 * AES-256-GCM with a synthetic nonce, an HMAC of key, context and plaintext: the same data for the same context gives the same bytes, which makes a
 * repeated append comparable; anything else gives another nonce. Layout: nonce, ciphertext, tag.
 */
export const seal = (key: KeyObject, plaintext: Uint8Array, context: string): Buffer => {
  const nonce = createHmac('sha256', key).update(context).update('\0').update(plaintext).digest().subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
};

/** Throws when key, context or a byte is another. */
export const unseal = (key: KeyObject, sealed: Uint8Array, context: string): Buffer => {
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
};
