/** ClusterRoles with an aggregation rule have the rules of all ClusterRoles that the rule selects. */
import { equal } from "../../src/json/merge-patch.ts";
import type { KubeFields, KubeObject, ResourceType } from "../../src/ports/kubernetes.ts";
import { type ControllerContext, type Stop, startController } from "./context.ts";
import { edit, matchesSelector } from "./objects.ts";

const CLUSTER_ROLE: ResourceType = {
  group: "rbac.authorization.k8s.io",
  version: "v1",
  kind: "ClusterRole",
  plural: "clusterroles",
  namespaced: false,
};
const ALL = "all";

export function startClusterRoles(context: ControllerContext): Stop {
  const { cluster } = context;
  return startController(context, "clusterrole-aggregation-controller", (wiring) => {
    wiring.on(CLUSTER_ROLE, () => [ALL]);
    return () => {
      const roles = cluster.list(CLUSTER_ROLE);
      for (const role of roles.filter((each) => each["aggregationRule"] !== undefined)) {
        const rules = aggregated(role, roles);
        if (equal(rules, role["rules"] ?? [])) continue;
        edit(cluster, CLUSTER_ROLE, role, (copy) => {
          copy["rules"] = rules;
        });
      }
    };
  });
}

/** Equal rules once, in the order of the roles' names. */
function aggregated(whole: KubeObject, roles: readonly KubeObject[]): readonly KubeFields[] {
  const selectors: readonly KubeFields[] = whole["aggregationRule"]?.clusterRoleSelectors ?? [];
  const parts = roles.filter(
    (role) =>
      role.metadata.name !== whole.metadata.name &&
      selectors.some((selector) => matchesSelector(selector, role.metadata.labels)),
  );
  const sorted = parts.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const found: KubeFields[] = [];
  for (const rule of sorted.flatMap((role): readonly KubeFields[] => role["rules"] ?? [])) {
    if (!found.some((known) => equal(known, rule))) found.push(rule);
  }
  return found;
}
