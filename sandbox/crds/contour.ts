/** The kinds that Contour reads, with open schemas: Contour itself says in a status what it does not understand. */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { AGE, type Column, type Definition, definition } from "./definition.ts";

const COLUMNS: readonly Column[] = [
  { name: "FQDN", jsonPath: ".spec.virtualhost.fqdn", type: "string" },
  { name: "Status", jsonPath: ".status.currentStatus", type: "string" },
  AGE,
];

export function contourCrds(): readonly KubeObject[] {
  const crd = (kind: string, version: string, columns: readonly Column[], further: Pick<Definition, "plural"> = {}) =>
    definition({
      ...{ group: "projectcontour.io", kind, singular: kind.toLowerCase(), shortNames: [], categories: [] },
      ...{ versions: [version], columns },
      ...further,
    });
  return [
    crd("HTTPProxy", "v1", COLUMNS, { plural: "httpproxies" }),
    crd("TLSCertificateDelegation", "v1", [AGE]),
    crd("ExtensionService", "v1alpha1", [AGE]),
    crd("ContourConfiguration", "v1alpha1", [AGE]),
    crd("ContourDeployment", "v1alpha1", [AGE]),
  ];
}
