/** The recogniser's inner parts, for calibrating and measuring it. Products use `recognise`. */
export { CALIBRATION } from './calibration.js';
export { evidenceOf, type Calibration, type Evidence } from './evidence.js';
export { read, type Reading, type RecognitionInput } from './reading.js';
export * from './recognise.js';
export { sketchOf } from './sketch.js';
