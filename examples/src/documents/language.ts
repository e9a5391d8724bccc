import type { Task } from '@mandate/sdk';
import { materialOf } from '../material.js';
import { words } from '../text/words.js';

/** The small words that every text of a language is full of. */
const SMALL_WORDS: Record<string, string> = {
  English:
    'the of and to in is that it was for on are as with his they at be this have from or had by but what all were we when your can said there',
  German:
    'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer',
  French: 'de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont la avec son aux cette ses mais ou',
  Spanish: 'de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya',
  Italian: 'di e il la che in a per un è del non sono una le si da con i della nel alla come ma ha gli anche dei più delle questo lo',
  Portuguese: 'de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou',
  Dutch: 'de het een en van in is dat op te zijn met voor niet aan er die als maar om ook dan bij nog naar heeft ze uit door worden wordt',
  Swedish: 'och i att det som en på är av för med den till inte om ett har de jag så men var från vi kan när man han nu eller',
};

const PROFILES = Object.entries(SMALL_WORDS).map(([language, list]) => ({ language, small: new Set(list.split(' ')) }));

export const detectLanguage = (task: Task) => {
  const { text, source } = materialOf(task);
  const all = words(text);
  const hits = PROFILES.map(({ language, small }) => ({
    language,
    share: all.filter((word) => small.has(word)).length / Math.max(1, all.length),
  })).sort((a, b) => b.share - a.share);
  const [best, second] = hits;
  if (!best || best.share === 0) return { language: 'unknown', confidence: 0, source };
  const confidence = Math.round((best.share / (best.share + (second?.share ?? 0))) * 100) / 100;
  return { language: best.language, confidence, runnerUp: second?.language ?? 'none', source };
};
