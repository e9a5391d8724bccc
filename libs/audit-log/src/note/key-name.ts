const NAME = /^[^\s\u0085+]+$/u;

/** Not empty, without spaces and without `+`. */
export const isKeyName = (name: string): boolean => NAME.test(name);
