import type { Specimen } from "../specimen.ts";

const spec = { provider: "contour" };
const EVERYTHING = {
  timeout: "15s",
  retries: { attempts: 3, perTryTimeout: "1s", retryOn: "5xx,gateway-error" },
  match: [{ uri: { prefix: "/a" } }],
  apex: { labels: { team: "a" } },
};
const match = [
  { headers: { "x-canary": { exact: "insider" }, b: { suffix: "c" } } },
  { queryParams: { q: { exact: "1" } }, headers: { d: { regex: "e" } } },
];

export const SPECIMENS: readonly Specimen[] = [
  { router: "contour", what: "a minimal Canary", parts: { spec }, world: [] },
  { router: "contour", what: "a Canary with everything", parts: { spec, service: EVERYTHING }, world: [] },
  { router: "contour", what: "an A/B test", parts: { spec, analysis: { iterations: 3, match } }, world: [] },
];
