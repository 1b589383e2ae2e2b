/** The release of Flagger whose contract is kept; what `-version`, metrics and logs say. */
export const FLAGGER_VERSION = "1.44.0";

/** Our own release. */
export const AVIARY_VERSION = "0.1.0";
