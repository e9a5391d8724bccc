import type { WorkDigest } from '@mandate/delegation';
import { canonicalJson, type Keyring } from '@mandate/event-store';

/** How every engine of a log names what an attempt of a tenant is at. */
export const workDigestWith =
  (keyring: Keyring, tenant: string): WorkDigest =>
  (work) =>
    keyring.workDigest(canonicalJson({ tenant, ...work }));
