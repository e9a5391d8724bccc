/** The model that ships with the project, and those that operators train: read from disk, the signature checked, decoded once a process. */
export { loadOwn, type NamedModel, type OwnModel } from './own.js';
export { loadModel, shippedDigest, shippedModel, shippedRecogniser, type SignedModel } from './shipped.js';
export { signatureOf, verifySignature, vkeyOf } from './signature.js';
