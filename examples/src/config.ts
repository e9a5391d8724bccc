/** Where the demo workers connect. */
export interface DemoConfig {
  natsUrl: string;
  token: string | undefined;
  /** Fixed, so that a restarted worker is the same one to the engine; another process of the same program needs a name of its own. */
  instanceOf: (worker: string) => string;
  /** Set when the program that started this one waits to be told. */
  tellParent: (message: object) => void;
}

export const demoConfig = (workers: readonly string[]): DemoConfig => {
  const given = process.env['MANDATE_INSTANCE'];
  return {
    natsUrl: process.env['NATS_URL'] ?? 'nats://127.0.0.1:7422',
    token: process.env['MANDATE_TOKEN'] || undefined,
    instanceOf: (worker) => (given ? (workers.length === 1 ? given : `${worker}-${given}`) : `${worker}-1`),
    tellParent: (message) => void process.send?.(message),
  };
};
