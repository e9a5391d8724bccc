/** Decides at the edge (HTTP status, retry, park); never the other way round. */
export type ErrorKind =
  'invalid' | 'unauthenticated' | 'forbidden' | 'not-found' | 'conflict' | 'too-large' | 'limited' | 'unavailable' | 'internal';

/** An error that a caller can act on: `code` is stable and documented in docs/errors.md, `message` says what to do. */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly code: string,
    readonly kind: ErrorKind,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Trying the same again later may work. */
export const isRetryable = (error: unknown): boolean =>
  !(error instanceof AppError) || error.kind === 'unavailable' || error.kind === 'limited';
