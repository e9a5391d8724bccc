// Ends the servers that global-setup.mjs started. What a test left running was ended by force: that fails the run.
export default async () => {
  const leftOver = (await globalThis.mandateTestRun?.stop()) ?? 0;
  if (leftOver > 0) throw new Error(`${leftOver} server processes outlived their tests: call stop() in afterAll`);
};
