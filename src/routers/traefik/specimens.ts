import type { Specimen } from "../specimen.ts";

const spec = { provider: "traefik" };

export const SPECIMENS: readonly Specimen[] = [
  { router: "traefik", what: "a minimal Canary", parts: { spec }, world: [] },
  {
    router: "traefik",
    what: "a Canary with metadata",
    parts: { spec, service: { apex: { labels: { a: "b" } } } },
    world: [],
  },
];
