// Settings as the form has them, and as they are sent: without what is as usual, in one order, so that equal ones are equal
// as texts.
import { computed, inject, type ComputedRef, type InjectionKey, type Ref } from "vue";
import { say, sayNumber, type Word } from "../words";
import type { Rule, Settings } from "./calls";

export type Source = keyof NonNullable<Settings["sources"]>;
export type Kind = Rule["rule"];

export const knowing: [Source, Word][] = [["taste", "source_taste"], ["recent", "source_recent"], ["co-clicked", "source_clicked"], ["bought-together", "source_bought"]];
export const filling: [Source, Word][] = [["popular", "source_popular"], ["new", "source_new"], ["any", "source_any"], ["seen", "source_seen"]];
export const kinds: [Kind, Word, Word][] = [
    ["hide", "rule_hide", "rule_hide_how"], ["pin", "rule_pin", "rule_pin_how"], ["cap", "rule_cap", "rule_cap_how"],
    ["share", "rule_share", "rule_share_how"], ["boost", "rule_boost", "rule_boost_how"], ["bury", "rule_bury", "rule_bury_how"],
];
export const begun: Record<Kind, Partial<Rule>> = { hide: {}, pin: { products: [], position: 0 }, cap: { most: 2 }, share: { share: 0.3 }, boost: { by: 2 }, bury: { by: 2 } };

export const MOST_RULES = 32;

// Which members a rule has, beside those that all have.
export const membersOf: Record<Kind, (keyof Rule)[]> = { hide: ["where"], pin: ["products", "position"], cap: ["field", "most", "where"], share: ["share", "where"], boost: ["by", "where"], bury: ["by", "where"] };

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== false && !(typeof value === "string" && value.trim() === "");
const given = <T extends object>(from: T, names: (keyof T)[]): Partial<T> =>
    Object.fromEntries(names.filter((name) => isGiven(from[name])).map((name) => [name, from[name]])) as Partial<T>;

const ruleOf = (rule: Rule): Rule => ({ rule: rule.rule, ...given(rule, [...membersOf[rule.rule], "from", "until", "off", "note"]) });

function numbersOf(from: Partial<Record<Source, number>> | undefined, usual: number): Partial<Record<Source, number>> | undefined {
    const names = [...knowing, ...filling].map(([name]) => name).filter((name) => from?.[name] !== undefined && from[name] !== usual);
    return names.length > 0 ? Object.fromEntries(names.map((name) => [name, from![name]])) : undefined;
}

export function cleaned(from: Settings): Settings {
    return {
        ...given(from, ["k", "diversity", "where"]),
        ...given({ sources: numbersOf(from.sources, 1), places: numbersOf(from.places, 0) }, ["sources", "places"]),
        ...(from.after_purchase === "similar" ? {} : given(from, ["after_purchase"])),
        ...given(from, ["control_percent", "random_percent", "note"]),
        ...(from.rules?.length ? { rules: from.rules.map(ruleOf) } : {}),
    };
}

export const isSame = (one: Settings, other: Settings): boolean => JSON.stringify(cleaned(one)) === JSON.stringify(cleaned(other));

const parts: [Word, (keyof Settings)[]][] = [
    ["partSources", ["sources"]], ["partFilter", ["where", "after_purchase"]], ["partPlaces", ["k", "places"]], ["partDiversity", ["diversity"]],
    ["partRules", ["rules"]], ["partMeasured", ["control_percent", "random_percent"]], ["note", ["note"]],
];
// Which parts of the form differ.
export const differing = (one: Settings, other: Settings): Word[] =>
    parts.filter(([, names]) => names.some((name) => JSON.stringify(cleaned(one)[name]) !== JSON.stringify(cleaned(other)[name]))).map(([word]) => word);

// What the server says is wrong, and with which member; each field of the form shows what is said of it.
export interface Fault {
    field: string;
    text: string;
}
export const faultKey: InjectionKey<Ref<Fault | undefined>> = Symbol("fault");
export const useFault = (path: () => string): ComputedRef<string | undefined> => {
    const fault = inject(faultKey);
    return computed(() => (fault?.value?.field === path() ? fault.value.text : undefined));
};

// What the server says, with rules numbered as the cards are.
export const sayRules = (text: string): string => text.replace(/(settings\.)?rules\[(\d+)\]/g, (_, __, n: string) => say("ruleN", { n: sayNumber(Number(n) + 1) })).replaceAll("'settings.", "'");

// Moments in settings are Unix seconds or RFC 3339; a field of the page has local time without a zone.
export function localOf(moment: unknown): string {
    const date = new Date(typeof moment === "number" ? moment * 1000 : String(moment ?? ""));
    return Number.isNaN(date.getTime()) ? "" : new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
export const momentOf = (local: string): string | undefined => (local === "" ? undefined : new Date(local).toISOString().replace(".000Z", "Z"));
