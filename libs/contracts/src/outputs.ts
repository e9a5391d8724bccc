export const OUTPUT_LIMIT_BYTES = 512 * 1024;
/** Above this an output appears elsewhere as a reference. */
export const INLINE_OUTPUT_BYTES = 64 * 1024;
