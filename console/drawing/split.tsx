/** How the traffic is split: what the operator promised, and what was measured. */
import type { SeriesView } from "../../src/console/types.ts";
import { asSentence, number } from "../format.ts";

export function Split({ weight, label }: { weight: number; label: string }) {
  return (
    <div class="split" role="img" aria-label={`${label}: ${weight} % canary, ${100 - weight} % primary`}>
      <Bar percent={weight} />
      <span class="figures">
        <span>
          <b>{weight} %</b> canary
        </span>
        <span class="dim">{100 - weight} % primary</span>
      </span>
    </div>
  );
}

const Bar = ({ percent }: { percent: number }) => (
  <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="primary" width="100" height="8" />
    <rect class="canary" width={Math.max(0, Math.min(100, percent))} height="8" />
  </svg>
);

/** The window of the measurement must lie within the step. */
const SETTLED_MS = 75_000;
/** Standard deviations: beyond them chance does not explain the difference. */
const CHANCE = 4;

interface BandProps {
  readonly weight: number;
  readonly share: SeriesView["share"];
  /** Why there is no share, as far as it is known yet. */
  readonly unmeasured: string | undefined;
  /** Milliseconds since the epoch: when the weight was promised. */
  readonly since: number;
  readonly mirror: boolean;
}

/** Promised above, measured below, on one scale. */
export function Band({ weight, share, unmeasured, since, mirror }: BandProps) {
  return (
    <div class="band">
      <Row name="promised" percent={weight} note={mirror ? "answers of the canary are thrown away" : ""} />
      {share === undefined ? (
        unmeasured !== undefined && <p class="dim small">{asSentence(`not measured: ${unmeasured}`)}</p>
      ) : (
        <Row
          name="measured"
          percent={share.percent}
          note={`of ${number(share.requests)} requests in ${share.window}`}
        />
      )}
      {share !== undefined && isOff(weight, share, since) && (
        <p class="notice wait small">
          The canary gets {number(share.percent)} % of the requests, not {weight} %. Chance does not explain this: look
          at the routes, at retries, and at connections that are kept open.
        </p>
      )}
    </div>
  );
}

function isOff(weight: number, { percent, requests, at }: NonNullable<SeriesView["share"]>, since: number): boolean {
  if (at - since < SETTLED_MS || requests < 50) return false;
  const promised = weight / 100;
  const spread = Math.sqrt((Math.max(promised * (1 - promised), 0.005) / requests) * 1);
  return Math.abs(percent / 100 - promised) > CHANCE * spread + 0.01;
}

function Row({ name, percent, note }: { name: string; percent: number; note: string }) {
  const [canary, primary] = [number(Math.round(percent * 10) / 10), number(Math.round((100 - percent) * 10) / 10)];
  return (
    <div class="row" role="img" aria-label={`${name}: ${canary} % canary, ${primary} % primary ${note}`}>
      <span class="name">{name}</span>
      <Bar percent={percent} />
      <span class="figures">
        <b>{canary} %</b> canary <span class="dim">· {primary} % primary</span>{" "}
        {note !== "" && <span class="dim">· {note}</span>}
      </span>
    </div>
  );
}
