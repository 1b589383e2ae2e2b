/** Simulates a campaign on several cores: a rollout takes one, and nothing of it is shared. */
import { Worker } from "node:worker_threads";
import { nextMessage } from "../../async/next-message.ts";
import { dealOut, type Outcome, type RunShare, runShare, type Share } from "../../simulate/shares.ts";

/**
 * @param jobs how many threads there may be; a single one is this thread
 * @param tell is called in the order of the shares
 */
export async function runShares(
  shares: readonly Share[],
  jobs: number,
  signal: AbortSignal,
  tell: (outcome: Outcome) => void,
): Promise<void> {
  const count = Math.min(jobs, shares.length);
  if (count <= 1) return dealOut(shares, [(share) => runShare(share, signal)], signal, tell);
  const threads = Array.from({ length: count }, startThread);
  const stop = () => {
    for (const thread of threads) thread.postMessage("stop");
  };
  signal.addEventListener("abort", stop);
  try {
    await dealOut(shares, threads.map(askThread), signal, tell);
  } finally {
    signal.removeEventListener("abort", stop);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

function startThread(): Worker {
  return new Worker(new URL("./simulate-thread.js", import.meta.url));
}

function askThread(thread: Worker): RunShare {
  return async (share) => {
    thread.postMessage(share);
    return (await nextMessage(thread, "a thread of the simulation")) as Outcome;
  };
}
