/** The model that ships with the project: read from disk, its signature checked, decoded once a process. */
export { loadModel, shippedDigest, shippedModel, shippedRecogniser, type SignedModel } from './shipped.js';
export { signatureOf, verifySignature } from './signature.js';
