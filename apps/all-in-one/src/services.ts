/** Which services there are. One is loaded only when it is chosen: a process does not pay for what it does not run. */
import { AppError } from '@mandate/kernel';
import type { Service } from '@mandate/service-host';

export type Catalogue = Readonly<Record<string, () => Promise<Service>>>;

export const CATALOGUE: Catalogue = {
  'delegation-engine': async () => (await import('@mandate/delegation-engine')).delegationEngine,
  audit: async () => (await import('@mandate/audit')).audit,
};

/** In the catalogue's order, which is the order of the start. Throws AppError `CONFIG_INVALID` for a name that is not there. */
export const chooseServices = async (wanted: readonly string[], catalogue: Catalogue = CATALOGUE): Promise<Service[]> => {
  const names = Object.keys(catalogue);
  const unknown = wanted.filter((name) => name !== 'all' && !names.includes(name));
  if (unknown.length > 0)
    throw new AppError(
      'CONFIG_INVALID',
      'invalid',
      `MANDATE_SERVICES: no service ${unknown.join(', ')}; there are all, ${names.join(', ')}`,
    );
  const chosen = wanted.includes('all') ? names : names.filter((name) => wanted.includes(name));
  return Promise.all(chosen.map((name) => (catalogue[name] as Catalogue[string])()));
};
