/** What is broken on purpose in src/kube/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "news during a turn is lost",
    from: "if (again.delete(key)) add(key);",
    to: "",
  },
  {
    breaks: "what turns leave behind is kept as long as the process lives",
    from: "await withOwnSignal(life.signal, (signal) => options.work(key, signal));",
    to: "await options.work(key, life.signal);",
  },
  {
    breaks: "a dead leader's lease is never taken over",
    from: 'if (holder !== "" && holder !== identity && !observer.expired()) return false;',
    to: 'if (holder !== "" && holder !== identity) return false;',
  },
  {
    breaks: "a lost leader releases another leader's lease",
    from: "if (lease?.spec?.holderIdentity !== identity) return true;",
    to: "if (lease?.spec === undefined) return true;",
  },
  {
    breaks: "a leader that stops keeps the lease",
    from: "if (!lost) await release(options, timing);",
    to: "",
  },
  {
    breaks: "a renewal that comes in between keeps the lease from being released",
    from: "if (isConflict(error)) return false;\n    throw",
    to: "throw",
  },
  {
    breaks: "every renewal counts as a transition",
    from: "(mine ? 0 : 1)",
    to: "1",
  },
  {
    breaks: "objects of a kind that was removed stay in the cache",
    from: "trouble = undefined;\n      contents.replaceAll([]);",
    to: "trouble = undefined;",
  },
  {
    breaks: "a late listener never learns what was there before",
    from: 'const backlog = store.list().map((object): ObjectChange => ({ type: "added", object }));',
    to: "const backlog: readonly ObjectChange[] = [];",
  },
  {
    breaks: "a watch that is too old is tried again without end",
    from: 'version = end === "too-old" ? undefined : progress.version;',
    to: "version = progress.version;",
  },
  {
    breaks: "a server that came back with another history is not listed anew",
    from: "version = progress.began ? progress.version : undefined;",
    to: "version = progress.version;",
  },
  {
    breaks: "a busy watch is cut off as if it were silent",
    from: "deadline.restart(timing.idleMs);",
    to: "",
  },
  {
    breaks: "one piece of news causes turns for ever",
    from: "if (again.delete(key)) add(key);",
    to: "if (again.has(key)) add(key);",
  },
  {
    breaks: "two turns of one Canary at once",
    from: "if (slots.isRunning(key)) again.add(key); else waiting.push(laneOf(key), key);",
    to: "waiting.push(laneOf(key), key);",
  },
  {
    breaks: "a slow answer disturbs the clock of the API server",
    in: "src/async/server-clock.ts",
    from: "server + SECOND_MS - sentAt",
    to: "server + SECOND_MS - arrived",
  },
  {
    breaks: "the clock of the API server follows the machine's",
    in: "src/async/server-clock.ts",
    from: "Math.max(offset ?? machine.now() - arrived, atLeast)",
    to: "Math.max(machine.now() - arrived, atLeast)",
  },
];
