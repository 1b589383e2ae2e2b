/** Where the requests go. */
import type { Routes } from "../../core/status/canary.ts";
import { RESOURCES } from "../../ports/kubernetes.ts";
import { daemonSetHasGap, deploymentHasGap, statefulSetHasGap } from "../../workloads/gap.ts";
import { SPEC_RULES } from "../adapters.ts";
import { NODES } from "../controllers/daemonset.ts";
import { isForeign } from "../foreign.ts";
import { MESHES, meshOf } from "../meshes/table.ts";
import type { Scenario } from "../scenario.ts";
import { kindOf, namesOf } from "../targets.ts";
import type { Universe } from "../watcher.ts";
import { type Invariant, isUndisturbed, usersDo } from "./invariant.ts";

export const weightsSum: Invariant = {
  name: "weights-sum",
  rule: "The weights of every routing rule that names the canary sum to 100.",
  why: "A mesh refuses or rescales other sums, and the shares are then unknown.",
  watch({ api }, report) {
    api.onChange(({ kind, object, by }) => {
      if (by !== "operator") return;
      const mesh = Object.values(MESHES).find(({ type }) => type === kind);
      const fault = mesh?.fault?.(object);
      if (fault !== undefined) report(fault);
    });
    return {};
  },
};

export const trafficNeedsPods: Invariant = {
  name: "traffic-needs-pods",
  rule: "No turn leaves traffic on the canary when it sees that no canary pod can serve and a primary pod can.",
  why: "Requests that find no pod fail, and a rollout must not cause failures.",
  watch: ({ kind: { ownRoutes } }, report) => ({
    turn({ input, routes, canary }) {
      const { target, primary, problem, gone } = input.observation.readings;
      if (gone === true && !canary.spec.suspend && routes !== undefined && routes.canary > 0) {
        return report(`${routes.canary} % go to a target that was deleted, in phase ${input.status.phase}`);
      }
      if (
        problem !== undefined ||
        canary.spec.suspend ||
        routes === undefined ||
        !SPEC_RULES.shiftsWeights(canary.spec.provider) ||
        ownRoutes !== undefined
      )
        return;
      if (routes.canary > 0 && target.available === 0 && primary.available > 0) {
        report(`${routes.canary} % go to a canary without pods in phase ${input.status.phase}`);
      }
    },
  }),
};

export const splitSaidRightly: Invariant = {
  name: "split-said-rightly",
  rule: "A Warning says that requests are not split as promised only when the mesh does not follow its routes.",
  why: "A warning that comes without a cause teaches people to read past it.",
  watch: ({ scenario }, report) => ({
    turn({ transition }) {
      // The operator does not see whether the pods behind a Service can serve: without them, no request is counted for
      // the canary.
      const { kind } = scenario.target;
      const crashes = Object.values(scenario.behaviours).some(({ crash }) => crash !== undefined);
      if (scenario.meshShare !== undefined || (kind === "Service" && crashes)) return;
      for (const { reason, message } of transition.events) if (reason === "OffSplit") report(message);
    },
  }),
};

export const initializedIsRouted: Invariant = {
  name: "initialized-is-routed",
  rule: "A Canary is Initialized only when the routes lead to the primary.",
  why: "Scripts that wait for `Initialized` send requests at once.",
  watch: (universe, report) => {
    const { api, scenario } = universe;
    // A user may delete the routes at this very moment.
    if (usersDo(scenario, "delete-routes", "edit-routes", "delete-canary")) return {};
    api.onChange(({ kind, object, old, by }) => {
      if (kind !== RESOURCES.canary || by !== "operator") return;
      if (object.status?.phase !== "Initialized" || old?.status?.phase === "Initialized") return;
      if (!SPEC_RULES.shiftsWeights(object.spec?.provider)) return;
      const found = routesIn(universe);
      if (found?.primary !== 100) report(`the primary gets ${found?.primary ?? "nothing, there are no routes"}`);
    });
    return {};
  },
};

