/** Reads a request in plain language: what it asks for, how its parts hang together, which pattern fits it and how sure that is. Pure. */
export { decodeModel, encodeModel } from './codec.js';
export { explain, type Explanation } from './explain.js';
export * from './fallback.js';
export { hashText } from './features.js';
export { patternOf, topologicalOrder, transitiveReduction, validateGraph, type GraphNode } from './graph.js';
export type { Chances } from './chances.js';
export type { ModelHeader, Provenance, RecogniserModel } from './model.js';
export { read, type Form, type Reading, type RecognitionInput } from './reading.js';
export { recogniser, type PatternConfidence, type Recogniser, type Recognition } from './recognise.js';
export { connect, sketchOf, type Link, type Part, type Sketch, type SketchStep } from './sketch.js';
export type { Clause } from './clauses.js';
export { decodeTenant } from './online/tenant-codec.js';
export { newTenant, tenantRecogniser, type TaughtAnswer, type TenantRecogniser, type TenantState } from './online/tenant.js';
