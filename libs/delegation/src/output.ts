/** How outputs appear outside their own address. */
import type { JsonObject, JsonValue } from '@mandate/kernel';
import type { StepOutput } from './model.js';

/** Stands in the place of an output: where it is, and how to tell that it is the one. `sha256` is of its JSON text. */
export const outputReference = (
  delegationId: string,
  stepId: string,
  { sha256, bytes }: { sha256: string; bytes: number },
): JsonObject => ({
  $ref: `/api/delegations/${delegationId}/steps/${stepId}/output`,
  sha256,
  bytes,
});

/** An output as it appears outside its own address. */
export const outputView = (delegationId: string, stepId: string, output: StepOutput): JsonValue => {
  switch (output.kind) {
    case 'value':
      return output.value;
    case 'reference':
      return outputReference(delegationId, stepId, output);
    case 'erased':
      return { erased: true };
  }
};
