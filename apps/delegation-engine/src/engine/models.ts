/** Which model a tenant's requests are read with: the shipped one, or in its place the operator's. */
import { shippedDigest, shippedModel, type NamedModel } from '@mandate/recognition-model';

export type Models = (tenant: string) => NamedModel;

/** A model that holds one tenant's lessons answers that tenant only: nothing that it taught may reach another. */
export const modelsWith = (own?: NamedModel): Models => {
  const shipped: NamedModel = { model: shippedModel(), digest: shippedDigest() };
  return (tenant) => {
    if (!own) return shipped;
    const { tenant: whose } = own.model.header;
    return whose === undefined || whose === tenant ? own : shipped;
  };
};
