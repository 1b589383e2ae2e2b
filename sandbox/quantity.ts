/** Quantities of Kubernetes: "100m", "1.5Gi", "2k", 2. */

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The number a quantity stands for, in its base unit; undefined when it is none. */
export function parseQuantity(quantity: unknown): number | undefined {
  const match = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]{0,2})$/.exec(String(quantity));
  const factor = FACTORS[match?.[2] ?? ""];
  const number = Number(match?.[1]);
  return match === null || factor === undefined || Number.isNaN(number) ? undefined : number * factor;
}

/** "250m" for 0.25: thousandths, whole units without suffix. */
export function formatQuantity(value: number): string {
  const thousandths = Math.round(value * 1000);
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}
