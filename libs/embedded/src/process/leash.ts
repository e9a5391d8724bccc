/**
 * Loaded into every Node child before its own code: the channel to the supervisor closes when the supervisor dies, however it dies,
 * and then the child ends too. One that handles `disconnect` itself is left to close in order, but not for ever.
 */
const LAST_CALL_MS = 30_000;

process.on('disconnect', () => {
  setTimeout(() => process.exit(1), LAST_CALL_MS).unref();
  if (process.listenerCount('disconnect') === 1) process.kill(process.pid, 'SIGTERM');
});
process.channel?.unref(); // being on the leash is no reason to stay alive
