import type { Specimen } from "../specimen.ts";

const spec = { provider: "kuma" };

export const SPECIMENS: readonly Specimen[] = [
  { router: "kuma", what: "a minimal Canary", parts: { spec }, world: [] },
  {
    router: "kuma",
    what: "a Canary with metadata",
    parts: { spec, service: { apex: { labels: { a: "b" } } } },
    world: [],
  },
];
