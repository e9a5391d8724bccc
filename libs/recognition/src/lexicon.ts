/** English words that tell how a request is built. Forms of the verbs are made from their base forms. */
import { know, knownOf, role, type Known, type Role, type VerbForm } from './known.js';

const words = (text: string): readonly string[] => text.trim().split(/\s+/u);

/** What agents are asked to do. */
const ACTIONS = words(`
  accept access achieve acquire act add adjust aggregate alert align allocate analyse analyze annotate announce answer append apply approve archive arrange ask assemble assess assign attach attend
  audit authenticate automate backup balance bake bid blend boil book breathe bring browse brush build buy calculate call cancel capture cast categorise categorize chart check choose
  cite clarify classify clean clear climb clone close cluster code collate collect colorize colourise combine commit communicate compare compile complete compose compress compute conduct
  configure confirm connect consider construct consult contact convert cook copy correct count cover craft create critique crop customize cut debug decide decode decrypt deduplicate define delete deliver
  denoise deploy depict derive describe design detail detect determine develop diagnose digitize discover discuss display distribute divide document download draft draw dress drink drive drop dry dub
  eat edit email embed emphasize employ encode encrypt enhance enlarge enroll enter establish estimate evaluate examine execute expand explain explore export express extend extract
  fetch figure file fill filter finalize find fix flag fold follow forecast format forward gather generate get give go grab grade graph greet group guide handle harvest hash hear heat help highlight hire
  identify illustrate implement import improve include index indicate inform infer initialize insert inspect install integrate interpret interview invest investigate invite isolate join keep kill label
  launch lay learn leave let link list listen load locate log look mail make manage map mark mash match measure merge migrate mix modify monitor move name narrate negotiate normalize note notify observe obtain open
  optimise optimize order organise organize outline output overlay pack paint paraphrase parse pass patch pay peel perform pick place plan play plot polish post pour practice predict prepare present preserve press
  prevent print prioritise prioritize process produce profile project proofread propose provide publish pull purchase push put query quantify rank rate read rebuild recall recognise recognize recommend reconcile record recover redact
  reduce refactor refine reformulate register reject release remind remove rename render repair repeat replace replicate reply report reproduce request reschedule research reserve reset resize resolve respond restart restore
  retrieve return reverse review revise rewrite rinse roll rotate round route run sample save scan schedule score scrape screen search secure see segment select sell send separate serve set share shoot shorten show
  sign simplify simulate sketch slice slow smooth solve sort speak specify speed split stabilise stabilize stack standardize start state steam stir stop store stream structure study submit subscribe subtract suggest
  sum summarise summarize supply suspend swap switch sync synchronise synchronize synthesise synthesize tabulate tag take talk tell test tie time toast total trace track train transcribe transfer transform
  translate transmit transpose triage trim try tune turn tweet understand undo unify unsubscribe update upgrade upload upscale use utilize validate value verify view visit visualise visualize vocalize wait walk
  warn wash watch wear weigh win wipe withdraw work wrap write zip
`);

/** As often nouns as verbs: a verb only where an object follows. */
const AMBIGUOUS = new Set(
  words(`access act address alert answer archive audit backup balance bid blend book brush call cast cause chart check clean clear code cook copy count cover cut design detail display document download draft draw dress drink drive drop edit
  email estimate export figure file filter fix flag forecast format function graph greet group guide heat help highlight hire import index interview label land launch list link load log look mail map mark match measure name note
  order outline output pack paint pass patch pay pick place plan play plot polish post practice present press print process produce profile project purchase query rank rate record release repair repeat reply report request research
  result return reverse review roll round route run sample scan schedule score screen search secure segment select separate set share shoot show sign sketch slice slow smooth sort speed split stack start state steam stop store
  stream structure study sum supply switch sync tag talk test tie time total trace track train transfer transform trim try tune turn tweet update upgrade upload use value view visit voice wait walk wash watch work wrap zip open complete
  close correct direct dry mix lay leave let live address access express`),
);

/** Stances and settings: not things that an agent does when a request says them. */
const PREAMBLES = new Set(words('help assist know learn understand have need want like work see let try consider start go ask'));

const IRREGULAR: Readonly<Record<string, string>> = {
  written: 'write',
  wrote: 'write',
  found: 'find',
  sent: 'send',
  built: 'build',
  made: 'make',
  got: 'get',
  gave: 'give',
  given: 'give',
  shown: 'show',
  taken: 'take',
  took: 'take',
  read: 'read',
  drawn: 'draw',
  chosen: 'choose',
  told: 'tell',
  bought: 'buy',
  sold: 'sell',
  kept: 'keep',
  left: 'leave',
  put: 'put',
  cut: 'cut',
  set: 'set',
  spoken: 'speak',
  understood: 'understand',
};

const VOWEL = /[aeiou]/u;
const DOUBLING = /^(?:[^aeiou]*[aeiou][^aeiouwxy]|submit|transfer|commit|refer|begin|forget|reset|upset|unzip)$/u;

