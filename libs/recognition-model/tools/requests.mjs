// Labelled requests from JSON lines {source, text, tools?, given_steps?, label, accept?, steps?}.
import { readFileSync } from 'node:fs';

export const readRequests = (file) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { source, label, accept, text, tools, given_steps: givenSteps, steps } = JSON.parse(line);
      const input = { text, ...(tools ? { tools: tools.map(String) } : {}), ...(givenSteps ? { givenSteps } : {}) };
      return { source, label, accept: accept ?? [label], ...(steps === undefined ? {} : { steps }), input };
    });

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

/** A request's goal, without the steps that stand behind it. */
export const goalOf = ({ input }) => input.text.split(/\s1\.\s/u)[0];
