// One question at a time: the newest one. While the page moves on, an answer to what was asked before is of no use.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { Problem } from "./api";

export interface Latest<T> {
    answer: ShallowRef<T | undefined>;
    problem: ShallowRef<Problem | undefined>;
    busy: Ref<boolean>;
    ask: (question: (signal: AbortSignal) => Promise<T>) => Promise<void>;
}

export function useLatest<T>(): Latest<T> {
    const answer = shallowRef<T>(), problem = shallowRef<Problem>(), busy = ref(false);
    let running = false, next: ((signal: AbortSignal) => Promise<T>) | undefined, last = new AbortController();

    async function go(question: (signal: AbortSignal) => Promise<T>): Promise<void> {
        last = new AbortController();
        const { signal } = last;
        try {
            const got = await question(signal);
            if (!signal.aborted) {
                answer.value = got;
                problem.value = undefined;
            }
        } catch (fault) {
            if (!signal.aborted) {
                problem.value = fault instanceof Problem ? fault : new Problem(0, "", String(fault));
            }
        }
    }

    // Of what is asked while an answer is on its way only the last is asked.
    async function ask(question: (signal: AbortSignal) => Promise<T>): Promise<void> {
        next = question;
        if (running) {
            return;
        }
        running = busy.value = true;
        while (next !== undefined) {
            const now = next;
            next = undefined;
            await go(now);
        }
        running = busy.value = false;
    }

    onScopeDispose(() => {
        next = undefined;
        last.abort();
    });
    return { answer, problem, busy, ask };
}