const formsOf = (base: string): readonly [past: string, gerund: string, third: string] => {
  if (base.endsWith('e')) return [`${base}d`, `${base.slice(0, -1)}ing`, `${base}s`];
  if (base.endsWith('y') && !VOWEL.test(base[base.length - 2] as string))
    return [`${base.slice(0, -1)}ied`, `${base}ing`, `${base.slice(0, -1)}ies`];
  const root = DOUBLING.test(base) ? base + base[base.length - 1] : base;
  return [`${root}ed`, `${root}ing`, /(?:s|sh|ch|x|z)$/u.test(base) ? `${base}es` : `${base}s`];
};

const learnForm = (word: string, verb: VerbForm): void => {
  know(word).verb = verb;
};
// A word that is several forms is the one learned last.
for (const base of ACTIONS) {
  const [past, gerund, third] = formsOf(base);
  learnForm(third, { base, form: 'third' });
  learnForm(past, { base, form: 'past' });
  learnForm(gerund, { base, form: 'gerund' });
}
for (const [past, base] of Object.entries(IRREGULAR)) learnForm(past, { base, form: 'past' });
for (const base of ACTIONS) learnForm(base, { base, form: 'base' });

export const verbOf = (word: string): VerbForm | undefined => knownOf(word).verb;
export const isAmbiguousVerb = (base: string): boolean => AMBIGUOUS.has(base);
export const isPreamble = (base: string): boolean => PREAMBLES.has(base);

/** Words before the verb of a request that ask nothing by themselves. */
export const LEAD_INS: Role = role(
  words(`please kindly can could would will should may might must do does you your i we i'd we'd i'm we're i'll i've us me to and but so or then next finally lastly last also additionally moreover furthermore besides
  first firstly second secondly third thirdly fourth fifth afterwards afterward later subsequently now just simply only want wants need needs like love wish help helps assist able with in by for be possible is it that if
  am are hi hello hey ok okay let's lets try trying looking interested hoping going would've once done having after before when while separately simultaneously concurrently meanwhile again still really quickly
  assistance require requires expertise support there any way need information how about start by go ahead step as well based on`),
);

export const DETERMINERS: Role = role(
  words(
    'the a an this that these those it its them their my your our his her all any each every both some several two three four five six seven eight nine ten what which who how whether if me us into out up for on with from about',
  ),
);

/** Order between what was said before and what is said here. */
export const SEQUENCE_WORDS: Role = role(words('then afterwards afterward subsequently thereafter next later after once'));
export const CLOSING_WORDS: Role = role(words('finally lastly'));
export const ADDITION_WORDS: Role = role(words('also additionally moreover furthermore besides plus'));
export const APART_WORDS: Role = role(words('parallel simultaneously concurrently separately independently'));
/** They tell something about a thing and leave the thing as it is: asked together, none needs another's result. */
export const INSPECTING_VERBS: ReadonlySet<string> = new Set(
  words(
    'check count detect identify classify verify validate measure list determine estimate assess evaluate inspect rate score review proofread test recognise recognize categorise categorize tell audit tag show name',
  ),
);
export const JOIN_VERBS: ReadonlySet<string> = new Set(
  words('combine merge compare join reconcile collate aggregate integrate synthesise synthesize unify contrast consolidate weigh'),
);
export const CONDITION_WORDS: Role = role(words('if unless whether otherwise depending'));
/** They stand for something said before. */
export const PRONOUNS: Role = role(words('it them this that these those both'));
/** Nouns for what an earlier step gave. */
export const OUTCOME_NOUNS: Role = role(
  words(
    'result results output outcome outcomes findings answer answers resulting obtained generated retrieved extracted produced created previous above same former latter updated modified new summary translation transcript transcription',
  ),
);
export const BASIS_WORDS: Role = role(words('using use based from with apply'));
export const QUESTION_WORDS: Role = role(words('what which who whom whose when where why how'));
export const COMPARISON_WORDS: Role = role(
  words(
    'more less fewer than compared difference differences older younger larger smaller bigger higher lower longer shorter earlier later greater most-recent versus vs better worse between',
  ),
);
export const SUPERLATIVES: Role = role(
  words(
    'first second third last final longest shortest highest lowest largest smallest most least biggest oldest youngest best worst latest earliest greatest top',
  ),
);
export const RELATIVE_WORDS: Role = role(words('who that which whose whom where'));

/** Words that carry grammar rather than matter, in anyone's English: those above and these. */
const FUNCTION_WORDS: Role =
  LEAD_INS |
  DETERMINERS |
  SEQUENCE_WORDS |
  CLOSING_WORDS |
  ADDITION_WORDS |
  APART_WORDS |
  CONDITION_WORDS |
  PRONOUNS |
  OUTCOME_NOUNS |
  BASIS_WORDS |
  QUESTION_WORDS |
  COMPARISON_WORDS |
  SUPERLATIVES |
  RELATIVE_WORDS |
  role(
    words(
      `of was were be been being has had did no yes at as than too very there here he she his her him they each few many much more most other some such only own same against during before below once information details
      list name data date time year day people person number place city country type kind specific given following related provided available current different new one`,
    ),
  );
/** Words that tell how a text is built: of grammar, and verbs that agents are asked for. */
export const carriesStructure = ({ roles, verb }: Known): boolean => (roles & FUNCTION_WORDS) !== 0 || verb !== undefined;
