// Whether anything is reported, whose it is, and where it goes: by the attributes of an element or of the script.
import { addressOf } from "./address";
import { deliver } from "./deliver";
import { randomId, sessionId } from "./session";

// Somebody whom the shop's server vouches for, or a session.
export type Who = { user?: string; signature?: string; session?: string };

export interface Reporter {
    who: Who;
    report(event: object): void; // throws where that is no JSON
}

// "" where there is none.
export type Attributes = (name: string) => string;

const objects = (): boolean =>
    navigator.doNotTrack === "1" || (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;

// Present is yes, as with other attributes of HTML; "false" is what React makes of a false one.
const wants = (report: string | null): boolean => report === "always" || (report !== null && report !== "false" && !objects());

export function userOf(attributes: Attributes): Who {
    const user = attributes("user"), signature = attributes("signature");
    return user !== "" && signature !== "" ? { user, signature } : {};
}

const page = randomId();
let count = 0;

// Undefined: nothing is reported, and no session is looked for.
export function reporterOf(report: string | null, server: string, attributes: Attributes): Reporter | undefined {
    if (server === "" || !wants(report)) {
        return undefined;
    }
    const known = userOf(attributes), { user, signature } = known, who = user ? known : { session: sessionId() };
    const address = addressOf(server + "/v1/events", { key: attributes("key") || attributes("api-key"), user, signature });
    return {
        who,
        report(event) {
            const whole = { id: `${page}-${++count}`, ...event, ...(user ? { user } : who) };
            JSON.stringify(whole); // so that what cannot be sent is known now
            deliver(address, whole);
        },
    };
}

const viewed = new Set<string>();

// A product that a page is about is looked at once.
export function reportView(reporter: Reporter, product: string): void {
    if (product !== "" && !viewed.has(product)) {
        viewed.add(product);
        reporter.report({ kind: "view", product });
    }
}
