/** What is broken on purpose in src/operator/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "a time that passes during a turn is slept over",
    from: "requeueFor(transition, state, input.now, steeredAt)",
    to: "requeueFor(transition, state, ports.clock.now(), steeredAt)",
  },
  {
    breaks: "no timer wakes a running Canary",
    from: 'return time === undefined ? { kind: "never" }',
    to: 'return time !== null ? { kind: "never" }',
  },
  {
    breaks: "two leaders overwrite each other's status",
    from: "resourceVersion: canary.resourceVersion } as const;",
    to: "} as const;",
  },
  {
    breaks: "a turn decides on a cluster older than its own last write",
    from: "if (!hasCaughtUp(fromCache, own)) return own.object;",
    to: "",
  },
  {
    breaks: "an error makes the operator forget its own last write",
    from: "if (error.code === 404) snapshot.forget(ref);",
    to: "snapshot.forget(ref);",
  },
  {
    breaks: "a conflict makes the operator believe what was before its own last write",
    from: "if (error.code === 404) snapshot.forget(ref);",
    to: "if (error.code === 404 || error.code === 409) snapshot.forget(ref);",
  },
  {
    breaks: "what is so already is written again",
    from: "if (seen !== undefined && patch === undefined) return false;",
    to: "",
  },
  {
    breaks: "changes of the workloads wake no Canary",
    from: 'if (what === "deleted" || !isOwnWrite(canary, type, object)) wake(canary);',
    to: 'if (what === "deleted") wake(canary);',
  },
  {
    breaks: "appointments are not kept",
    from: 'if (requeue.kind === "at") queue.addAfter',
    to: "if (false) queue.addAfter",
  },
  {
    breaks: "alerts are sent again and again",
    from: "for (const alert of owed.slice(outbox.pending.length)) {",
    to: "for (const alert of owed) {",
  },
  {
    breaks: "a deleted Canary never goes",
    from: "await store.setFinalizer(canary, false, signal);",
    to: "",
  },
  {
    breaks: "routes that another writer changed are not noticed",
    from: "seen.primary === promised.primary &&\n    seen.canary === promised.canary &&",
    to: "",
  },
  {
    breaks: "what one Canary wrote is no news for another that depends on it",
    from: "own === undefined || own.by.name !== canary.name || own.by.namespace !== canary.namespace",
    to: "own === undefined",
  },
  {
    breaks: "a Canary that has just gone is written once more",
    from: 'if (await removeFinalizer(saved, transition.status, ports, signal)) return { kind: "never" };',
    to: "await removeFinalizer(saved, transition.status, ports, signal);",
  },
  {
    breaks: "what a turn wrote is never looked at",
    from: 'return wrote ? { kind: "now" } : requeueFor',
    to: "return requeueFor",
  },
  {
    breaks: "what a cache says of a Canary is acted upon unasked",
    from: "saved === loaded ? once(",
    to: "saved !== loaded ? once(",
  },
  {
    breaks: "a Canary that was made again gets the memory of the one before",
    from: "own.uid !== object?.metadata.uid",
    to: "false",
  },
  {
    breaks: "a status of another writer is given our memory",
    from: "return equal(withoutMemory(wire), own.wire) ? { ...wire, aviary: own.memory } : wire;",
    to: "return { ...wire, aviary: own.memory };",
  },
  {
    breaks: "an invalid Canary can never be deleted",
    from: 'if (parsed.kind === "invalid" && !deleting)',
    to: 'if (parsed.kind === "invalid")',
  },
  {
    breaks: "finalizers that others added meanwhile are lost",
    from: "const options = { resourceVersion: canary.resourceVersion };",
    to: "const options = {};",
  },
  {
    breaks: "opting out of revertOnDeletion is ignored",
    from: 'if (present === wanted) return "unchanged";',
    to: 'if (present) return "unchanged";',
  },
  {
    breaks: "an alert is struck off before it was delivered",
    from: "return open === -1 ? outbox.pending.length : open;",
    to: "return outbox.pending.length;",
  },
  {
    breaks: "owed alerts are noted twice",
    from: "const wanted = pruned && owed.length > 0 ?",
    to: "const wanted = owed.length > 0 ?",
  },
  {
    breaks: "a late answer brings a deleted object back",
    from: 'if (gone.has(object.metadata.uid ?? "")) return;',
    to: "",
  },
  {
    breaks: "the cache never catches up with our own write",
    from: "cachedVersion >= ownVersion",
    to: "cachedVersion > ownVersion",
  },
  {
    breaks: "a suspended Canary is still written for",
    from: "if (!wanted.engaged) return false; let wrote",
    to: "let wrote",
  },
  {
    breaks: "a former leader undoes what was decided since",
    from: "await confirm?.(); try { const written",
    to: "try { const written",
  },
  {
    breaks: "cookies of a run that is over stay in the status",
    from: "const patch = { status: mergePatch({ ...before }, { ...wire }) ?? {} };",
    to: "const patch = { status: { ...wire } };",
  },
  {
    breaks: "a Canary goes before everything was given back",
    from: 'status.phase !== "Terminating" || !status.handedBack) return false;',
    to: 'status.phase !== "Terminating") return false;',
  },
  {
    breaks: "objects that cannot be read are taken for readable",
    from: "return register.holds(key, refs) && refs.every(isReadable) && holdings.areKept(key, refs);",
    to: "return register.holds(key, refs);",
  },
  {
    breaks: "objects that are not followed are taken for followed",
    from: "return register.holds(key, refs) && refs.every(isReadable) && holdings.areKept(key, refs);",
    to: "return refs.every(isReadable) && holdings.areKept(key, refs);",
  },
  {
    breaks: "objects of other people are written over",
    from: "if (object !== undefined && !isOurs(canary, object, candidate)) return textOf(object, candidate);",
    to: "",
  },
  {
    breaks: "objects of another Canary are written over",
    from: 'if (ownerReferences.some(isCanary)) return use === "shared";',
    to: "if (ownerReferences.some(isCanary)) return true;",
  },
];
