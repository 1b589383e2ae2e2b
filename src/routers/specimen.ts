/**
 * What the conformance suite needs to test a router: a Canary of each kind that the router serves, and the cluster
 * around it.
 */
import type { KubeObject } from "../ports/kubernetes.ts";

export interface Specimen {
  /** Name of the router. */
  readonly router: string;
  readonly what: string;
  /** Parts of a Canary, as testing/canary.ts takes them. */
  readonly parts: {
    readonly analysis?: Readonly<Record<string, unknown>>;
    readonly service?: Readonly<Record<string, unknown>>;
    readonly spec?: Readonly<Record<string, unknown>>;
  };
  /** Objects of other owners that the router reads or writes. */
  readonly world: readonly KubeObject[];
  /** All traffic or none: the split of an A/B test where matched requests cannot be split. */
  readonly switches?: true;
  /** The router cannot mirror this Canary's requests. */
  readonly mirrors?: false;
}
