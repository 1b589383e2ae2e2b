/** What is broken on purpose in src/routers/, see scripts/mutants.mjs. */
export const ROWS = [
  {
    breaks: "fields of a VirtualService that are not ours are lost",
    from: "const { http: _http, tcp: _tcp, gateways: _gateways, ...others } = existing.spec ?? {};",
    to: "const others = {};",
  },
  {
    breaks: "users outside an A/B test get no answer",
    from: 'rule(canary, serviceMatch(canary), [destination(canary, "primary", routes.primary)]),',
    to: "",
  },
  {
    breaks: "traffic is mirrored without being asked for",
    from: "if (!routes.mirror) return weighted;",
    to: "",
  },
  {
    breaks: "all traffic is mirrored whatever mirrorWeight says",
    from: "...(mirrorWeight > 0 ? { mirrorPercentage: { value: mirrorWeight } } : {}),",
    to: "",
  },
  {
    breaks: "the headers of an A/B test are lost when the Service matches, too",
    from: '...(wanted["headers"] === undefined ? {} : { headers: wanted["headers"] }),',
    to: "",
  },
  {
    breaks: "cookies of the last run are never expired",
    in: "src/routers/istio/",
    from: 'if (previous === "") return [];',
    to: "return [];",
  },
  {
    breaks: "sticky sessions come after the split and never match",
    from: "return [...sticky, withMirror(canary, weighted, routes)];",
    to: "return [withMirror(canary, weighted, routes), ...sticky];",
  },
  {
    breaks: "retries are switched off",
    from: "return { attempts: 0, ...(raw[field] as JsonObject) };",
    to: "return { ...(raw[field] as JsonObject), attempts: 0 };",
  },
  {
    breaks: "the Service's own name is not routed",
    from: "hosts: named ? service.hosts : [...service.hosts, service.name],",
    to: "hosts: service.hosts,",
  },
  {
    breaks: "without a gateway the mesh is not routed",
    from: 'gateways: service.gateways.length > 0 ? service.gateways : ["mesh"],',
    to: "gateways: service.gateways,",
  },
  {
    breaks: "weights are read from the sticky rule",
    from: "rulesFor(existing, canary).at(-1);",
    to: "rulesFor(existing, canary).at(0);",
  },
  {
    breaks: "a VirtualService of ours is remembered as a user's",
    from: "if (owned || annotations[KUBECTL_ANNOTATION] !== undefined) return {};",
    to: "if (annotations[KUBECTL_ANNOTATION] !== undefined) return {};",
  },
  {
    breaks: "routes to nobody are taken for routes",
    from: "if (primary === 0 && weight === 0) return undefined;",
    to: "",
  },
  {
    breaks: "knative: the untested revision gets the primary's share",
    from: "{ latestRevision: true, percent: routes.canary },",
    to: "{ latestRevision: true, percent: routes.primary },",
  },
  {
    breaks: "knative: half a split is taken for a whole one",
    from: "if (latest === undefined || primary === undefined) return undefined;",
    to: "if (latest === undefined && primary === undefined) return undefined;\n  if (latest === undefined || primary === undefined) return { primary: 100, canary: 0, mirror: false };",
  },
  {
    breaks: "knative: a Service stays pinned when its Canary goes",
    from: "const traffic = [{ latestRevision: true, percent: 100 }];",
    to: "const traffic = service.spec?.traffic ?? [];",
  },
];
