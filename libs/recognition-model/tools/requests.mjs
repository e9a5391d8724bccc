// Labelled requests from JSON lines {source, text, tools?, given_steps?, label, accept?, steps?}.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ORDER } from '@mandate/recognition/training';

export const readRequests = (file) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { source, label, accept, text, tools, given_steps: givenSteps, steps } = JSON.parse(line);
      const input = { text, ...(tools ? { tools: tools.map(String) } : {}), ...(givenSteps ? { givenSteps } : {}) };
      return { source, label, accept: accept ?? [label], ...(steps === undefined ? {} : { steps }), input };
    });

const ours = (name) => new URL(`../requests/${name}.jsonl`, import.meta.url);
const GOALS = 'written_goals';
export const isGoal = ({ source }) => source.startsWith(GOALS);
/** Texts that name a goal only: as many of one pattern as of any other. In four manners, so that each is left out while others are learned from. */
const readGoals = () =>
  readFileSync(ours('goals'), 'utf8')
    .trim()
    .split('\n')
    .map((line, i) => ({
      source: `${GOALS}_${Math.floor(i / ORDER.length) % 4}`,
      label: ORDER[i % ORDER.length],
      accept: ORDER,
      input: { text: JSON.parse(line).text },
    }));

/** Requests written for training, and such as are kept apart from it. */
export const readWritten = () => [...readRequests(ours('written')), ...readGoals()];
export const readApart = () => readRequests(ours('apart'));

const LICENCES = {
  asynchow: 'MIT (fangru-lin/graph-llm-asynchow-plan)',
  bfcl: 'Apache-2.0 (ShishirPatil/gorilla)',
  break_hl: 'MIT (allenai/Break)',
  seal_tools: 'Apache-2.0 (fairyshine/Seal-Tools)',
  taskbench_huggingface: 'MIT (microsoft/JARVIS)',
  taskbench_multimedia: 'MIT (microsoft/JARVIS)',
};

/** Sources, their licences and how many requests each gave. */
export const provenanceOf = (examples) =>
  [...new Set(examples.map(({ source }) => source))].sort().map((source) => ({
    source,
    licence: LICENCES[source] ?? 'own',
    requests: examples.filter((example) => example.source === source).length,
  }));

export const WRITTEN = 'written';
export const provenanceOfWritten = (written) => ({
  source: WRITTEN,
  licence: 'Apache-2.0 (written for this repository)',
  requests: written.length,
});

/** Of everything that is trained on: requests of sources as they stand in their file, then the written ones as they stand in theirs. */
export const digestOfTraining = (requests) =>
  createHash('sha256')
    .update(requests)
    .update(readFileSync(ours('written')))
    .update(readFileSync(ours('goals')))
    .digest('hex');

/** A request's goal, without the steps that stand behind it. */
export const goalOf = ({ input }) => input.text.split(/\s1\.\s/u)[0];
