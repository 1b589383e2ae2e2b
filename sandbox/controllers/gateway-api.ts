/**
 * What the sandbox says of GatewayClasses, Gateways and routes of the Gateway API, and of Ingresses: who accepts them,
 * and why not.
 */
import { type KubeFields, type KubeObject, RESOURCES, type ResourceType } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import { GATEWAY_API, GATEWAY_CONTROLLER, GATEWAY_GROUP } from "../crds/gateway-api.ts";
import { type Attachment, attachmentsOf, isSpoken, listenersOf, ownGateways } from "../mesh/gateway-api/attachment.ts";
import { backendProblem } from "../mesh/gateway-api/backends.ts";
import { isOwnIngress } from "../mesh/ingress.ts";
import { type ControllerContext, type Stop, startController } from "./context.ts";
import { editStatus, getByKey, isTerminating, keyOf } from "./objects.ts";

/** Of the gateway. */
const ADDRESS = "127.0.0.1";
const { gatewayClass, gateway, httpRoute, grpcRoute, referenceGrant } = GATEWAY_API;
const ROUTES: readonly ResourceType[] = [httpRoute, grpcRoute];

export function startGatewayApi(context: ControllerContext): Stop {
  const stops = [startClasses, startGateways, ...ROUTES.map((type) => startRoutes(type)), startIngresses].map((start) =>
    start(context),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

interface Verdict {
  readonly type: string;
  readonly holds: boolean;
  readonly reason: string;
  readonly message?: string;
}

/** Conditions with the times of changes, as the Gateway API writes them. */
function conditions(
  { clock }: ControllerContext,
  verdicts: readonly Verdict[],
  generation: number | undefined,
  before: readonly KubeFields[] = [],
): readonly KubeFields[] {
  return verdicts.map(({ type, holds, reason, message = "" }) => {
    const status = holds ? "True" : "False";
    const known = before.find((condition) => condition.type === type);
    const lastTransitionTime = known?.status === status ? known.lastTransitionTime : rfc3339(clock.now());
    return { type, status, reason, message, observedGeneration: generation, lastTransitionTime };
  });
}

function startClasses(context: ControllerContext): Stop {
  const { cluster } = context;
  return startController(context, "gateway-class-controller", (wiring) => {
    wiring.onSelf(gatewayClass);
    return (key) => {
      const found = getByKey(cluster, gatewayClass, key);
      if (found?.spec?.controllerName !== GATEWAY_CONTROLLER) return;
      editStatus(cluster, gatewayClass, found, (copy) => {
        const verdicts = [{ type: "Accepted", holds: true, reason: "Accepted" }];
        const list = conditions(context, verdicts, found.metadata.generation, copy.status?.conditions);
        copy.status = { ...copy.status, conditions: list };
      });
    };
  });
}

function startGateways(context: ControllerContext): Stop {
  const { cluster } = context;
  return startController(context, "gateway-controller", (wiring) => {
    const all = () => cluster.list(gateway).map(keyOf);
    wiring.onSelf(gateway);
    for (const type of [gatewayClass, ...ROUTES]) wiring.on(type, all);
    return (key) => {
      const own = ownGateways(cluster);
      const found = own.find((each) => keyOf(each) === key);
      if (found !== undefined && !isTerminating(found)) syncGateway(context, found, own);
    };
  });
}

function syncGateway(context: ControllerContext, found: KubeObject, own: readonly KubeObject[]): void {
  const { cluster } = context;
  const { generation } = found.metadata;
  const attached = ROUTES.flatMap((type) => cluster.list(type)).flatMap((route) =>
    attachmentsOf(cluster, route, own).filter(({ parent }) => parent === keyOf(found)),
  );
  editStatus(cluster, gateway, found, (copy) => {
    const before: readonly KubeFields[] = copy.status?.listeners ?? [];
    const listeners = listenersOf(found).map((listener) => {
      const known = before.find(({ name }) => name === listener.name);
      return {
        name: listener.name,
        supportedKinds: isSpoken(listener) ? ROUTES.map(({ kind }) => ({ group: GATEWAY_GROUP, kind })) : [],
        attachedRoutes: attached.filter((each) => each.listeners.includes(listener.name)).length,
        conditions: conditions(context, listenerVerdicts(listener), generation, known?.conditions),
      };
    });
    const verdicts = [
      { type: "Accepted", holds: true, reason: "Accepted" },
      { type: "Programmed", holds: true, reason: "Programmed" },
    ];
    copy.status = {
      addresses: [{ type: "IPAddress", value: ADDRESS }],
      conditions: conditions(context, verdicts, generation, copy.status?.conditions),
      listeners,
    };
  });
}

function listenerVerdicts(listener: KubeFields): readonly Verdict[] {
  const good = isSpoken(listener);
  const message = good ? "" : `the sandbox's gateway speaks plain HTTP, not ${listener.protocol}`;
  return [
    { type: "Accepted", holds: good, reason: good ? "Accepted" : "UnsupportedProtocol", message },
    { type: "Programmed", holds: good, reason: good ? "Programmed" : "Invalid", message },
    { type: "ResolvedRefs", holds: true, reason: "ResolvedRefs" },
  ];
}

function startRoutes(type: ResourceType): (context: ControllerContext) => Stop {
  return (context) => {
    const { cluster } = context;
    return startController(context, `${type.kind.toLowerCase()}-controller`, (wiring) => {
      const all = () => cluster.list(type).map(keyOf);
      wiring.onSelf(type);
      for (const other of [gatewayClass, gateway, referenceGrant, RESOURCES.service, RESOURCES.namespace]) {
        wiring.on(other, all);
      }
      return (key) => {
        const route = getByKey(cluster, type, key);
        if (route !== undefined && !isTerminating(route)) syncRoute(context, type, route);
      };
    });
  };
}

/** What other controllers say of the route stays. */
function syncRoute(context: ControllerContext, type: ResourceType, route: KubeObject): void {
  const { cluster } = context;
  const own = attachmentsOf(cluster, route, ownGateways(cluster));
  const known: readonly KubeFields[] = route.status?.parents ?? [];
  const mine = known.filter(({ controllerName }) => controllerName === GATEWAY_CONTROLLER);
  if (own.length === 0 && mine.length === 0) return;
  editStatus(cluster, type, route, (copy) => {
    const others = known.filter(({ controllerName }) => controllerName !== GATEWAY_CONTROLLER);
    const parents = own.map((attachment) => {
      const { parentRef } = attachment;
      const before = mine.find((entry) => JSON.stringify(entry.parentRef) === JSON.stringify(parentRef));
      const verdicts = [accepted(attachment, route), resolved(context, route)];
      return {
        parentRef,
        controllerName: GATEWAY_CONTROLLER,
        conditions: conditions(context, verdicts, route.metadata.generation, before?.conditions),
      };
    });
    copy.status = { ...copy.status, parents: [...others, ...parents] };
  });
}

function accepted({ refusal }: Attachment, { kind }: KubeObject): Verdict {
  if (refusal !== undefined) return { type: "Accepted", holds: false, ...refusal };
  const message = kind === "GRPCRoute" ? "the sandbox's gateway does not carry requests of gRPC" : "";
  return { type: "Accepted", holds: true, reason: "Accepted", message };
}

function resolved({ cluster }: ControllerContext, route: KubeObject): Verdict {
  const rules: readonly KubeFields[] = route.spec?.rules ?? [];
  const backends = rules.flatMap((rule): readonly KubeFields[] => rule.backendRefs ?? []);
  const [problem] = backends.flatMap((backend) => backendProblem(cluster, route, backend) ?? []);
  if (problem !== undefined) return { type: "ResolvedRefs", holds: false, ...problem };
  return { type: "ResolvedRefs", holds: true, reason: "ResolvedRefs" };
}

/** An address that another controller has written stays. */
function startIngresses(context: ControllerContext): Stop {
  const { cluster } = context;
  return startController(context, "ingress-controller", (wiring) => {
    wiring.onSelf(RESOURCES.ingress);
    return (key) => {
      const found = getByKey(cluster, RESOURCES.ingress, key);
      if (found === undefined || !isOwnIngress(found) || found.status?.loadBalancer?.ingress !== undefined) return;
      editStatus(cluster, RESOURCES.ingress, found, (copy) => {
        copy.status = { ...copy.status, loadBalancer: { ingress: [{ ip: ADDRESS }] } };
      });
    };
  });
}
