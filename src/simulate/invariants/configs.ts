/** ConfigMaps and Secrets: the primary reads tested data only. */
import { type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { configChecksum } from "../../workloads/config-tracking/checksum.ts";
import type { Universe } from "../watcher.ts";
import { type Invariant, usersDo } from "./invariant.ts";

export const testedConfigs: Invariant = {
  name: "tested-configs",
  rule:
    "The primary's copies of ConfigMaps and Secrets only ever hold the data of a promoted revision; at the end " +
    "they hold the data of the last one.",
  why: "Configuration is half of a release: a bad value that reaches users untested hurts as much as bad code.",
  watch(universe, report) {
    const { api, scenario } = universe;
    const configs = scenario.objects.filter(({ kind }) => kind === "ConfigMap" || kind === "Secret");
    // A primary that is created again starts with the existing data.
    if (configs.length === 0 || usersDo(scenario, "edit-canary", "delete-primary")) return {};
    const names = new Set(configs.map(({ kind, metadata }) => `${kind} ${metadata.name}-primary`));
    const promoted = new Map<string, Set<string>>();
    let last: Readonly<Record<string, string>> | undefined;
    api.onChange(({ kind, object, old, by }) => {
      if (by !== "operator") return;
      if (kind === RESOURCES.canary) learn(old?.status?.phase, object.status);
      const name = `${object.kind} ${object.metadata.name}`;
      if (names.has(name) && old !== undefined && sumOf(old) !== sumOf(object)) judge(name, object);
    });

    /**
     * A Canary in Promoting has passed its plan (whole-plan checks that); during the initialisation the existing data
     * counts.
     */
    function learn(before: string | undefined, status: KubeObject["status"]): void {
      const sums: Readonly<Record<string, string>> = status?.trackedConfigs ?? {};
      const { phase } = status ?? {};
      if (phase === "Initializing" || phase === "Initialized" || phase === "Promoting") {
        for (const [key, sum] of Object.entries(sums)) promoted.set(key, (promoted.get(key) ?? new Set()).add(sum));
      }
      if (phase !== before && (phase === "Initialized" || phase === "Succeeded")) last = sums;
    }

    function judge(name: string, copy: KubeObject): void {
      if (promoted.get(keyOf(copy))?.has(sumOf(copy)) !== true) report(`${name} got what was never promoted`);
    }

    return {
      end({ rested }) {
        if (!rested || last === undefined || !isTold(universe)) return;
        for (const copy of copiesOf(universe, names)) {
          const wanted = last[keyOf(copy)];
          if (wanted !== undefined && wanted !== sumOf(copy)) {
            report(`${copy.metadata.name} does not hold what was promoted last (${universe.canary()?.status?.phase})`);
          }
        }
      },
    };
  },
};

const sumOf = (config: KubeObject): string => configChecksum(config);

/** "configmap/podinfo-config", as in `status.trackedConfigs`. */
const keyOf = ({ kind, metadata }: KubeObject) => `${kind.toLowerCase()}/${metadata.name.replace(/-primary$/, "")}`;

function copiesOf({ api }: Universe, names: ReadonlySet<string>): readonly KubeObject[] {
  const all = [...api.list(RESOURCES.configMap), ...api.list(RESOURCES.secret)];
  return all.filter(({ kind, metadata }) => names.has(`${kind} ${metadata.name}`));
}

/** Nothing is expected of a Canary that is held. */
function isTold(universe: Universe): boolean {
  const canary = universe.canary();
  return canary !== undefined && canary.spec?.suspend !== true;
}
