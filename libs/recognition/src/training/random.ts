/** A seeded sequence: training draws from it, so that the same data give the same model. mulberry32 (Ettinger 2017). */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** Fisher and Yates (Durstenfeld 1964), in place. */
export const shuffle = (places: Int32Array, random: () => number): void => {
  for (let i = places.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [places[i], places[j]] = [places[j] as number, places[i] as number];
  }
};
