/** Bounds by construction: restarts of a run, and the pods that a users' Service selects. */
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import type { Scenario } from "../scenario.ts";
import { namesOf } from "../targets.ts";
import { type Invariant, usersDo } from "./invariant.ts";

/** A decision is stored a moment after it was made. */
const CALL_MS = 500;

/** Within this time an operator sees a change, also when watches are late. */
const SEEN_MS = 10_000;

export const boundedRestarts: Invariant = {
  name: "bounded-restarts",
  rule: "A run restarts at most once for one change of its target or its configuration, and at most once in an interval.",
  why: "A run that restarts without end never releases anything, and floods status, events and alerts.",
  watch(universe, report) {
    const { api, schedule, refs, kind } = universe;
    let changes = 0;
    let changedAt = 0;
    let seen = 0;
    let restartedAt = 0;
    let last: number | undefined;
    let skewed = false;
    const change = () => {
      changes += 1;
      changedAt = schedule.now();
    };
    api.onChange(({ kind: type, object, old, by, type: how }) => {
      const isTarget = type === refs.target.type && object.metadata.name === refs.target.name;
      if (isTarget && (old === undefined || how === "deleted" || kind.content(old) !== kind.content(object))) change();
      if (by === "user" && (type === RESOURCES.configMap || type === RESOURCES.secret)) change();
    });
    return {
      disturbed: (text) => {
        skewed ||= text.includes("API server's clock") || text.includes("lead");
      },
      turn({ transition, input }) {
        const { phase } = transition.status;
        if (phase !== "Progressing") last = undefined;
        if (skewed || !transition.events.some(({ reason }) => reason === "AnalysisRestarted")) return;
        const now = schedule.now();
        // A change a moment before the restart before may not have been seen by it.
        if (changes === seen && changedAt < restartedAt - SEEN_MS)
          report("restarted, though nothing changed since the restart before");
        if (last !== undefined && now - last < input.spec.analysis.intervalMs - CALL_MS) {
          report(`restarted ${now - last} ms after the restart before`);
        }
        seen = changes;
        restartedAt = now;
        last = now;
      },
    };
  },
};

export const servicesServe: Invariant = {
  name: "services-serve",
  rule: "No Service that users reach is pointed at pods that cannot serve, unless pods themselves fail or people delete them.",
  why: "A new selector applies at once, and every request after it fails.",
  watch(universe, report) {
    const { api, workloads, scenario } = universe;
    const { namespace, service } = namesOf(scenario);
    api.onChange(({ kind, object, old, by }) => {
      if (by !== "operator" || kind !== RESOURCES.service || old === undefined) return;
      if (object.metadata.name !== service || sameSelector(old, object)) return;
      // A Service that is the target itself is copied, and its selector stays.
      if (scenario.target.kind === "Service" || mayFail(scenario)) return;
      const selected = (one: KubeObject) => workloads.selected(namespace, one.spec?.selector ?? {}).size;
      if (selected(object) === 0 && selected(old) > 0) report(`${object.metadata.name} selects no pod that can serve`);
    });
    return {};
  },
};

/** Pods that fail by themselves may fail at the moment of the write. */
function mayFail(scenario: Scenario): boolean {
  const crashes = Object.values(scenario.behaviours).some(
    ({ crash, crashAsPrimary }) => typeof crash === "number" || typeof crashAsPrimary === "number",
  );
  return (
    crashes ||
    usersDo(scenario, "lose-pods", "scale-target", "delete-target", "relabel-target", "delete-primary", "scale-primary")
  );
}

const sameSelector = (a: KubeObject, b: KubeObject): boolean =>
  JSON.stringify(a.spec?.selector) === JSON.stringify(b.spec?.selector);
