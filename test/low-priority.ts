/** Integration tests leave the processor to the end-to-end tests beside them, whose users and probes cannot wait. */
import { constants, getPriority, setPriority } from "node:os";

// Only root may raise a priority that is lower already.
setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
