/** What is broken on purpose in src/core/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "unjudged: traffic to a primary without pods",
    from: "turn.spec.skipAnalysis ? primary.available > 0 :",
    to: "turn.spec.skipAnalysis ? true :",
  },
  {
    breaks: "an override of one freeze lifts all freezes",
    from: "freeze === undefined || liftedBy(override).includes(freeze.name) ? rest : input",
    to: "true ? rest : input",
  },
  {
    breaks: "a deletion is not served",
    from: "if (turn.deleting) return terminate(turn, isRunning(status.phase));",
    to: "",
  },
  {
    breaks: "a suspended Canary goes on",
    from: "if (spec.suspend) return waitFor(turn, EVENTS.suspended());",
    to: "",
  },
  {
    breaks: "delivered alerts stay owed",
    from: "status.owedAlerts.slice(input.alertsDelivered)",
    to: "status.owedAlerts.slice(0)",
  },
  {
    breaks: "a new revision is not seen",
    from: "if (revisionChanged(status, target.revision)) return beginWhenAllowed(turn);",
    to: "",
  },
  {
    breaks: "a failed promotion is not rolled back",
    from: "if (isRecovering(status)) return returnToPrimary(turn);",
    to: "",
  },
  {
    breaks: "traffic returns to a primary that is not restored yet",
    from: 'if (primary.readiness.kind !== "ready" || primary.available === 0) {',
    to: "if (false) {",
  },
  {
    breaks: "after a failed promotion a dead canary keeps everything",
    from: "if (hasLostCanary(turn, status)) return update(",
    to: "if (false) return update(",
  },
  {
    breaks: "confirm-rollout is ignored",
    from: "if (failureOf(answered, turn.ref) !== undefined) return awaitApproval(turn, name, muteAlert);",
    to: "",
  },
  {
    breaks: "a canary that came back never gets its share",
    from: 'if (status.serving === "primary-alone") return giveShareBack(turn, status);',
    to: "",
  },
  {
    breaks: "a canary that is not up yet is judged",
    from: "if (target.scaledDown) return isExposed",
    to: "if (false) return isExposed",
  },
  {
    breaks: "a broken primary is not noticed in a run",
    from: 'if (primary.readiness.kind === "stuck") return losePrimary(turn, status, primary.readiness.detail);',
    to: "",
  },
  {
    breaks: "a release is rolled back to a primary without pods, and no pod serves",
    from: "if (!saved) return rollBack(",
    to: "return rollBack(",
  },
  {
    breaks: "skipAnalysis is ignored",
    from: "if (spec.skipAnalysis) return skipToPromotion(turn, status);",
    to: "",
  },
  {
    breaks: "traffic shifts before the primary carries the copy",
    from: "if (!isCopied(turn, status)) {",
    to: "if (false) {",
  },
  {
    breaks: "the wait for a promotion that fails has no end",
    from: 'if (primary.readiness.kind === "stuck") return failPromotion(turn, primary.readiness.detail);\n  if (hasLostCanary',
    to: "if (hasLostCanary",
  },
  {
    breaks: "what was promoted is not recorded",
    from: 'promotedSpec: turn.status.applied?.spec ?? "" }',
    to: "}",
  },
  {
    breaks: "after a failed promotion users are sent to the broken primary",
    from: "canaryWeight: target.available > 0 ? TOTAL_WEIGHT : 0 }",
    to: "canaryWeight: 0 }",
  },
  {
    breaks: "a primary without any value gets all of the traffic",
    from: 'const silent = answered.answer.kind === "no-data";',
    to: 'const silent = answered.answer.kind !== "value";',
  },
  {
    breaks: "a primary whose values come late gets all of the traffic unjudged",
    from: "if (silent && mayStillBeMeasured(turn, status, answered)) return awaitValues(turn, status, failure);",
    to: "",
  },
  {
    breaks: "the primary is judged by what the revision before answered",
    from: "(windowMs(metric.interval) <= measured ? metric :",
    to: "(true ? metric :",
  },
  {
    breaks: "a promotion in steps moves nothing",
    from: "if (status.primaryWeight > 0) return split(TOTAL_WEIGHT - status.primaryWeight);",
    to: "",
  },
  {
    breaks: "weights do not sum to 100",
    from: "{ primary: TOTAL_WEIGHT - canary, canary, mirror: false }",
    to: "{ primary: TOTAL_WEIGHT - canary - 1, canary, mirror: false }",
  },
  {
    breaks: "steps are larger than asked for",
    from: "Math.min(TOTAL_WEIGHT, weight + stepWeight)",
    to: "Math.min(TOTAL_WEIGHT, weight + stepWeight + 1)",
  },
  {
    breaks: "a progressive run asks no gate before the promotion",
    from: 'promotionGates: ["confirm-traffic-increase", "confirm-promotion"],',
    to: "promotionGates: [],",
  },
  {
    breaks: "one failed check too many",
    in: "src/core/turn/turn.ts",
    from: "if (failedChecks < turn.spec.analysis.threshold) return undefined;",
    to: "if (failedChecks <= turn.spec.analysis.threshold) return undefined;",
  },
  {
    breaks: "going back by hand is taken for a release",
    from: "return spec !== promotedSpec && spec !== applied.spec;",
    to: "return spec !== applied.spec;",
  },
  {
    breaks: "a minimum is missed by one",
    from: "if (min !== undefined && value < min) return",
    to: "if (min !== undefined && value <= min - 1) return",
  },
  {
    breaks: "a value that is no number passes",
    from: "if (!Number.isFinite(value)) return",
    to: "if (false) return",
  },
  {
    breaks: "a promotion of configs alone is not told apart",
    from: "JSON.stringify([uid, revision.spec, configs])",
    to: "JSON.stringify([uid, revision.spec])",
  },
  {
    breaks: "a pruned status recovers one step too early",
    from: "weight <= core.canaryWeight",
    to: "weight < core.canaryWeight",
  },
  {
    breaks: "a pruned status does not hold its step",
    from: "core.writtenAt + hints.intervalMs",
    to: "core.writtenAt",
  },
  {
    breaks: "a restart loses the alerts that are owed",
    from: "owedAlerts: owedAlerts(wire.aviary?.owedAlerts),",
    to: "owedAlerts: [],",
  },
  {
    breaks: "Flagger's zeroed weight while it waits is believed",
    from: "return zeroed && hints.iterations === 0 ? (hints.weights.at(-1) ?? 0) : core.canaryWeight;",
    to: "return core.canaryWeight;",
  },
  {
    breaks: "a maximum is exclusive",
    from: "if (max !== undefined && value > max)",
    to: "if (max !== undefined && value >= max)",
  },
  {
    breaks: "the deprecated threshold is read the wrong way round",
    from: 'source === "success-rate" ? { min: metric.threshold } : { max: metric.threshold }',
    to: 'source === "success-rate" ? { max: metric.threshold } : { min: metric.threshold }',
  },
  {
    breaks: "a metric without data passes",
    from: 'case "no-data":\n    case "error":',
    to: 'case "no-data":\n      return undefined;\n    case "error":',
  },
  {
    breaks: "an open rollback hook does not settle a turn",
    from: "return isRollbackHook(answered.probe) ? !failed : failed;",
    to: "return failed;",
  },
  {
    breaks: "a change during the initialisation is lost",
    from: "if (!isMadeOfTarget(turn)) return renewPrimary(turn, stage, notices);",
    to: "",
  },
  {
    breaks: "drains do not wait for late routes",
    from: "const draining: Idle = drain === status.drain ? status : { ...status, drain };",
    to: "const draining: Idle = status;",
  },
  {
    breaks: "drains end at once",
    from: 'return drain.kind !== "none" && keepWaiting(turn, drain, drainDelayMs(turn.spec)) === undefined;',
    to: 'return drain.kind !== "none";',
  },
  {
    breaks: "a closed gate is never asked again",
    from: "(isOver(hold, turn.now) ? beginWhenAllowed(turn) : unchanged(turn))",
    to: "unchanged(turn)",
  },
  {
    breaks: "a newer revision is judged by the older one's run",
    from: "if (!sameRevision(status.applied, target.revision)) return restart(turn); if (isOfAnotherPlan",
    to: "if (isOfAnotherPlan",
  },
  {
    breaks: "steps are not held",
    from: "rerouted(turn, status) ?? keepWaiting(turn, status.hold, spec.analysis.intervalMs) ?? judge(turn, status)",
    to: "rerouted(turn, status) ?? judge(turn, status)",
  },
  {
    breaks: "a canary that keeps going down is never rolled back",
    from: 'const failedChecks = status.failedChecks + 1; const failure = { check: "pods of the canary", source: "pods", detail } as const;',
    to: 'const failedChecks = status.failedChecks; const failure = { check: "pods of the canary", source: "pods", detail } as const;',
  },
  {
    breaks: "a canary that was scaled to zero keeps its traffic",
    from: "return isExposed(turn) ? awaitCanary(turn, status, scaledToZero(turn)) : unchanged(turn);",
    to: "return unchanged(turn);",
  },
  {
    breaks: "the wait for a canary that never gets ready has no end",
    from: 'if (target.readiness.kind === "stuck") { const { detail } = target.readiness; return rollBack(turn, { kind: "deadline", of: "canary", detail }, EVENTS.deadlineExceeded(detail)); } if (target.scaledDown)',
    to: "if (target.scaledDown)",
  },
  {
    breaks: "a step is judged though its routes were not in force",
    from: 'return status.step === 0 || status.serving === "primary-alone" ? undefined : restartHold(turn, status);',
    to: "return undefined;",
  },
  {
    breaks: "a step that was given back is not held anew",
    from: "const hold = waitUntil(turn.now + turn.spec.analysis.intervalMs); const { announced: _over, ...rest } = status;",
    to: "const hold = NO_WAIT; const { announced: _over, ...rest } = status;",
  },
  {
    breaks: "confirm-promotion is ignored",
    from: "return awaitPromotion(turn, status, notices, name, muteAlert);",
    to: "",
  },
  {
    breaks: "pre-rollout is ignored",
    from: "return fail(EVENTS.preRolloutFailed(turn, name, failure));",
    to: "return undefined;",
  },
  {
    breaks: "failed metrics are ignored",
    from: 'if (probe.kind !== "hook") return fail(',
    to: 'if (probe.kind !== "hook") return undefined; fail(',
  },
  {
    breaks: "a target that moved on stalls the promotion",
    from: "if (!sameRevision(status.applied, target.revision)) return restart(turn); if (status.covering",
    to: "if (status.covering",
  },
  {
    breaks: "traffic shifts to a primary that is not ready",
    from: 'if (primary.readiness.kind === "progressing") return awaitPrimary(turn, primary.readiness);',
    to: "",
  },
  {
    breaks: "the canary goes before late routes are known",
    from: "if (hold !== status.hold) return update({ ...status, hold }); return keepWaiting(turn, hold, drainDelayMs(turn.spec)) ?? (routesInForce ?",
    to: "return keepWaiting(turn, status.hold, 0) ?? (true ?",
  },
  {
    breaks: "the canary goes before the routes are known",
    from: "return keepWaiting(turn, hold, drainDelayMs(turn.spec)) ?? (routesInForce ? succeed(turn, false) : unchanged(turn));",
    to: "return succeed(turn, false);",
  },
  {
    breaks: "slow writes of routes shorten what waits for them",
    from: "return turn.now < lookAgainAt ? { ...unchanged(turn), lookAgainAt } : undefined;",
    to: "return undefined;",
  },
  {
    breaks: "a wait lasts as long as the clock was ahead",
    from: "return withoutFarTimes(withoutOverriddenFreeze(ended));",
    to: "return withoutOverriddenFreeze(ended);",
  },
  {
    breaks: "every wait for pods is said at once",
    from: "return since <= now && now < lastsAt ? { ...unchanged(turn), lookAgainAt: lastsAt } : waitFor(turn, notice);",
    to: "return waitFor(turn, notice);",
  },
  {
    breaks: "a decision that asks for another turn gets none",
    from: "const others = [status.names?.leaveAt, status.paused?.until, lookAgainAt];",
    to: "const others = [status.names?.leaveAt, status.paused?.until];",
  },
  {
    breaks: "an end that moves on at every turn is written at every turn",
    from: "routesInForce ? waitUntil(Math.max(wait.notBefore, now + ms)) : wait;",
    to: 'routesInForce ? waitUntil(Math.max(wait.notBefore, now + ms)) : { kind: "after-routes", notBefore: now + ms };',
  },
  {
    breaks: "a wait that an older release stored ends in a century",
    from: 'if (time >= CENTURY_MS) return { kind: "after-routes", notBefore: time - CENTURY_MS };',
    to: "",
  },
  {
    breaks: "a wait that counts from the routes never begins to count",
    from: 'if (wait.kind === "after-routes") return routesInForce ? waitUntil(Math.max(wait.notBefore, now + ms)) : wait;',
    to: 'if (wait.kind === "after-routes") return wait;',
  },
  {
    breaks: "a primary that answers badly keeps its traffic",
    from: "if (failedChecks >= turn.spec.analysis.threshold) { return failPromotion(turn, failure,",
    to: "if (false) { return failPromotion(turn, failure,",
  },
  {
    breaks: "after a failed promotion the traffic returns to a primary that is not restored yet",
    from: "if (carriesFailed(turn) && primary.restorable !== false) return unchanged(turn);",
    to: "",
  },
  {
    breaks: "withheld traffic still goes to the canary",
    from: 'return serving === "primary-alone" ? ALL_TO_PRIMARY : stepRoutes(',
    to: "return stepRoutes(",
  },
  {
    breaks: "after a promotion the target is taken down before its drain",
    from: 'desired: ({ drain }) => ({ target: drain.kind === "none" ? "down" : "as-is", primary: PRESENT }), condition: (_kind',
    to: 'desired: () => ({ target: "down", primary: PRESENT }), condition: (_kind',
  },
  {
    breaks: "after the initialisation the target is taken down before its drain",
    from: 'desired: ({ drain }) => ({ target: drain.kind === "none" ? "down" : "as-is", primary: PRESENT }), condition: (kind)',
    to: 'desired: () => ({ target: "down", primary: PRESENT }), condition: (kind)',
  },
  {
    breaks: "after a rollback the canary is taken down before its drain",
    from: 'if (status.recovery.kind === "none") return { target: status.drain.kind === "none" ? "down" : "as-is",',
    to: 'if (status.recovery.kind === "none") return { target: "down",',
  },
  {
    breaks: "the canary goes while it still has traffic",
    from: 'desired: () => ({ target: "up", primary: PRESENT }), condition: () => ({ status: "Unknown", message: "Canary analysis completed, routing',
    to: 'desired: () => ({ target: "down", primary: PRESENT }), condition: () => ({ status: "Unknown", message: "Canary analysis completed, routing',
  },
  {
    breaks: "nothing is copied to the primary",
    from: 'primary: status.covering === "begun" ? PRESENT : promotedPrimary(status, uid),',
    to: "primary: PRESENT,",
  },
  {
    breaks: "the primary does not get its last revision back",
    from: 'const primary = { kind: "restored", from,',
    to: 'const primary = { kind: "restored", from: "",',
  },
  {
    breaks: "a canary that was rolled back goes while it still gets requests",
    from: "drain: canaryDrain(turn), owesPostRollout",
    to: "drain: NO_WAIT, owesPostRollout",
  },
  {
    breaks: "a restart forgets that the primary is being restored",
    from: 'restoring: recovery.kind !== "none",',
    to: "restoring: false,",
  },
  {
    breaks: "a restart forgets that a drain goes on",
    from: "return { drainUntil: time, ...(afterRoutes",
    to: "return { ...(afterRoutes",
  },
  {
    breaks: "a slow gate eats up the hold",
    from: "({ now } = reply);",
    to: "",
  },
  {
    breaks: "questions go on after the matter is settled",
    from: "if (settles(answered, rest.ref)) break;",
    to: "",
  },
  {
    breaks: "a restart sends the promoted traffic back to the old primary",
    from: "const primaryWeight = memory?.primaryWeight ?? primaryShare(known);",
    to: "const primaryWeight = 0;",
  },
  {
    breaks: "a failed promotion of Flagger's is taken for a failed analysis",
    from: "recoveryFrom({ restoring: known.core.canaryWeight > 0, ...memory }),",
    to: "recoveryFrom({ ...memory }),",
  },
  {
    breaks: "a pruned status asks pre-rollout again in the middle of a run",
    from: '(prepared ?? step > 0) ? "prepared"',
    to: '(prepared ?? false) ? "prepared"',
  },
  {
    breaks: "a restart that is put off is forgotten by the next process",
    from: '...(stage === "put-off" ? { putOff: true } : {}),',
    to: "",
  },
  {
    breaks: "an undone promotion is restored as one that failed",
    from: '...(recovery.kind === "undoing" ? { undoing: recovery.promotion } : {}),',
    to: "",
  },
  {
    breaks: "flags in the journal of an older release are not read",
    from: 'if (status.phase === "Failed" && restoring !== undefined) {',
    to: "if (restoring === undefined) {",
  },
  {
    breaks: "revisions that change fast restart the run without bound",
    from: "if (restarted !== undefined && turn.now < due) return putOff(turn, restarted, due, revision);",
    to: "",
  },
  {
    breaks: "a restart that is put off is announced at every turn",
    from: "restarted: { ...restarted, slowed: true } };",
    to: "restarted };",
  },
  {
    breaks: "the promoted revision is judged after a rollback by hand",
    from: "const settled = endReverted(turn) ?? awaitRestart(turn, status);",
    to: "const settled = awaitRestart(turn, status);",
  },
  {
    breaks: "after a rollback by hand the canary goes while it still gets requests",
    from: "drain: canaryDrain(turn), }, { failedChecks: 0",
    to: "drain: NO_WAIT, }, { failedChecks: 0",
  },
  {
    breaks: "a primary whose pods are replaced at once leaves its users without an answer",
    from: "return primary.gap === true && target.available > 0;",
    to: "return false;",
  },
  {
    breaks: "the copy is made before proxies know that the canary covers",
    from: 'if (held !== undefined) return held; return update({ ...status, covering: "full"',
    to: 'return update({ ...status, covering: "full"',
  },
  {
    breaks: "a canary without pods covers for the primary",
    from: "if (canaryLacksPods(turn.observation.readings)) return endCover(turn, status);",
    to: "",
  },
  {
    breaks: "a question that was not answered passes",
    from: 'if (answers.length === 0) return { kind: "ask", probes };',
    to: "if (answers.length === 0) return [];",
  },
  {
    breaks: "a promotion goes on while a person holds the run",
    from: "return isHeldByPeople(turn) ? unchanged(turn) : shiftToPrimary(turn, status);",
    to: "return shiftToPrimary(turn, status);",
  },
  {
    breaks: "a run begins during a freeze",
    from: "if (turn.freeze !== undefined) return waitFor(turn, EVENTS.frozen(turn.freeze));",
    to: "",
  },
  {
    breaks: "a verb is applied after its time",
    from: 'if (action.expiresAt <= turn.now) return answeredBy(decide(turn), action, "expired", "it was not applied in time");',
    to: "",
  },
  {
    breaks: "a verb is applied to another revision than its person saw",
    from: "if (revision !== undefined && revision !== status.applied?.spec) {",
    to: "if (false) {",
  },
];
