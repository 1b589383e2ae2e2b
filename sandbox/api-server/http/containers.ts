/** Which container of a pod a request is about. */
import { badRequest } from "../errors.ts";
import type { Call } from "./call.ts";
import { existing } from "./reading.ts";
import type { Route } from "./route.ts";

/** The container that the query names, or the pod's only one. @throws ApiError 400 when it does not exist */
export function containerOf(call: Call, route: Route): string {
  const pod = existing(call, route);
  const { name = "" } = route;
  const containers: { name: string }[] = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const container = call.query.get("container") ?? undefined;
  const names = containers.map((entry) => entry.name);
  if (container === undefined && (pod.spec?.containers ?? []).length > 1) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(" ")}]`);
  }
  const chosen = container ?? pod.spec?.containers?.[0]?.name;
  if (!names.includes(chosen)) throw badRequest(`container ${chosen} is not valid for pod ${name}`);
  return chosen;
}
