/** sum, avg, topk, … : many elements of a vector become one per group. */
import { ExecutionError } from "./errors.ts";
import { isLabelName, keyOf, type Labels, only, withLabel, without } from "./labels.ts";
import { quantile } from "./quantile.ts";
import type { Grouping } from "./tree.ts";
import { type Vector, type VectorElement, vector } from "./values.ts";

type Reduction = (values: readonly number[], param: number) => number;

const sum: Reduction = (values) => values.reduce((total, value) => total + value, 0);

/** A running mean, because the sum of large values might overflow. */
const average: Reduction = (values) => {
  let mean = values[0] ?? Number.NaN;
  values.slice(1).forEach((value, i) => {
    const infinite = mean === Number.POSITIVE_INFINITY || mean === Number.NEGATIVE_INFINITY;
    if (infinite && (value === mean || Number.isFinite(value))) return;
    mean += value / (i + 2) - mean / (i + 2);
  });
  return mean;
};

const variance: Reduction = (values) => {
  let mean = values[0] ?? 0;
  let squares = 0;
  values.slice(1).forEach((value, i) => {
    const delta = value - mean;
    mean += delta / (i + 2);
    squares += delta * (value - mean);
  });
  return squares / values.length;
};

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  sum,
  avg: average,
  min: (values) => values.reduce((best, value) => (best > value || Number.isNaN(best) ? value : best)),
  max: (values) => values.reduce((best, value) => (best < value || Number.isNaN(best) ? value : best)),
  count: (values) => values.length,
  group: () => 1,
  stdvar: variance,
  stddev: (values) => Math.sqrt(variance(values, 0)),
  quantile: (values, q) => quantile(q, values),
};

interface Group {
  readonly labels: Labels;
  readonly elements: VectorElement[];
}

/** @param param k, φ, or the label of count_values */
export function aggregate(op: string, input: Vector, grouping: Grouping | undefined, param: number | string): Vector {
  if (op === "count_values") return countValues(input, grouping, String(param));
  const groups = grouped(input, grouping);
  if (op === "topk" || op === "bottomk") return vector(groups.flatMap((group) => best(group, op, Number(param))));
  const reduce = REDUCTIONS[op];
  if (reduce === undefined) throw new ExecutionError(`unknown aggregation ${op}`);
  const values = (group: Group) => group.elements.map(({ value }) => value);
  return vector(groups.map((group) => ({ labels: group.labels, value: reduce(values(group), Number(param)) })));
}

function groupLabels(labels: Labels, grouping: Grouping | undefined): Labels {
  if (grouping === undefined) return new Map();
  return grouping.by ? only(labels, grouping.labels) : without(labels, grouping.labels);
}

function grouped(input: Vector, grouping: Grouping | undefined): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const element of input.elements) {
    const labels = groupLabels(element.labels, grouping);
    const key = keyOf(labels);
    const group = groups.get(key) ?? { labels, elements: [] };
    group.elements.push(element);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function best({ elements }: Group, op: string, k: number): readonly VectorElement[] {
  if (Number.isNaN(k) || Math.abs(k) > 2 ** 63) throw new ExecutionError(`Scalar value ${k} overflows int64`);
  const sign = op === "topk" ? -1 : 1;
  const order = (a: number, b: number) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : sign * (a - b);
  return [...elements].sort((a, b) => order(a.value, b.value)).slice(0, Math.max(0, Math.trunc(k)));
}

function countValues(input: Vector, grouping: Grouping | undefined, label: string): Vector {
  if (!isLabelName(label)) throw new ExecutionError(`invalid label name ${JSON.stringify(label)}`);
  const marked = input.elements.map(({ labels, value }) => ({
    labels: withLabel(labels, label, floatText(value)),
    value,
  }));
  const wider: Grouping =
    grouping?.by === false ? grouping : { by: true, labels: [...(grouping?.labels ?? []), label] };
  const groups = grouped(vector(marked), wider);
  return vector(groups.map((group) => ({ labels: group.labels, value: group.elements.length })));
}

/** All digits and no exponent. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const [digits = "0", power = "0"] = Math.abs(value).toExponential().split("e");
  const plain = digits.replace(".", "");
  const point = Number(power) + 1;
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${plain}`;
  const fraction = plain.slice(point);
  return sign + plain.slice(0, point).padEnd(point, "0") + (fraction === "" ? "" : `.${fraction}`);
}
