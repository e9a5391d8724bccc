/** The Encoding standard (https://encoding.spec.whatwg.org), present in every runtime; this library sees no other platform types. */
declare class TextEncoder {
  encode(text: string): Uint8Array;
}

declare class TextDecoder {
  constructor(label: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
