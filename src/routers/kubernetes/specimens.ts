import type { Specimen } from "../specimen.ts";

export const SPECIMENS: readonly Specimen[] = [
  { router: "kubernetes", what: "a minimal Canary", parts: { spec: { provider: "kubernetes" } }, world: [] },
];
