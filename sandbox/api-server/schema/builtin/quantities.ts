/** Resource quantities: "100m", "1.5Gi", 2. */

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

/** The value of a quantity in its base unit; NaN when it is not one. */
export function quantityValue(quantity: unknown): number {
  if (typeof quantity === "number") return quantity;
  const match = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([A-Za-z]{0,2})$/.exec(String(quantity));
  return match === null ? Number.NaN : Number(match[1]) * (FACTORS[match[2] ?? ""] ?? Number.NaN);
}

/** Negative, zero or positive; 0 when either is not a quantity. */
export function compareQuantities(a: unknown, b: unknown): number {
  return quantityValue(a) - quantityValue(b) || 0;
}