export const routesAsPromised: Invariant = {
  name: "routes-as-promised",
  rule: "When a turn ends without a fault, the cluster has the routes that its status promises.",
  why: "Status, events and dashboards must show where requests really go.",
  watch(universe, report) {
    let last: Routes | undefined;
    const compare = (when: string) => {
      const found = routesIn(universe);
      if (last === undefined || found === undefined || isSame(found, last)) return;
      report(`${when} promised ${textOf(last)}, found ${textOf(found)}`);
    };
    return {
      turn({ routes, canary, input }) {
        const { problem, gone } = input.observation.readings;
        const free = (problem !== undefined && gone !== true) || canary.spec.suspend || canary.deleting;
        last = free ? undefined : routes;
        if (isUndisturbed(universe)) compare("a turn");
      },
      end: ({ rested, phase }) => rested && phase !== "gone" && compare("the end"),
    };
  },
};

export const alwaysServed: Invariant = {
  name: "always-served",
  rule: "No request finds its copy without pods, unless pods themselves fail or people delete them.",
  why: "Scaling, copying and switching must be ordered so that a copy loses its traffic before it loses its pods.",
  watch(universe, report) {
    let slow = false;
    return {
      // When an API server takes longer for a write than routes take to apply, no order of writes helps.
      fault: (fault) => {
        slow ||= fault === "slow";
      },
      end() {
        const { scenario, traffic } = universe;
        if (slow) return;
        const { primary, canary } = traffic.unserved;
        if (primary > 0.5 && !mayLose(scenario, "primary"))
          report(`${Math.ceil(primary)} requests found no primary pod`);
        if (canary > 0.5 && !mayLose(scenario, "target")) report(`${Math.ceil(canary)} requests found no canary pod`);
      },
    };
  },
};

function replacesAllAtOnce({ target: { kind, spec }, nodes, canary }: Scenario): boolean {
  const { strategy, updateStrategy, replicas = 1 } = spec;
  // An autoscaler may leave one pod.
  const pods = canary.spec.autoscalerRef === undefined ? replicas : 1;
  if (kind === "Deployment") return deploymentHasGap(strategy, pods);
  if (kind === "StatefulSet") return statefulSetHasGap(updateStrategy, pods);
  return kind === "DaemonSet" && daemonSetHasGap(updateStrategy, nodes ?? NODES);
}

/** Whether the scenario itself deletes pods of a copy. */
function mayLose(scenario: Scenario, copy: "primary" | "target"): boolean {
  if (usersDo(scenario, "delete-routes", "edit-routes", "edit-canary", "delete-canary")) return true;
  if (usersDo(scenario, `delete-${copy}`, `scale-${copy}`)) return true;
  if (copy === "target" && usersDo(scenario, "relabel-target", "move-target")) return true;
  // The target covers for a primary whose pods are all replaced at once: when people delete it then, no copy is left.
  if (copy === "primary" && usersDo(scenario, "relabel-target", "delete-target") && replacesAllAtOnce(scenario))
    return true;
  // A second or an immediate release replaces all pods of the target at once where its strategy says so.
  // Behind an object of another owner the Canary is not initialised: a release is the owner's own matter.
  const again =
    scenario.impatient ||
    scenario.objects.some(isForeign) ||
    usersDo(scenario, "release", "edit-config", "drop-config", "rename-config", "restore-target");
  if (copy === "target" && again && replacesAllAtOnce(scenario)) return true;
  if (scenario.users.some((action) => action.kind === "lose-pods" && action.of === copy)) return true;
  const { type, ownRoutes } = kindOf(scenario.target);
  if (ownRoutes !== undefined && usersDo(scenario, "delete-target")) return true;
  const versions = type === RESOURCES.service;
  const crashes = Object.values(scenario.behaviours).some(
    ({ crash, crashAsPrimary }) =>
      typeof crash === "number" ||
      ((copy === "target" || versions) && crash !== undefined) ||
      typeof crashAsPrimary === "number",
  );
  return crashes;
}

/** The weights in the object that routes; undefined when there is none. */
export function routesIn({ api, refs, scenario, kind }: Universe): Routes | undefined {
  const found = api.get(refs.routes);
  if (kind.ownRoutes !== undefined) return kind.ownRoutes(found);
  if (found === undefined) return undefined;
  const reader = meshOf(scenario.canary.spec?.provider);
  const weights = reader.weights(found, namesOf(scenario).service);
  if (weights === undefined) return { primary: 0, canary: 0, mirror: false };
  return { primary: weights.primary, canary: weights.canary, mirror: weights.mirror };
}

const isSame = (a: Routes, b: Routes) => a.primary === b.primary && a.canary === b.canary && a.mirror === b.mirror;
const textOf = ({ primary, canary, mirror }: Routes) => `${primary}/${canary}${mirror ? " mirrored" : ""}`;
