/** class-transformer ships no types for the module that holds its `@Type` metadata. */
declare module 'class-transformer/cjs/storage.js' {
  export const defaultMetadataStorage: { findTypeMetadata(target: unknown, property: string): { typeFunction: () => unknown } | undefined };
}
