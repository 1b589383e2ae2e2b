/** The copies and their autoscalers: a copy serves at every moment, and idle copies cost nothing. */

import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { PAUSED_REPLICAS } from "../controllers/autoscalers.ts";
import { isForeign } from "../foreign.ts";
import type { Scenario } from "../scenario.ts";
import type { Universe } from "../watcher.ts";
import { type Invariant, isUndisturbed, usersDo } from "./invariant.ts";

export const aCopyRemains: Invariant = {
  name: "a-copy-remains",
  rule: "The operator scales the target down only while the primary has pods that can serve, and never scales the primary down.",
  why: "With both copies down no pod answers, for any routes.",
  watch({ api, refs, kind, workloads, scenario }, report) {
    if (losesPrimary(scenario)) return {};
    api.onChange(({ kind: type, object, old, by }) => {
      if (by !== "operator" || old === undefined || type !== kind.type || (kind.size(object) ?? 0) > 0) return;
      if ((kind.size(old) ?? 0) === 0) return;
      // Deleting the Canary deletes its primary; writes that were under way still arrive.
      if (api.get(refs.canary) === undefined) return;
      if (object.metadata.name === refs.primary.name) report("the primary was scaled to zero");
      else if (object.metadata.name === refs.target.name && workloads.serving(refs.primary).size === 0) {
        report("the target was taken down while no primary pod could serve");
      }
    });
    return {};
  },
};

/** Whether the scenario itself deletes the primary's pods, or an autoscaler may take the last one. */
function losesPrimary(scenario: Scenario): boolean {
  if (scenario.objects.some(({ spec }) => (spec?.minReplicas ?? spec?.minReplicaCount) === 0)) return true;
  if (usersDo(scenario, "delete-primary", "scale-primary", "lose-pods")) return true;
  return Object.values(scenario.behaviours).some(
    ({ crash, crashAsPrimary }) => crash !== undefined || crashAsPrimary !== undefined,
  );
}

export const scalersFollow: Invariant = {
  name: "scalers-follow",
  rule:
    "The primary has an autoscaler of its own, never paused and with the limits that were promoted; the target's is paused " +
    "only while the target is down; the autoscaler alone decides how many pods the primary has.",
  why: "A primary whose scaler is paused or outdated is overloaded; a scaler that runs for an idle target costs money.",
  watch(universe, report) {
    const { api, refs, scenario } = universe;
    const source = scenario.objects.find(
      (object) =>
        (object.kind === RESOURCES.hpa.kind || object.kind === RESOURCES.scaledObject.kind) && !isForeign(object),
    );
    const unnamed = scenario.users.some(
      (action) => action.kind === "edit-canary" && action.spec.autoscalerRef === null,
    );
    const goes = scenario.users.some((action) => action.kind === "delete-reference" && action.of === source?.kind);
    const limited = scenario.users.some(
      (action) => action.kind === "edit-canary" && action.spec.autoscalerRef?.primaryScalerReplicas !== undefined,
    );
    if (source === undefined || unnamed || limited || goes || usersDo(scenario, "delete-scaler")) return {};
    const type = source.kind === RESOURCES.hpa.kind ? RESOURCES.hpa : RESOURCES.scaledObject;
    const at = (name: string) => api.get({ type, namespace: refs.target.namespace, name });
    const { name } = source.metadata;
    api.onChange(({ kind, object, old, by }) => {
      if (by !== "operator" || old === undefined || object.metadata.name !== refs.primary.name) return;
      if (kind === refs.primary.type && old.spec.replicas !== object.spec.replicas) {
        report(`the primary was scaled from ${old.spec.replicas} to ${object.spec.replicas}`);
      }
    });
    const check = (phase: string) => {
      const [own, primary] = [at(name), at(`${name}-primary`)];
      if (primary === undefined) return report(`there is no autoscaler for the primary (${phase})`);
      if (pauseOf(primary) !== undefined) report(`the primary's autoscaler is paused (${phase})`);
      const isUp = RUNNING.has(phase);
      const resting = AT_REST.has(phase) && (universe.kind.size(universe.target()) ?? 0) === 0;
      if (isUp && pauseOf(own) !== undefined) report(`the target's autoscaler is paused (${phase})`);
      if (resting && type === RESOURCES.scaledObject && pauseOf(own) !== "0")
        report(`its autoscaler may bring the target up (${phase})`);
      if (phase === "Succeeded" && !usersDo(scenario, "edit-scaler") && limitsOf(own) !== limitsOf(primary)) {
        report(`the primary is scaled ${limitsOf(primary)}, the target ${limitsOf(own)}`);
      }
    };
    return {
      turn({ transition, input, canary }) {
        const { phase } = transition.status;
        if (input.observation.readings.problem !== undefined || canary.spec.suspend || canary.deleting) return;
        if (isUndisturbed(universe) && (RUNNING.has(phase) || AT_REST.has(phase))) check(phase);
      },
      end({ rested, phase }) {
        if (rested && AT_REST.has(phase) && isFree(universe)) check(phase);
      },
    };
  },
};

const RUNNING: ReadonlySet<string> = new Set(["Progressing", "WaitingPromotion", "Promoting", "Finalising"]);
const AT_REST: ReadonlySet<string> = new Set(["Initialized", "Succeeded"]);

const pauseOf = (scaler: KubeObject | undefined): string | undefined => scaler?.metadata.annotations?.[PAUSED_REPLICAS];

function limitsOf(scaler: KubeObject | undefined): string {
  const spec: KubeFields = scaler?.spec ?? {};
  return `${spec.minReplicas ?? spec.minReplicaCount}..${spec.maxReplicas ?? spec.maxReplicaCount}`;
}

/** Nothing prevents the operator from working. */
function isFree(universe: Universe): boolean {
  return universe.target() !== undefined && universe.canary()?.spec?.suspend !== true;
}
