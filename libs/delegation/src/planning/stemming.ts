/** Words of a description or a goal, brought to a common form. */

/** Too common in goals and descriptions to tell capabilities apart. */
const STOPWORDS = new Set(
  (
    'a an the and or of to in on for with from by at as is are be it its this that these those them they then i you we me my your our us ' +
    'please can could would will need want like have has do does into about over under what which who how all any each some one two three ' +
    'so if not no than also there here just'
  ).split(' '),
);

const SUFFIXES: readonly [string, string][] = [
  ['izations', 'iz'],
  ['isations', 'iz'],
  ['ization', 'iz'],
  ['isation', 'iz'],
  ['ising', 'iz'],
  ['izing', 'iz'],
  ['ised', 'iz'],
  ['ized', 'iz'],
  ['iser', 'iz'],
  ['izer', 'iz'],
  ['ises', 'iz'],
  ['izes', 'iz'],
  ['ise', 'iz'],
  ['ize', 'iz'],
  ['aries', 'ar'],
  ['ary', 'ar'],
  ['ations', 'at'],
  ['ation', 'at'],
  ['ators', 'at'],
  ['ator', 'at'],
  ['ating', 'at'],
  ['ated', 'at'],
  ['ates', 'at'],
  ['ate', 'at'],
  ['ions', ''],
  ['ion', ''],
  ['ings', ''],
  ['ing', ''],
  ['ers', ''],
  ['er', ''],
  ['ies', 'y'],
  ['ied', 'y'],
  ['ed', ''],
  ['es', ''],
  ['s', ''],
  ['e', ''],
];

/**
 * A light suffix stripper in the spirit of Porter's step 1 (1980), joined with British and American spelling ("summarise", "summarization",
 * "summary" meet). It may join too much or too little: matching ranks, it does not decide meaning.
 */
export const stem = (word: string): string => {
  for (const [suffix, replacement] of SUFFIXES) {
    if (!word.endsWith(suffix) || word.length - suffix.length < 3) continue;
    if (suffix === 's' && word.endsWith('ss')) continue;
    return undouble(word.slice(0, word.length - suffix.length) + replacement);
  }
  return word;
};

/** "summarize" and "summary" share "summar"; "planning" and "plan" share "plan". */
const undouble = (root: string): string => {
  const base = root.endsWith('ariz') ? root.slice(0, -2) : root;
  const last = base[base.length - 1];
  return base.length > 3 && last === base[base.length - 2] && last !== 'l' && last !== 's' ? base.slice(0, -1) : base;
};

/** Content words as stems, in order; `camelCase`, `snake_case` and `kebab-case` names come apart. */
export const terms = (text: string): string[] =>
  (
    text
      .replace(/([a-z0-9])([A-Z])/gu, '$1 $2')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  )
    .filter((word) => !STOPWORDS.has(word))
    .map(stem);
