/** Which container of a pod a request is about. */
import type { KubeObject } from "../../../src/ports/kubernetes.ts";
import { badRequest } from "../errors.ts";
import type { Call } from "./call.ts";

/** The container that the query names, or the pod's only one. @throws ApiError 400 when it does not exist */
export function containerOf({ query }: Pick<Call, "query">, pod: KubeObject): string {
  const { name } = pod.metadata;
  const containers: { name: string }[] = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const container = query.get("container") ?? undefined;
  const names = containers.map((entry) => entry.name);
  if (container === undefined && (pod.spec?.containers ?? []).length > 1) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(" ")}]`);
  }
  const chosen = container ?? pod.spec?.containers?.[0]?.name;
  if (!names.includes(chosen)) throw badRequest(`container ${chosen} is not valid for pod ${name}`);
  return chosen;
}
