// Who looks at the page: what they may do, and the secret that what changes anything must bring along.
import { computed, ref, shallowRef } from "vue";
import type { paths } from "./api-types";

export type Session = paths["/v1/session"]["get"]["responses"][200]["content"]["application/json"];

export const session = shallowRef<Session>();
export const mayEdit = computed(() => session.value?.access === "secret" || session.value?.access === "admin");

export const ended = ref(false); // a session is over that nobody here has ended

let learning: Promise<void> | undefined;

async function learn(): Promise<void> {
    const answer = await fetch("/v1/session");
    if (answer.ok) {
        session.value = (await answer.json()) as Session;
    }
}

// Asks once; what came of it is kept until somebody signs in or out.
export function learnSession(): Promise<void> {
    learning ??= learn().catch(() => undefined).finally(() => {
        learning = session.value === undefined ? undefined : learning;
    });
    return learning;
}

// Another tab has signed in anew: its session is this one's too.
export function learnSessionAgain(): Promise<void> {
    learning = undefined;
    return learnSession();
}

// A request was refused for want of a key: the session is over, or there was none.
export function forgetSession(): void {
    ended.value ||= session.value?.signed_in === true;
    session.value = { access: "none", signed_in: false };
}

// Exchanges a key for a session. Whether the server took it.
export async function signIn(key: string): Promise<boolean> {
    const answer = await fetch("/v1/session", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key: key.trim() }),
    });
    if (answer.ok) {
        session.value = (await answer.json()) as Session;
        ended.value = false;
    } else if (answer.status !== 400 && answer.status !== 401 && answer.status !== 403) {
        throw new Error(String(answer.status));
    }
    return answer.ok;
}

export async function signOut(): Promise<void> {
    await fetch("/v1/session", { method: "DELETE" }).catch(() => undefined); // then it is not over, and is shown so
    await learnSessionAgain();
}
