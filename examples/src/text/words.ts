/** Words, sentences and stems of English text. */
const STOP_WORDS = new Set(
  `a about above after again all also am an and any are as at be because been before being below between both but by can could did do does
  doing down during each few for from further had has have having he her here hers him his how i if in into is it its itself just me more
  most my no nor not now of off on once one only or other our out over own same she should so some such than that the their them then there
  these they this those through to too under until up very was we were what when where which while who whom why will with would you your
  two three four five six`.split(/\s+/),
);

/** What a request says about the work and not about its topic. */
const TASK_WORDS = new Set(
  `search find look compare write draft extract summarise summarize summary report announcement archive news web page article text document
  parallel separately short key facts fact please then next finally first same time together them recommendation give make prepare create me us`.split(
    /\s+/,
  ),
);

export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}]+)?/gu) ?? [];

/** Sentences with their end mark; headings and list marks of Markdown are taken off. */
export const sentences = (text: string): string[] =>
  paragraphs(text).flatMap((paragraph) =>
    paragraph
      .replace(/\s+/g, ' ')
      .split(/(?<=[.!?]["”’)]?)\s+(?=["“‘(]?[\p{Lu}\p{N}])/u)
      .map((sentence) => sentence.trim())
      .filter(Boolean),
  );

export const paragraphs = (text: string): string[] =>
  text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/^\s*(?:#+|[-*>]|\d+\.)\s+/gm, '').trim())
    .filter(Boolean);

/** A light stem: enough for tide, tides and tidal to meet. */
export const stem = (word: string): string => {
  let root = word.replace(/['’]s?$/, '');
  if (root.length > 4) root = root.replace(/ies$/, 'y').replace(/(?<=[^s])s$/, '');
  if (root.length > 4) root = root.replace(/(?:ing|ed|al)$/, '');
  return root.length > 3 ? root.replace(/e$/, '') : root;
};

/** The stems of the words that carry meaning. */
export const terms = (text: string): string[] =>
  words(text)
    .filter((word) => !STOP_WORDS.has(word) && word.length > 1)
    .map(stem);

/** What a goal is about: the words after "about", "for" or "on", else all that do not name the work itself. Empty when it names no topic. */
export const topicOf = (goal: string): string => {
  const named = /\b(?:about|regarding|concerning|for|on)\s+(?!each\b|every\b|this\b|it\b|them\b)([^,.;:]+)/i
    .exec(goal)?.[1]
    ?.split(/\s+(?:and then|then|and (?:write|compare|draft|summari[sz]e))\b/i)[0];
  const topic = (text: string): string =>
    words(text)
      .filter((word) => !STOP_WORDS.has(word) && !TASK_WORDS.has(word))
      .join(' ');
  return topic(named ?? '') || topic(goal);
};
