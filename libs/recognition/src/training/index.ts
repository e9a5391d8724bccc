/** Training and measuring a recogniser. Not for products: they load a model. */
export { ORDER, type Chances } from '../chances.js';
export { decodeModel, encodeModel } from '../codec.js';
export { DEFAULT_FALLBACK_THRESHOLD } from '../fallback.js';
export { combined, examine, trustIn, type Examined, type RecogniserModel } from '../model.js';
export { tenantRecogniser } from '../online/tenant.js';
export { exampleOf, familiesOf, familyOf, type Example, type Labelled } from './examples.js';
export * from './figures.js';
export type { HeldOut } from './gate-training.js';
export { randomFrom, shuffle } from './random.js';
export * from './train.js';
