/**
 * Random inputs come from a fixed seed, so that a failure is caused by the change. `AVIARY_SEED=<number>` draws other
 * inputs: the nightly run sets it.
 */
import { configureGlobal, readConfigureGlobal } from "fast-check";

export const SEED = Number(process.env["AVIARY_SEED"] ?? 20_261_128);

/** `AVIARY_NIGHTLY=1` (`npm run test:nightly`) also runs the tests that repeat what another test of the suite shows. */
export const NIGHTLY = process.env["AVIARY_NIGHTLY"] === "1";

configureGlobal({ ...readConfigureGlobal(), seed: SEED });
